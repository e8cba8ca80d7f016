"""Agreement of grids counted in loops, the published IoUs told apart, and what is refused."""

import math

import pytest
import torch

from nebulatent.evaluation.voxels import agreement, iou, voxel_measures


def grids(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Originals, each about half as full as the one before, and probabilities."""
    generator = torch.Generator().manual_seed(seed)
    share = 0.6 / 2 ** torch.arange(count).view(-1, 1, 1, 1, 1)
    drawn = torch.rand(count, 1, 4, 4, 4, generator=generator)
    x = (drawn < share).float()
    return x, (0.6 * x + 0.7 * torch.rand(x.shape, generator=generator)).clamp(0, 1)


def counted(x: list[float], recon: list[float], threshold: float) -> tuple[int, int, int, int]:
    """Hits, invented, missed, empty, one cell after the other."""
    hits = invented = missed = empty = 0
    for original, probability in zip(x, recon, strict=True):
        filled = probability > threshold
        hits += original == 1 and filled
        invented += original == 0 and filled
        missed += original == 1 and not filled
        empty += original == 0 and not filled
    return hits, invented, missed, empty


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_measures_are_their_conventions_in_loops_over_any_batches(threshold: float) -> None:
    x, recon = grids(5, 0)
    each = [
        counted(a.flatten().tolist(), b.flatten().tolist(), threshold)
        for a, b in zip(x, recon, strict=True)
    ]
    hits, invented, missed, empty = (sum(column) for column in zip(*each, strict=True))
    one = [t / (t + f + m) if t + f + m else 1.0 for t, f, m, _ in each]
    smooth = [(t + 0.1) / (t + f + m + 0.1) for t, f, m, _ in each]
    batches = []
    for start in (0, 2, 4):
        t, f, m = (sum(row[i] for row in each[start : start + 2]) for i in range(3))
        batches.append((t + 1e-6) / (t + f + m + 1e-6))
    expected = {
        "IoU": hits / (hits + invented + missed),
        "IoU, per sample": sum(one) / 5,
        "IoU, per sample, ForkNet": sum(smooth) / 5,
        "IoU, per batch": sum(batches) / 3,
        "precision": hits / (hits + invented),
        "recall": hits / (hits + missed),
        "accuracy": (hits + empty) / (5 * 64),
    }
    found = voxel_measures([(x[:2], recon[:2]), (x[2:], recon[2:])], threshold, batch_size=2)
    assert {m.name: m.value for m in found} == pytest.approx(expected, rel=1e-12)
    assert len({round(value, 6) for value in list(expected.values())[:4]}) == 4
    assert all(f"{threshold:g}" in m.convention and not m.uses_labels for m in found)


def test_pooled_counts_cells_and_per_sample_counts_grids() -> None:
    x = torch.zeros(2, 100)
    x[0, :90], x[1, 0] = 1, 1
    recon = x.clone()
    recon[1] = 0  # the small one is missed whole
    found = agreement(x, recon)
    assert iou(found, 2) == pytest.approx(90 / 91)
    assert iou(found, 9) == iou(found, 2)
    assert iou(found) == 0.5


def test_a_perfect_and_an_empty_reconstruction() -> None:
    x, _ = grids(3, 1)
    perfect = {m.name: m.value for m in voxel_measures([(x.bool(), x)])}
    assert perfect == pytest.approx(dict.fromkeys(perfect, 1.0))
    nothing = {m.name: m.value for m in voxel_measures([(x, torch.zeros_like(x))])}
    assert (nothing["IoU"], nothing["precision"], nothing["recall"]) == (0, 0, 0)
    invented = {m.name: m.value for m in voxel_measures([(x * 0, x)])}
    assert invented["precision"] == 0 and "recall" not in invented
    both = {m.name: m.value for m in voxel_measures([(x * 0, x * 0)])}
    assert (both["IoU"], both["IoU, per sample"], both["accuracy"]) == (1, 1, 1)
    assert not {"precision", "recall"} & both.keys()


def test_a_half_is_empty_and_batches_make_no_difference() -> None:
    x, recon = torch.ones(1, 8), torch.full((1, 8), 0.5)
    assert iou(agreement(x, recon)) == 0
    x, recon = grids(7, 2)
    whole = voxel_measures([(x, recon)])
    assert voxel_measures([(x[:0], recon[:0]), (x[:3], recon[:3]), (x[3:], recon[3:])]) == whole


@pytest.mark.parametrize(
    ("x", "recon", "threshold", "message"),
    [
        (torch.ones(1, 8), torch.ones(1, 9), 0.5, "`recon` must have the shape of `x`"),
        (torch.ones(0, 8), torch.ones(0, 8), 0.5, "with cells, got"),
        (torch.ones(8), torch.ones(8), 0.5, "`recon` must have the shape of `x`"),
        (torch.full((1, 8), 0.5), torch.ones(1, 8), 0.5, "`x` must hold 0 and 1 only"),
        (torch.full((1, 8), math.nan), torch.ones(1, 8), 0.5, "`x` must hold 0 and 1 only"),
        (torch.ones(1, 8), torch.full((1, 8), -3.0), 0.5, "take the sigmoid of logits"),
        (torch.ones(1, 8), torch.full((1, 8), math.nan), 0.5, "or NaN"),
        (torch.ones(1, 8), torch.ones(1, 8), 1.0, "`threshold` must be at least 0 and below 1"),
        (torch.ones(1, 8), torch.ones(1, 8), math.nan, "`threshold` must be"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    x: torch.Tensor, recon: torch.Tensor, threshold: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        agreement(x, recon, threshold)


def test_no_grid_and_groups_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="`pairs` must hold at least one grid, got none"):
        voxel_measures([])
    found = agreement(torch.ones(1, 8), torch.ones(1, 8))
    with pytest.raises(ValueError, match="`size` must be positive"):
        iou(found, 0)
    with pytest.raises(ValueError, match="`smoothing` not negative"):
        iou(found, smoothing=math.nan)
