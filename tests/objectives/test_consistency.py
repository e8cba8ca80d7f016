"""Agreement of soft assignments against its slow transcription and its closed forms."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.objectives.consistency import (
    agreement_loss,
    joint_distribution,
    mutual_information,
)
from oracles import consistency as oracle

seeds = st.integers(0, 2**31 - 1)
sizes = st.integers(1, 6)


def soft(rows: int, anchors: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two random assignments in double precision."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, rows, anchors, generator=generator, dtype=torch.float64)
    return tuple((2 * logits).softmax(2))


@given(sizes, sizes, seeds)
def test_agreement_matches_the_oracle(rows: int, anchors: int, seed: int) -> None:
    p, q = soft(rows, anchors, seed)
    expected = oracle.agreement(p.tolist(), q.tolist())
    assert agreement_loss(p, q).item() == pytest.approx(-expected, rel=1e-9, abs=1e-12)


def test_joint_distribution_matches_the_oracle(matches: Callable[..., None]) -> None:
    p, q = soft(5, 4, 0)
    matches(joint_distribution(p, q), oracle.joint(p.tolist(), q.tolist()))
    assert joint_distribution(p, q).sum().item() == pytest.approx(1)


@pytest.mark.parametrize("anchors", [1, 2, 7])
def test_certain_even_and_equal_views_reach_the_bound(anchors: int) -> None:
    p = torch.eye(anchors, dtype=torch.float64).repeat(3, 1)
    assert agreement_loss(p, p).item() == pytest.approx(-math.log(anchors))


def test_even_doubt_and_collapse_are_worth_nothing() -> None:
    even, one = torch.full((6, 3), 1 / 3), torch.eye(3)[[0] * 6]
    assert agreement_loss(even, even).item() == pytest.approx(0, abs=1e-6)
    assert agreement_loss(one, one).item() == pytest.approx(0, abs=1e-6)


def test_certain_views_of_unequal_clusters_are_worth_their_entropy() -> None:
    p = torch.eye(2, dtype=torch.float64)[[0, 0, 0, 1]]
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert agreement_loss(p, p).item() == pytest.approx(-entropy)


def test_order_of_views_anchors_and_samples_does_not_matter() -> None:
    p, q = soft(9, 4, 1)
    value = agreement_loss(p, q).item()
    assert agreement_loss(q, p).item() == pytest.approx(value)
    assert agreement_loss(p[:, [2, 0, 3, 1]], q[:, [2, 0, 3, 1]]).item() == pytest.approx(value)
    assert agreement_loss(p.flip(0), q.flip(0)).item() == pytest.approx(value)


def test_gradient_is_finite_where_a_pair_never_occurs() -> None:
    p = torch.eye(3)[[0, 1, 0, 1]].requires_grad_()
    agreement_loss(p, p.detach()).backward()
    assert p.grad is not None and p.grad.isfinite().all()


def test_a_table_need_not_be_symmetric() -> None:
    table = torch.tensor([[0.2, 0.1, 0.0], [0.3, 0.0, 0.4]], dtype=torch.float64)
    expected = oracle.mutual_information(table.tolist())
    assert mutual_information(table).item() == pytest.approx(expected)
