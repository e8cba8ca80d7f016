"""Matchings against every bijection, and the bounds that an auction proves."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops import transport
from nebulatent.ops.transport import Matching, auction_matching, exact_matching
from oracles import points as oracle

seeds = st.integers(0, 2**31 - 1)


def drawn(size: int, seed: int, *, copies: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of two clouds."""
    generator = torch.Generator().manual_seed(seed)
    both = torch.randn(2, 2, size, 3, generator=generator, dtype=torch.float64)
    return tuple(both.round() if copies else both)


def mean_distance(x: torch.Tensor, y: torch.Tensor, match: Matching) -> torch.Tensor:
    """Of each pair of clouds under its matching."""
    partners = torch.stack([cloud[p] for cloud, p in zip(y, match.partner, strict=True)])
    return (x - partners).norm(dim=-1).mean(1)


@given(st.integers(1, 5), st.booleans(), seeds)
def test_the_exact_matching_is_the_best_of_all(size: int, copies: bool, seed: int) -> None:
    x, y = drawn(size, seed, copies=copies)
    match = exact_matching(x, y)
    best = [oracle.earth_mover(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    torch.testing.assert_close(mean_distance(x, y, match), torch.tensor(best, dtype=torch.float64))
    assert match.excess.tolist() == [0.0, 0.0]


@given(
    st.integers(1, 25),
    st.sampled_from([1e-4, 0.01, 0.3]),
    st.sampled_from([1, 60, 1 << 22]),
    st.booleans(),
    seeds,
)
def test_an_auction_keeps_to_its_tolerance_and_to_the_excess_it_proves(
    size: int, tolerance: float, kept: int, copies: bool, seed: int
) -> None:
    x, y = drawn(size, seed, copies=copies)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "KEPT_TABLE", kept)
        match = auction_matching(x, y, tolerance)
    assert match.partner.sort(1).values.tolist() == [list(range(size))] * 2
    least = mean_distance(x, y, exact_matching(x, y))
    above = mean_distance(x, y, match) - least
    assert (above <= match.excess + 1e-12).all()
    assert (match.excess <= tolerance * (1 + 1e-9)).all()


def test_a_loose_auction_may_miss_the_best_and_then_says_so() -> None:
    x, y = drawn(200, 4)
    above = mean_distance(x, y, auction_matching(x, y, 0.5))
    above -= mean_distance(x, y, exact_matching(x, y))
    assert (above > 1e-3).any()


def test_matching_a_shuffled_copy_finds_the_shuffle() -> None:
    x, order = torch.rand(1, 300, 3), torch.randperm(300)
    for match in (exact_matching(x, x[:, order]), auction_matching(x, x[:, order], 1e-6)):
        assert torch.equal(order[match.partner[0]], torch.arange(300))


def test_repeated_points_cost_nothing() -> None:
    x = torch.zeros(1, 6, 3)
    assert auction_matching(x, x, 0.1).excess.item() <= 0.1
    assert sorted(auction_matching(x, x, 0.1).partner[0].tolist()) == list(range(6))


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), 1e-12])
def test_a_tolerance_below_rounding_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="`tolerance` must be a distance above"):
        auction_matching(*drawn(3, 1), tolerance)


def test_large_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 4096 points for an exact matching, got 4097"):
        exact_matching(torch.zeros(1, 4097, 1), torch.zeros(1, 4097, 1))


def test_clouds_of_unequal_size_are_refused() -> None:
    x, y = torch.rand(1, 4, 3), torch.rand(1, 3, 3)
    with pytest.raises(ValueError, match="must have as many points, got 4 and 3"):
        exact_matching(x, y)
    with pytest.raises(ValueError, match="must have as many points, got 4 and 3"):
        auction_matching(x, y, 0.1)
