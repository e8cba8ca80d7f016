"""The codebook: nearest entries, moving averages, a start on the data, no dead entries."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nebulatent.latents.anchors import Snapshot
from nebulatent.latents.quantized import Codebook
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def test_entries_are_the_nearest_and_the_gradient_passes_straight_through() -> None:
    book, z = Codebook(4, 3), torch.randn(9, 3, requires_grad=True)
    found = book(z)
    labels, _ = oracle.quantisation(z.tolist(), book.entries.tolist())
    assert found.label.tolist() == labels
    torch.testing.assert_close(found.code, book.entries[found.label])
    weights = torch.randn(9, 3)
    (found.code * weights).sum().backward()
    assert torch.equal(z.grad, weights)
    assert book.entries.grad is None


def test_entries_follow_the_moving_average_of_their_codes(matches: Matches) -> None:
    book, z = Codebook(4, 3, decay=0.9), torch.randn(9, 3)
    entries = book.entries.tolist()
    counts, sums = oracle.moving_average(z.tolist(), entries, [1.0] * 4, entries, 0.9)
    assert not book(z).entry.requires_grad
    matches(book.counts, counts)
    matches(book.sums, sums)
    expected = [[v / n for v in row] for n, row in zip(counts, sums, strict=True)]
    matches(book.entries, expected)


def test_entries_without_codes_stay_and_nothing_moves_in_evaluation() -> None:
    book, z = Codebook(2, 1, decay=0.5), torch.zeros(3, 1)
    book.entries.data.copy_(torch.tensor([[0.5], [9.0]]))
    book.sums.copy_(book.entries)
    book.eval()(z)
    assert book.entries.flatten().tolist() == [0.5, 9.0]
    for _ in range(200):
        book.train()(z)
    assert book.entries[1].item() == pytest.approx(9.0, rel=1e-3)
    assert abs(book.entries[0].item()) < 1e-6


def groups() -> Tensor:
    """Ten codes in each of three places."""
    places = torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    return places.repeat(10, 1) + 0.01 * torch.randn(30, 2)


def test_warm_up_ends_on_the_centres_of_the_codes() -> None:
    book = Codebook(3, 2, warmup_epochs=1)
    book.begin_epoch(0, lambda: pytest.fail("not yet"))
    assert not book.active
    book.begin_epoch(1, lambda: Snapshot(groups()))
    assert book.active and book.placed
    torch.testing.assert_close(book.counts, torch.ones(3))
    assert torch.equal(book.sums, book.entries)
    assert sorted(book.entries.round().tolist()) == [[0.0, 0.0], [0.0, 5.0], [5.0, 0.0]]


def test_codes_of_several_entries_are_cut_into_parts() -> None:
    book = Codebook(3, 1)
    book.begin_epoch(0, lambda: Snapshot(groups()))
    assert book.entries.shape == (3, 1)


def test_entry_that_lost_its_codes_is_moved_and_its_average_starts_anew() -> None:
    book = Codebook(3, 2, decay=0.9)
    book.begin_epoch(0, lambda: Snapshot(groups()))
    with torch.no_grad():
        book.entries[1] = 1e3
        book.counts[0] = 7.0
    book.begin_epoch(1, lambda: Snapshot(groups()))
    assert set(book.assign(groups()).tolist()) == {0, 1, 2}
    assert book.counts.tolist() == [7.0, 1.0, 1.0]
    assert torch.equal(book.sums[1], book.entries[1])


def test_state_survives_saving() -> None:
    book = Codebook(3, 2, warmup_epochs=1)
    book.begin_epoch(1, lambda: Snapshot(groups()))
    twin = Codebook(3, 2, warmup_epochs=1)
    twin.load_state_dict(book.state_dict())
    assert twin.active and twin.placed and torch.equal(twin.entries, book.entries)


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_sizes_must_be_positive(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be positive, got 0"):
        Codebook(*sizes)


def test_decay_must_be_a_share() -> None:
    with pytest.raises(ValueError, match=r"`decay` must lie between 0 and 1, got 1"):
        Codebook(2, 2, decay=1.0)
