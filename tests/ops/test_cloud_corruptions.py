"""Corruptions of clouds do what they say, as much as they say, and nothing else."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from nebulatent.ops import cloud_corruptions
from nebulatent.ops.cloud_corruptions import (
    cut_off,
    jittered,
    seen_from_sides,
    thinned,
    turned,
    turned_about_z,
)
from nebulatent.ops.points import to_unit_sphere
from nebulatent.typing import Tensor

Corrupt = Callable[[Tensor, torch.Generator, float], Tensor]
EVERY: list[tuple[Corrupt, float]] = [
    (jittered, 0.05),
    (thinned, 0.5),
    (turned_about_z, 90.0),
    (turned, 90.0),
    (cut_off, 0.5),
    (seen_from_sides, 1.0),
]
every = pytest.mark.parametrize(("corrupt", "strength"), EVERY)
TURNS: list[Corrupt] = [turned_about_z, turned]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clouds(count: int = 4, points: int = 60) -> Tensor:
    x = torch.randn(count, points, 3, generator=seeded(9), dtype=torch.float64)
    return to_unit_sphere(x).points


def own_points(x: Tensor, corrupted: Tensor) -> bool:
    """Whether every point of a corrupted cloud is one of its original, to the bit."""
    same = (corrupted.unsqueeze(2) == x.unsqueeze(1)).all(3).any(2)
    return bool(same.all())


@every
def test_a_seed_repeats_a_corruption_and_the_original_is_left_alone(
    corrupt: Corrupt, strength: float
) -> None:
    x = clouds()
    before = x.clone()
    first, again, other = (corrupt(x, seeded(seed), strength) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(x, before)


@every
@given(size=st.integers(1, 40), kept=st.integers(0, 3), seed=st.integers(0, 99))
def test_flat_and_tiny_clouds_stay_finite(
    corrupt: Corrupt, strength: float, size: int, kept: int, seed: int
) -> None:
    x = torch.randn(2, size, 3, generator=seeded(seed))
    x[..., kept:] = 0.25  # a plane, a line, one repeated point
    found = corrupt(x, seeded(seed), strength)
    assert found.isfinite().all()
    assert found.dtype == x.dtype and found.shape[0] == 2 and 1 <= found.shape[1] <= size


@pytest.mark.parametrize("corrupt", [jittered, thinned, turned_about_z, turned, cut_off])
def test_strength_zero_changes_no_point(corrupt: Corrupt) -> None:
    x = clouds()
    found = corrupt(x, seeded(), 0.0)
    assert found.shape == x.shape and own_points(x, found)


def test_noise_has_its_size_in_every_direction() -> None:
    noise = jittered(torch.zeros(20, 500, 3), seeded(), 0.02)
    assert noise.std((0, 1)).sub(0.02).abs().max() < 5e-4
    assert noise.mean((0, 1)).abs().max() < 1e-3


@pytest.mark.parametrize("corrupt", TURNS)
@pytest.mark.parametrize("degrees", [10.0, 180.0])
def test_turning_keeps_distances_and_handedness_and_the_largest_angle(
    corrupt: Corrupt, degrees: float
) -> None:
    x = clouds(200, 10)
    found = corrupt(x, seeded(), degrees)
    torch.testing.assert_close(torch.cdist(found, found), torch.cdist(x, x))
    frames = torch.eye(3, dtype=torch.float64).expand(500, 3, 3)
    rotation = corrupt(frames, seeded(), degrees)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(500, dtype=torch.float64))
    trace = rotation.diagonal(dim1=1, dim2=2).sum(1)
    angle = ((trace - 1) / 2).clamp(-1, 1).acos().rad2deg()
    assert 0.9 * degrees < angle.max() <= degrees + 1e-6
    assert abs(angle.mean() / degrees - 0.5) < 0.05  # drawn evenly


def test_turning_about_the_up_axis_leaves_heights() -> None:
    x = clouds()
    found = turned_about_z(x, seeded(), 180.0)
    torch.testing.assert_close(found[..., 2], x[..., 2])
    assert not torch.allclose(turned(x, seeded(), 180.0)[..., 2], x[..., 2], atol=0.1)


@pytest.mark.parametrize("corrupt", [thinned, cut_off])
@pytest.mark.parametrize(("share", "left"), [(0.0, 60), (0.25, 45), (0.9, 6), (0.999, 1)])
def test_a_share_of_the_points_is_missing(corrupt: Corrupt, share: float, left: int) -> None:
    x = clouds()
    found = corrupt(x, seeded(), share)
    assert found.shape == (4, left, 3) and own_points(x, found)
    assert all(len(cloud.unique(dim=0)) == left for cloud in found)


def divided_by_a_plane(x: Tensor, is_left: Tensor) -> bool:
    """Whether some plane has the one set on one side and the rest on the other."""
    sign = 1 - 2 * is_left.double().unsqueeze(1)
    sides = -sign * torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    found = linprog(np.zeros(4), A_ub=sides.numpy(), b_ub=-np.ones(len(x)), bounds=(None, None))
    return bool(found.success)


def test_a_plane_divides_what_is_left_from_what_is_cut_off() -> None:
    x = clouds(1, 200)
    for corrupt in (cut_off, thinned):
        kept = corrupt(x, seeded(), 0.4)[0]
        is_left = (x[0].unsqueeze(1) == kept).all(2).any(1)
        assert divided_by_a_plane(x[0], is_left) == (corrupt is cut_off)


def test_more_sides_see_more_and_only_what_is_there() -> None:
    x = torch.nn.functional.normalize(clouds(6, 800), dim=2)  # spheres hide about half of them
    found = {sides: seen_from_sides(x, seeded(), sides) for sides in (1.0, 2.0, 4.0, 30.0)}
    assert all(part.shape == x.shape and own_points(x, part) for part in found.values())
    seen = {
        sides: sum(len(cloud.unique(dim=0)) for cloud in part) / 4800
        for sides, part in found.items()
    }
    assert 0.45 < seen[1] < 0.75 and seen[30] > 0.99
    assert seen[1] < seen[2] < seen[4] < seen[30]


@pytest.mark.parametrize(
    ("corrupt", "strength", "words"),
    [
        (jittered, -0.1, r"`std` must not be negative, got -0\.1"),
        (jittered, float("nan"), "`std` must not be negative, got nan"),
        (thinned, 1.0, r"`share` must be in \[0, 1\), got 1\.0"),
        (cut_off, -0.5, r"`share` must be in \[0, 1\), got -0\.5"),
        (turned, 181.0, r"`degrees` must be within 0 to 180, got 181\.0"),
        (turned_about_z, float("nan"), "`degrees` must be within 0 to 180, got nan"),
        (seen_from_sides, 1.5, r"`sides` must be a whole number in 1\.\.100, got 1\.5"),
        (seen_from_sides, float("inf"), r"in 1\.\.100, got inf"),
    ],
)
def test_impossible_strengths_are_refused(corrupt: Corrupt, strength: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        corrupt(clouds(), seeded(), strength)


def test_cameras_look_from_every_side_alike() -> None:
    points = torch.zeros(4000, 1, 3)
    away = cloud_corruptions._frames(points, torch.Generator().manual_seed(0))[:, :, 2]
    assert away.mean(0).abs().max() < 0.05  # the standard error is 0.01
