"""Chamfer in every convention, earth mover's distance and F-score against loops."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.objectives.shapes import (
    CD_P,
    CD_T,
    CHAMFER_CONVENTIONS,
    FAN,
    FOLDING_NET,
    OCCUPANCY,
    POINT_FLOW,
    ChamferConvention,
    chamfer_distance,
    earth_mover,
    f_score,
)
from oracles import points as oracle

seeds = st.integers(0, 2**31 - 1)
WORDS = {
    FAN: (2, "sum", "sum"),
    POINT_FLOW: (2, "mean", "sum"),
    CD_T: (2, "mean", "sum"),
    CD_P: (1, "mean", "mean"),
    FOLDING_NET: (1, "mean", "max"),
    OCCUPANCY: (1, "mean", "mean"),
}


def drawn(size: int, others: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two clouds and two others."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, size, 3, generator=generator, dtype=torch.float64)
    return x, torch.randn(2, others, 3, generator=generator, dtype=torch.float64)


@given(st.sampled_from(CHAMFER_CONVENTIONS), st.integers(1, 9), st.integers(1, 9), seeds)
def test_chamfer_matches_the_oracle_in_every_convention(
    convention: ChamferConvention, size: int, others: int, seed: int
) -> None:
    x, y = drawn(size, others, seed)
    found = chamfer_distance(x, y, convention)
    expected = [
        oracle.chamfer(a, b, *WORDS[convention])
        for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0
    )
    torch.testing.assert_close(found, chamfer_distance(y, x, convention))


@pytest.mark.parametrize("convention", [FAN, CD_P, FOLDING_NET], ids=str)
def test_gradients_are_those_of_finite_differences_and_of_the_dense_formula(
    convention: ChamferConvention,
) -> None:
    x, y = (cloud.requires_grad_() for cloud in drawn(5, 7, 3))
    assert torch.autograd.gradcheck(lambda a, b: chamfer_distance(a, b, convention), (x, y))
    power, points, directions = WORDS[convention]
    table = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") ** power
    sides = [
        side.mean(1) if points == "mean" else side.sum(1) for side in (table.amin(2), table.amin(1))
    ]
    dense = {
        "sum": sides[0] + sides[1],
        "mean": (sides[0] + sides[1]) / 2,
        "max": torch.maximum(*sides),
    }[directions]
    weight = torch.tensor([1.0, -2.0])
    expected = torch.autograd.grad((weight * dense).sum(), (x, y))
    found = torch.autograd.grad((weight * chamfer_distance(x, y, convention)).sum(), (x, y))
    torch.testing.assert_close(found, expected)


def test_coincident_clouds_have_no_distance_and_no_gradient() -> None:
    x = torch.rand(1, 20, 3, requires_grad=True)
    for convention in CHAMFER_CONVENTIONS:
        (gradient,) = torch.autograd.grad(chamfer_distance(x, x.detach(), convention).sum(), x)
        assert chamfer_distance(x, x, convention).item() == 0
        assert torch.equal(gradient, torch.zeros_like(x))


def test_a_convention_says_what_it_computes() -> None:
    assert str(FAN) == "sum d² + sum e² (Fan et al. 2017, Eq. 2)"
    assert str(FOLDING_NET) == "max(mean d, mean e) (FoldingNet, Eq. 1)"
    assert str(POINT_FLOW).startswith("mean d² + mean e², ×10000")
    assert len(set(map(str, CHAMFER_CONVENTIONS))) == len(CHAMFER_CONVENTIONS) == len(WORDS)
    with pytest.raises(ValueError, match="`printed_scale` must be positive, got 0"):
        ChamferConvention(name="none", squared=True, printed_scale=0.0)


def test_turning_and_moving_both_clouds_changes_nothing() -> None:
    x, y = drawn(30, 40, 5)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    before, after = (
        torch.stack([chamfer_distance(a, b, CD_P), f_score(a, b, 0.4).score])
        for a, b in ((x, y), (x @ turn + 3, y @ turn + 3))
    )
    torch.testing.assert_close(before, after)


def test_empty_and_unfinished_clouds_are_refused() -> None:
    with pytest.raises(ValueError, match="`points` must have points"):
        chamfer_distance(torch.rand(1, 3, 3), torch.rand(1, 0, 3), FAN)
    with pytest.raises(ValueError, match="must be finite"):
        chamfer_distance(torch.full((1, 3, 3), torch.nan), torch.rand(1, 3, 3), FAN)


@given(st.integers(1, 5), st.sampled_from([0.0, 0.05]), seeds)
def test_earth_mover_matches_the_oracle_up_to_its_tolerance(
    size: int, tolerance: float, seed: int
) -> None:
    x, y = drawn(size, size, seed)
    found = earth_mover(x, y, tolerance=tolerance)
    best = [oracle.earth_mover(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    above = found.distance - torch.tensor(best, dtype=torch.float64)
    assert ((above >= -1e-12) & (above <= found.matching.excess + 1e-12)).all()
    assert (found.matching.excess <= tolerance * (1 + 1e-9)).all()


def test_earth_mover_is_differentiable_and_refuses_unequal_sizes() -> None:
    x, y = (cloud.requires_grad_() for cloud in drawn(4, 4, 9))
    assert torch.autograd.gradcheck(lambda a, b: earth_mover(a, b).distance, (x, y))
    with pytest.raises(ValueError, match="must have as many points, got 4 and 3"):
        earth_mover(x, y[:, :3])


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.3, 1.0, 9.0]), seeds)
def test_f_score_matches_the_oracle(size: int, others: int, threshold: float, seed: int) -> None:
    x, y = drawn(size, others, seed)
    found = torch.stack(list(f_score(x, y, threshold)), 1)
    expected = [
        oracle.f_score(a, b, threshold) for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_a_threshold_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="`threshold` must be positive, got 0"):
        f_score(*drawn(2, 2, 1), 0.0)


LARGE = """
import torch
from pathlib import Path
from nebulatent.objectives.shapes import POINT_FLOW, chamfer_distance

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

x, y = (torch.rand(1, 30_000, 3, requires_grad=True) for _ in range(2))
chamfer_distance(x[:, :9], y[:, :9], POINT_FLOW).sum().backward()
before = peak()
chamfer_distance(x, y, POINT_FLOW).sum().backward()
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="VmHWM is Linux's")
def test_memory_is_linear_in_the_points() -> None:
    run = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    assert int(run.stdout) / 1024 < 60  # MiB; a table of all pairs would take 3.4 GiB
