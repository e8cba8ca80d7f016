"""Neighbours and edges against their slow transcriptions."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.neighbours import (
    edge_table,
    nearest_rows,
    nearest_strangers,
    principal_coordinates,
)
from oracles import consistency as oracle

seeds = st.integers(0, 2**31 - 1)


def drawn(rows: int, seed: int) -> torch.Tensor:
    """Random points in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 3, generator=generator, dtype=torch.float64)


@given(st.integers(2, 9), st.integers(1, 8), st.integers(1, 40), seeds)
def test_neighbours_match_the_oracle_whatever_the_block(
    rows: int, k: int, entries: int, seed: int
) -> None:
    x, k = drawn(rows, seed), min(k, rows - 1)
    found = nearest_rows(x, k, block_entries=entries)
    assert found.tolist() == oracle.nearest_rows(x.tolist(), k)


def test_a_row_is_never_its_own_neighbour_even_among_copies() -> None:
    found = nearest_rows(torch.zeros(6, 2), 5)
    assert all(row not in ends for row, ends in enumerate(found.tolist()))


def test_neighbours_survive_a_distant_origin() -> None:
    x = drawn(40, 3).float()
    moved = nearest_rows(x + 1000, 3)
    assert (moved == nearest_rows(x, 3)).float().mean() > 0.9


@given(st.integers(3, 12), st.integers(1, 4), st.integers(1, 40), seeds)
def test_strangers_are_the_nearest_of_other_blocks(
    rows: int, k: int, entries: int, seed: int
) -> None:
    x, block = drawn(rows, seed), torch.arange(rows) % 3
    asked = torch.tensor([rows - 1, 0, 1])
    found = nearest_strangers(x, block, asked, k, block_entries=entries)
    few = min(k, rows - int(block.bincount().max()))
    for row, strangers in zip(asked.tolist(), found.tolist(), strict=True):
        others = [j for j in range(rows) if j % 3 != row % 3]
        distance = {j: sum((a - b) ** 2 for a, b in zip(x[row], x[j], strict=True)) for j in others}
        assert strangers == sorted(others, key=distance.__getitem__)[:few]


def test_impossible_strangers_are_refused() -> None:
    x, rows = drawn(4, 0), torch.arange(4)
    with pytest.raises(ValueError, match="`block` must have two different values at least"):
        nearest_strangers(x, torch.zeros_like(rows), rows, 1)
    with pytest.raises(ValueError, match="`k` must be at least 1, got 0"):
        nearest_strangers(x, rows, rows, 0)


@pytest.mark.parametrize("k", [0, 4])
def test_impossible_numbers_of_neighbours_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=rf"`k` must lie in 1\.\.3 for 4 rows, got {k}"):
        nearest_rows(torch.rand(4, 2), k)


@given(st.integers(2, 8), st.integers(1, 4), seeds)
def test_edges_match_the_oracle(rows: int, clusters: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randint(clusters, (2, rows), generator=generator)
    neighbours = torch.randint(rows, (rows, 3), generator=generator)
    found = edge_table(a, b, neighbours, (clusters, clusters))
    expected = oracle.edge_table(a.tolist(), b.tolist(), neighbours.tolist(), clusters)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_all_coordinates_keep_distances_and_the_first_vary_most(
    matches: Callable[..., None],
) -> None:
    x = drawn(30, 5) * torch.tensor([1.0, 5.0, 0.2])
    found = principal_coordinates(x, 3)
    matches(torch.cdist(found, found), torch.cdist(x, x), rel=1e-7)
    assert found.var(0).diff().lt(0).all()
    assert principal_coordinates(x, 99).shape == (30, 3)
