"""Blobs."""

import pytest
import torch

from nebulatent.data.synthetic import blobs
from nebulatent.typing import Float, Int, Tensor


def _blobs(seed: int = 0, **options: float) -> tuple[Float[Tensor, "..."], Int[Tensor, "..."]]:
    sizes = {"num_samples": 2000, "num_classes": 5, "dim": 3, "separation": 20.0} | options
    return blobs(**sizes, generator=torch.Generator().manual_seed(seed))


def test_the_closest_centres_are_as_far_as_asked_and_spread_is_one() -> None:
    x, label = _blobs()
    centres = torch.stack([x[label == k].mean(0) for k in range(5)])
    assert torch.pdist(centres).min().item() == pytest.approx(20, abs=0.5)
    assert (x - centres[label]).std().item() == pytest.approx(1, abs=0.03)


def test_classes_are_equally_many_and_mixed() -> None:
    _, label = _blobs(num_samples=2003)
    counts = label.bincount()
    assert counts.max() - counts.min() <= 1
    assert len(label[:50].unique()) == 5


def test_the_seed_decides() -> None:
    assert torch.equal(_blobs(seed=1)[0], _blobs(seed=1)[0])
    assert not torch.equal(_blobs(seed=1)[0], _blobs(seed=2)[0])


def test_one_class_is_legal() -> None:
    x, label = _blobs(num_classes=1)
    assert x.shape == (2000, 3) and label.max() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "must be positive"),
        ({"dim": 0}, "must be positive"),
        ({"separation": -1.0}, "not negative"),
        ({"num_samples": 4}, "`num_samples` must be at least 5, got 4"),
    ],
)
def test_impossible_sizes_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _blobs(**options)
