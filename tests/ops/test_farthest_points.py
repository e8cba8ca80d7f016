"""Farthest-point sampling against loops."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.farthest_points import distinct_picks, farthest_points
from oracles import points as oracle

seeds = st.integers(0, 2**31 - 1)


@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 12), st.booleans(), seeds)
def test_picks_match_the_oracle_with_and_without_copies(
    size: int, dim: int, count: int, copies: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(2, size, dim, generator=generator, dtype=torch.float64)
    points = points.round() if copies else points
    start = torch.randint(size, (2,), generator=generator)
    count = min(count, size)
    expected = [
        oracle.farthest_points(cloud.tolist(), count, int(first))
        for cloud, first in zip(points, start, strict=True)
    ]
    assert farthest_points(points, count, start=start).tolist() == expected
    assert distinct_picks(points, count, start).tolist() == expected


def test_picks_are_those_of_the_usual_loop_at_working_size() -> None:
    points = torch.rand(3, 700, 3)
    found = farthest_points(points, 300)
    assert torch.equal(found, distinct_picks(points, 300, torch.zeros(3, dtype=torch.long)))


def test_every_point_lies_within_the_last_gap_of_a_pick() -> None:
    points = torch.rand(1, 400, 2)
    picked = points[0, farthest_points(points, 30)[0]]
    apart = torch.cdist(picked, picked).fill_diagonal_(torch.inf).min()
    assert torch.cdist(points[0], picked).min(1).values.max() <= apart


def test_one_cloud_with_copies_leaves_the_others_alone() -> None:
    points = torch.rand(3, 20, 3)
    points[1] = points[1, :1]
    points[1, 7] += 1
    found = farthest_points(points, 20)
    assert found[1].tolist() == [0, 7, *(i for i in range(1, 20) if i != 7)]
    assert torch.equal(found[::2], farthest_points(points[::2], 20))
    assert all(sorted(row) == list(range(20)) for row in found.tolist())


def test_a_generator_draws_the_start_and_the_same_seed_the_same_one() -> None:
    points = torch.rand(50, 9, 3)
    first, again = (
        farthest_points(points, 2, start=torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(first, again) and len(first[:, 0].unique()) > 3


def test_no_clouds_have_no_picks() -> None:
    assert farthest_points(torch.rand(0, 4, 3), 2).shape == (0, 2)


@pytest.mark.parametrize("count", [0, 5])
def test_impossible_numbers_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"`count` must lie in 1\.\.4 .* got {count}"):
        farthest_points(torch.rand(1, 4, 3), count)


def test_a_start_outside_the_cloud_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`start` must lie in 0\.\.3, got 4 to 4"):
        farthest_points(torch.rand(1, 4, 3), 2, start=4)


def test_unfinished_clouds_are_refused() -> None:
    with pytest.raises(ValueError, match="`points` must be finite"):
        farthest_points(torch.full((1, 4, 3), torch.nan), 2)


IN_ONE_GRAPH = """
import torch
from nebulatent.ops.ball_points import ball_points
from nebulatent.ops.farthest_points import farthest_points
from nebulatent.ops.nearest_points import nearest_points
from nebulatent.ops.points import points_at

def grouped(points):
    centre = points_at(points, farthest_points(points, 5))
    near = nearest_points(centre, points, 3)
    balls = ball_points(centre + 0.4, points, 0.3, 4)
    return near.squared_distance, near.indices, balls

points = torch.rand(2, 40, 3, dtype=torch.float64)
compiled = torch.compile(grouped, backend="aot_eager", fullgraph=True)
torch.testing.assert_close(compiled(points), grouped(points), rtol=1e-12, atol=1e-14)
print("agree")
"""


def test_sampling_and_grouping_are_one_graph_and_the_same() -> None:
    command = [sys.executable, "-c", IN_ONE_GRAPH]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "agree", done.stderr[-3000:]
