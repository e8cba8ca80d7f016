"""Pairs of views: which rows they show, and that batches carry them."""

import pytest
import torch

from nebulatent.data.batch import Batches
from nebulatent.data.pairs import PairView

X = torch.arange(6.0).unsqueeze(1)
NEXT = ((torch.arange(6).unsqueeze(1) + torch.tensor([1, 2])) % 6).long()


def same(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return x


def shown(share: float) -> torch.Tensor:
    """Pairs of all rows, 200 times."""
    rows = torch.arange(6).repeat(200)
    pairs = PairView(X, NEXT, same, neighbour_share=share)(rows, torch.Generator().manual_seed(0))
    assert torch.equal(pairs[:, 0], X[rows])
    return (pairs[:, 1] - pairs[:, 0]).flatten() % 6


def test_without_neighbours_both_views_show_the_sample() -> None:
    assert set(shown(0.0).tolist()) == {0.0}


def test_neighbours_are_equally_likely() -> None:
    steps = shown(1.0)
    assert set(steps.tolist()) == {1.0, 2.0}
    assert steps.mean().item() == pytest.approx(1.5, abs=0.05)


def test_the_share_of_neighbours_is_the_one_asked_for() -> None:
    assert (shown(0.3) > 0).float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_batches_of_rows_become_pairs_and_keep_their_rows() -> None:
    batches = Batches(torch.arange(6), batch_size=3, view=PairView(X, NEXT, same))
    batch = batches.batch(0, 0)
    assert batch.x.shape == (3, 2, 1) and batch.y is not None
    assert torch.equal(batch.x[:, 0], X[batch.y])
    assert torch.equal(batches.batch(0, 0).x, batch.x)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`neighbour_share` must be in \[0, 1\], got 2"):
        PairView(X, NEXT, same, neighbour_share=2)
    with pytest.raises(ValueError, match=r"`neighbours` must have one row per sample \(6\), got 5"):
        PairView(X, NEXT[:5], same)
