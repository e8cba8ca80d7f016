"""SSIM against the published formula, window by window."""

import math

import pytest
import torch

from nebulatent.evaluation.similarity import ssim

RNG = torch.Generator().manual_seed(0)


def slow_ssim(x: list[list[float]], y: list[list[float]], side: int) -> float:
    """Wang et al. 2004, Eq. (13)-(16) with a Gaussian window of `side` pixels."""
    half = side // 2
    cells = [(i, j) for i in range(side) for j in range(side)]
    weight = {(i, j): math.exp(-((i - half) ** 2 + (j - half) ** 2) / 4.5) for i, j in cells}
    norm = sum(weight.values())
    values = []
    for top in range(len(x) - side + 1):
        for left in range(len(x[0]) - side + 1):
            at = [(weight[c] / norm, top + c[0], left + c[1]) for c in cells]
            mx = sum(w * x[i][j] for w, i, j in at)
            my = sum(w * y[i][j] for w, i, j in at)
            vx = sum(w * (x[i][j] - mx) ** 2 for w, i, j in at)
            vy = sum(w * (y[i][j] - my) ** 2 for w, i, j in at)
            cov = sum(w * (x[i][j] - mx) * (y[i][j] - my) for w, i, j in at)
            top_part = (2 * mx * my + 1e-4) * (2 * cov + 9e-4)
            values.append(top_part / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    return sum(values) / len(values)


@pytest.mark.parametrize(
    ("height", "width", "side"), [(14, 12, 11), (11, 11, 11), (10, 13, 9), (3, 5, 3), (2, 1, 1)]
)
def test_ssim_is_the_published_formula(height: int, width: int, side: int) -> None:
    x, y = torch.rand(2, 2, 2, height, width, dtype=torch.float64, generator=RNG)
    for n in range(2):
        channels = [slow_ssim(x[n, c].tolist(), y[n, c].tolist(), side) for c in range(2)]
        assert ssim(x, y)[n].item() == pytest.approx(sum(channels) / 2, rel=1e-9)


def test_ssim_of_equal_images_is_one_and_of_negatives_is_low() -> None:
    x = torch.rand(3, 1, 12, 12, generator=RNG)
    assert torch.allclose(ssim(x, x), torch.ones(3, dtype=torch.float64))
    assert (ssim(x, 1 - x) < 0).all()


def test_ssim_of_constant_images_compares_their_brightness() -> None:
    x, y = torch.zeros(1, 1, 12, 12), torch.ones(1, 1, 12, 12)
    assert ssim(x, x).item() == pytest.approx(1)
    assert ssim(x, y).item() == pytest.approx(1e-4 / (1 + 1e-4))


def test_ssim_is_symmetric() -> None:
    x, y = torch.rand(2, 4, 3, 16, 16, generator=RNG)
    assert torch.allclose(ssim(x, y), ssim(y, x))


def test_many_images_are_each_compared_with_their_own_pair() -> None:
    x, y = torch.rand(2, 250, 1, 11, 11, generator=RNG)
    assert torch.allclose(
        ssim(x, y), torch.cat([ssim(x[n : n + 1], y[n : n + 1]) for n in range(250)])
    )
