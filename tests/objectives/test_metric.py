"""The pair term and the triplet term against their slow transcriptions."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nebulatent.objectives.metric import pair_loss, triplet_loss
from oracles import nvc as oracle

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]
LABELS = {
    "mixed": [0, 1, 2, 0, 1, 2, 0, 0, 1],
    "one label": [0] * 9,
    "all different": list(range(9)),
    "gaps in the labels": [7, 2, 7, 2, 9, 9, 9, 2, 0],
    "one pair": [0, 0, 1, 2, 3, 4, 5, 6, 7],
}
every_label = pytest.mark.parametrize("label", LABELS.values(), ids=LABELS.keys())


@every_label
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_pair_loss_matches_the_oracle(label: list[int], offset: float, matches: Matches) -> None:
    z = torch.randn(9, 3) + offset
    matches(pair_loss(z, torch.tensor(label)), oracle.pair_loss(z.tolist(), label))


@every_label
@pytest.mark.parametrize("scale", [0.03, 0.3, 3.0])
def test_triplet_loss_matches_the_oracle(label: list[int], scale: float, matches: Matches) -> None:
    z = scale * torch.randn(9, 3)
    matches(triplet_loss(z, torch.tensor(label)), oracle.triplet_loss(z.tolist(), label))


@every_label
@pytest.mark.parametrize("loss", [pair_loss, triplet_loss])
def test_gradient_equals_finite_differences(
    loss: Callable[[Tensor, Tensor], Tensor], label: list[int]
) -> None:
    z = (0.3 * torch.randn(9, 3)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, torch.tensor(label)), (z,), atol=1e-6)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=10), st.integers(0, 99))
def test_losses_are_finite_and_not_negative(label: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(len(label), 2, generator=generator, requires_grad=True)
    for loss in (pair_loss, triplet_loss):
        value = loss(z, torch.tensor(label))
        value.backward()
        assert value.isfinite() and value >= 0
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("loss", [pair_loss, triplet_loss])
def test_losses_of_codes_without_a_partner_are_exactly_zero_with_zero_gradient(
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    z = torch.randn(5, 3, requires_grad=True)
    value = loss(z, torch.arange(5))
    value.backward()
    assert value.item() == 0.0 and not z.grad.any()


@pytest.mark.parametrize("loss", [pair_loss, triplet_loss])
def test_names_of_labels_do_not_matter(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    z, label = torch.randn(9, 3), torch.tensor(LABELS["mixed"])
    renamed = torch.tensor([5, 0, 3])[label]
    assert loss(z, renamed).item() == pytest.approx(loss(z, label).item(), rel=1e-12)


@pytest.mark.parametrize("loss", [pair_loss, triplet_loss])
def test_coincident_codes_have_finite_gradients(
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    z = torch.ones(9, 3, requires_grad=True)
    value = loss(z, torch.tensor(LABELS["mixed"]))
    value.backward()
    assert value.isfinite() and z.grad.isfinite().all()
