"""Ball queries against loops, by trees and by blocks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops import ball_points as balls
from nebulatent.ops.ball_points import ball_by_block, ball_by_tree, ball_points
from oracles import points as oracle

seeds = st.integers(0, 2**31 - 1)


def drawn(queries: int, size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and points with multiples of a half as coordinates: many lie on the sphere itself."""
    generator = torch.Generator().manual_seed(seed)
    both = torch.randint(-3, 4, (2, queries + size, 2), generator=generator) / 2
    return both[:, :queries].double(), both[:, queries:].double()


@given(
    st.integers(0, 6),
    st.integers(1, 12),
    st.sampled_from([0.25, 0.5, 1.0, 9.0, float("inf")]),
    st.integers(1, 15),
    seeds,
)
def test_groups_match_the_oracle(queries: int, size: int, radius: float, k: int, seed: int) -> None:
    query, points = drawn(queries, size, seed)
    found = ball_points(query, points, radius, k)
    for q, p, rows in zip(query.tolist(), points.tolist(), found.tolist(), strict=True):
        expected = oracle.ball_points(q, p, radius, k)
        for centre, row, other in zip(q, rows, expected, strict=True):
            if row != other:  # nothing in the ball and several nearest: any of them will do
                assert row == row[:1] * k and other == other[:1] * k
                distance = oracle.squared(centre, p[other[0]])
                assert oracle.squared(centre, p[row[0]]) == distance > radius**2


@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 30), st.integers(1, 60), seeds)
def test_blocks_and_halved_queries_find_the_same(
    queries: int, size: int, k: int, most: int, seed: int
) -> None:
    query, points = drawn(queries, size, seed)
    whole = ball_by_tree(query, points, 1.0, k)
    assert torch.equal(ball_by_block(query, points, 1.0, k, rows=most), whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balls, "MOST_PAIRS", most)
        assert torch.equal(ball_by_tree(query, points, 1.0, k), whole)


def test_an_empty_ball_holds_the_nearest_point() -> None:
    points = torch.tensor([[[0.0, 0, 0], [5.0, 0, 0]]])
    query = torch.tensor([[[4.0, 0, 0], [0.1, 0, 0]]])
    assert ball_points(query, points, 0.5, 3).tolist() == [[[1, 1, 1], [0, 0, 0]]]


def test_many_coordinates_are_searched_too() -> None:
    points = torch.rand(2, 30, 12)
    found = ball_points(points[:, :4], points, 0.1, 2)
    assert found.tolist() == [[[i, i] for i in range(4)]] * 2


@pytest.mark.parametrize(("radius", "k"), [(0.0, 2), (-1.0, 2), (float("nan"), 2), (1.0, 0)])
def test_nothing_to_look_for_is_refused(radius: float, k: int) -> None:
    with pytest.raises(ValueError, match="`radius` and `k` must be positive"):
        ball_points(torch.rand(1, 2, 3), torch.rand(1, 2, 3), radius, k)
