"""Squared distances against their slow transcription, and where a matrix product loses digits."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nebulatent.ops.distances import squared_distances
from oracles import nvc as oracle

Matches = Callable[..., None]
sizes = st.integers(1, 8)
seeds = st.integers(0, 2**31 - 1)


def by_loops(a: Tensor, b: Tensor) -> list[list[float]]:
    """All pairs by the oracle."""
    return [[oracle.squared_distance(u, v) for v in b.tolist()] for u in a.tolist()]


def drawn(rows: int, columns: int, dim: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two sets of vectors in double precision."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(rows + columns, dim, generator=generator, dtype=torch.float64)
    return noise[:rows], noise[rows:]


@given(sizes, sizes, sizes, seeds)
def test_all_pairs_match_the_oracle(rows: int, columns: int, dim: int, seed: int) -> None:
    a, b = drawn(rows, columns, dim, seed)
    found = squared_distances(a, b)
    expected = torch.tensor(by_loops(a, b), dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@given(sizes, sizes, seeds, st.floats(-1e4, 1e4))
def test_distances_from_the_origin_cost_no_digits(
    rows: int, columns: int, seed: int, offset: float
) -> None:
    a, b = drawn(rows, columns, 3, seed)
    near, far = squared_distances(a, b), squared_distances(a + offset, b + offset)
    torch.testing.assert_close(far, near, rtol=1e-9, atol=1e-9)


@given(sizes, sizes, seeds)
def test_distances_are_never_negative_and_almost_zero_to_themselves(
    rows: int, dim: int, seed: int
) -> None:
    a = drawn(rows, 1, dim, seed)[0].float()
    found = squared_distances(a, a)
    assert (found >= 0).all()
    assert (found.diagonal() <= 1e-5).all()


@given(sizes, sizes, seeds)
def test_swapping_the_sets_transposes(rows: int, columns: int, seed: int) -> None:
    a, b = drawn(rows, columns, 4, seed)
    torch.testing.assert_close(squared_distances(a, b), squared_distances(b, a).T)


def test_no_rows_give_no_distances() -> None:
    assert squared_distances(torch.zeros(0, 3), torch.zeros(2, 3)).shape == (0, 2)


@pytest.mark.parametrize("same", [True, False])
def test_gradient_equals_finite_differences(same: bool) -> None:
    a, b = (part.requires_grad_() for part in drawn(4, 5, 3, 0))
    if same:
        weight = torch.rand(4, 4, dtype=torch.float64).fill_diagonal_(0)
        assert torch.autograd.gradcheck(lambda a: (weight * squared_distances(a, a)).sum(), (a,))
    else:
        assert torch.autograd.gradcheck(squared_distances, (a, b))


def test_precision_follows_the_input() -> None:
    a = torch.randn(3, 2)
    assert squared_distances(a, a).dtype == torch.float32
    assert squared_distances(a.double(), a.double()).dtype == torch.float64
