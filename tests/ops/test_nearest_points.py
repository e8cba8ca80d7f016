"""Nearest points against loops, by trees and by blocks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.nearest_points import (
    nearest_by_block,
    nearest_by_tree,
    nearest_indices,
    nearest_points,
)
from oracles import points as oracle

seeds = st.integers(0, 2**31 - 1)


def grid_cloud(size: int, dim: int, seed: int) -> torch.Tensor:
    """Whole coordinates, so that copies and equal distances abound and distances are exact."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-2, 3, (2, size, dim), generator=generator).double()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(1, 9), seeds)
def test_distances_match_the_oracle_and_belong_to_the_indices(
    queries: int, size: int, dim: int, k: int, seed: int
) -> None:
    query, points = grid_cloud(queries, dim, seed), grid_cloud(size, dim, seed + 1)
    k = min(k, size)
    found = nearest_points(query, points, k)
    for cloud in range(2):
        expected = oracle.nearest_points(query[cloud].tolist(), points[cloud].tolist(), k)
        distances = [[d for d, _ in row] for row in expected]
        assert found.squared_distance[cloud].tolist() == distances
        for row in found.indices[cloud].tolist():
            assert len(set(row)) == k
        if k == size:  # nothing is left open, so that equal distances are in order of index
            assert found.indices[cloud].tolist() == [[i for _, i in row] for row in expected]


@given(st.integers(0, 9), st.integers(1, 40), st.integers(1, 50), seeds)
def test_blocks_find_what_trees_find(queries: int, size: int, rows: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, queries, 3, generator=generator, dtype=torch.float64)
    points = torch.randn(2, size, 3, generator=generator, dtype=torch.float64)
    k = min(5, size)
    by_block = nearest_by_block(query, points, k, rows=rows)
    assert torch.equal(by_block, nearest_by_tree(query, points, k))


def test_high_dimensions_match_the_oracle_far_from_the_origin() -> None:
    points = torch.randn(1, 60, 20) + 500
    found = nearest_indices(points, points, 4)[0]
    expected = oracle.nearest_points(points[0].tolist(), points[0].tolist(), 4)
    assert found[:, 0].tolist() == list(range(60))
    same = found == torch.tensor([[i for _, i in row] for row in expected])
    assert same.float().mean() > 0.95  # single precision, 500 from the origin


def test_order_of_the_points_only_renames_the_neighbours() -> None:
    points, order = torch.rand(1, 50, 3), torch.randperm(50)
    before = nearest_indices(points, points, 6)
    after = nearest_indices(points, points[:, order], 6)
    assert torch.equal(order[after], before)


def test_threads_change_nothing() -> None:
    points = torch.rand(3, 64, 3)
    before = nearest_indices(points, points, 5)
    torch.set_num_threads(2)
    try:
        assert torch.equal(nearest_indices(points, points, 5), before)
        assert torch.equal(nearest_indices(points[:1], points[:1], 5), before[:1])
    finally:
        torch.set_num_threads(1)


def test_squared_distances_are_differentiable_by_both_clouds() -> None:
    query = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    points = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q, p: nearest_points(q, p, 2)[0], (query, points))


def test_half_precision_and_one_point_are_accepted() -> None:
    point = torch.ones(1, 1, 3, dtype=torch.float16)
    assert nearest_indices(point, point, 1).tolist() == [[[0]]]
    assert nearest_points(300 * point, -point, 1).squared_distance.item() == 3 * 301**2


@pytest.mark.parametrize("k", [0, 5])
def test_impossible_numbers_of_neighbours_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=rf"`k` must lie in 1\.\.4 for clouds of 4 .* got {k}"):
        nearest_points(torch.rand(1, 2, 3), torch.rand(1, 4, 3), k)


def test_unfinished_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="`query` must be finite"):
        nearest_indices(torch.full((1, 2, 3), torch.inf), torch.rand(1, 4, 3), 1)
