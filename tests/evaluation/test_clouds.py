"""Distances of rebuilt clouds in loops, and what is refused."""

import math

import pytest
import torch

from nebulatent.evaluation.clouds import F_SCORE, cloud_measures, strangers


def clouds(count: int, points: int, seed: int) -> torch.Tensor:
    return torch.randn(count, points, 3, generator=torch.Generator().manual_seed(seed)) / 20


def test_measures_are_their_conventions_in_loops_over_any_batches() -> None:
    x, recon = clouds(5, 9, 0), clouds(5, 7, 1)
    two, one, score = [], [], []
    for original, rebuilt in zip(x.tolist(), recon.tolist(), strict=True):
        d = [min(math.dist(p, q) for q in original) for p in rebuilt]
        e = [min(math.dist(p, q) for q in rebuilt) for p in original]
        two.append(sum(v**2 for v in d) / 7 + sum(v**2 for v in e) / 9)
        one.append((sum(d) / 7 + sum(e) / 9) / 2)
        right, found = sum(v <= 0.05 for v in d) / 7, sum(v <= 0.05 for v in e) / 9
        score.append(2 * right * found / max(right + found, 1e-9))
    found = cloud_measures([(x[:2], recon[:2]), (x[2:], recon[2:])])
    values = {measure.name: measure.value for measure in found}
    expected = {"Chamfer-L2": 1e4 * sum(two) / 5, "Chamfer-L1": 10 * sum(one) / 5}
    expected[F_SCORE] = sum(score) / 5
    assert values == pytest.approx(expected, rel=1e-5)
    assert 0 < expected[F_SCORE] < 1


def test_every_chamfer_says_which_one_it_is() -> None:
    found = {m.name: m for m in cloud_measures([(clouds(2, 4, 0), clouds(2, 4, 1))])}
    assert "mean d² + mean e², ×10000 (PointFlow" in found["Chamfer-L2"].convention
    assert "(mean d + mean e)/2, ×10 (Chamfer-L1" in found["Chamfer-L1"].convention
    assert [m.better for m in found.values()] == ["lower", "lower", "higher"]


def test_strangers_are_different_clouds() -> None:
    x = torch.zeros(3, 4, 3)
    x[1] += 1
    (scale,) = strangers(x)
    assert scale.value == pytest.approx(1e4 * 2 * (3 + 3 + 0) / 3)
    assert strangers(x[:1]) == []


def test_no_cloud_and_broken_clouds_are_refused() -> None:
    with pytest.raises(ValueError, match="`pairs` must hold at least one cloud, got none"):
        cloud_measures([])
    broken = clouds(2, 4, 0)
    broken[1, 2, 0] = torch.nan
    with pytest.raises(ValueError, match="`recon` must be finite, got NaN"):
        cloud_measures([(clouds(2, 4, 1), broken)])
