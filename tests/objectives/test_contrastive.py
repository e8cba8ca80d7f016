"""InfoNCE against loops, closed forms and what it must not depend on."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.objectives.contrastive import info_nce
from oracles.contrastive import info_nce_in_loops


def views(count: int, dims: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two noisy views of each sample, in float64."""
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(count, dims, generator=generator, dtype=torch.float64)
    return a, a + 0.3 * torch.randn(count, dims, generator=generator, dtype=torch.float64)


@given(st.integers(1, 12), st.integers(1, 5), st.floats(0.05, 5), st.integers(0, 99))
def test_value_is_that_of_loops(count: int, dims: int, temperature: float, seed: int) -> None:
    a, b = views(count, dims, seed)
    expected = info_nce_in_loops(a.tolist(), b.tolist(), temperature)
    found = info_nce(a, b, temperature=temperature).item()
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_views_that_cannot_be_told_apart_cost_the_logarithm_of_the_batch() -> None:
    same = torch.ones(7, 3)
    assert info_nce(same, same).item() == pytest.approx(math.log(7), rel=1e-6)


def test_orthogonal_codes_have_a_closed_form() -> None:
    a = torch.eye(5, dtype=torch.float64)
    expected = math.log(math.exp(2) + 4) - 2
    assert info_nce(a, a, temperature=0.5).item() == pytest.approx(expected)


def test_length_of_codes_order_of_samples_and_order_of_views_do_not_matter() -> None:
    a, b = views(9, 4, 0)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    for found in (info_nce(3 * a, 0.1 * b), info_nce(a[order], b[order]), info_nce(b, a)):
        torch.testing.assert_close(found, info_nce(a, b))


def test_gradient_is_the_slope_of_the_value() -> None:
    a, b = views(5, 3, 2)
    assert torch.autograd.gradcheck(info_nce, (a.requires_grad_(), b.requires_grad_()))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be two views of the same samples, got shapes"):
        info_nce(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"`temperature` must be positive, got 0"):
        info_nce(torch.zeros(3, 2), torch.zeros(3, 2), temperature=0.0)
