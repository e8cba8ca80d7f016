"""The hand-written gradient of the nebula loss against finite differences and against autograd."""

import pytest
import torch
from torch import Tensor

from nebulatent.methods.nvc import Force, Reduction, inverse_distances, masses, nebula_loss

pytestmark = [
    pytest.mark.usefixtures("float64"),
    pytest.mark.filterwarnings("ignore:Anchors are further apart"),
]
every_form = pytest.mark.parametrize("form", ["log1p", "clamped", "literal"])


def by_autograd(
    z: Tensor, anchors: Tensor, label: Tensor, form: Force, scale2: float, reduction: Reduction
) -> Tensor:
    """The same loss from differentiable parts, without the hand-written backward."""
    mass = masses(z, anchors, label, reduction)
    pairs = mass.outer(mass) * inverse_distances(anchors, form, scale2)
    norm = max(len(anchors) - 1, 1) if reduction == "mean" else 1
    return pairs.triu(1).sum() / norm


def gradients(loss: Tensor, *inputs: Tensor) -> list[Tensor]:
    """Gradients, zeros where an input does not matter."""
    return list(torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True))


@every_form
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("num_anchors", [1, 2, 10])
def test_gradient_equals_finite_differences(
    form: Force, reduction: Reduction, num_anchors: int
) -> None:
    z = torch.randn(7, 3, requires_grad=True)
    anchors = (0.6 * torch.randn(num_anchors, 3)).requires_grad_()
    label = torch.randint(0, num_anchors, (7,))

    def loss(z: Tensor, anchors: Tensor) -> Tensor:
        return nebula_loss(z, anchors, label, form=form, scale2=1.7, reduction=reduction)

    assert torch.autograd.gradcheck(loss, (z, anchors))
    assert torch.autograd.gradcheck(lambda z: loss(z, anchors.detach()), (z,))
    assert torch.autograd.gradcheck(lambda a: loss(z.detach(), a), (anchors,))


@every_form
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_gradient_equals_that_of_autograd(form: Force, reduction: Reduction, offset: float) -> None:
    z = (torch.randn(40, 5) + offset).requires_grad_()
    anchors = (0.5 * torch.randn(12, 5) + offset).requires_grad_()
    label = torch.randint(0, 11, (40,))  # the last anchor has no codes
    options = (form, 0.8, reduction)
    fast = nebula_loss(z, anchors, label, form=form, scale2=0.8, reduction=reduction)
    slow = by_autograd(z, anchors, label, *options)
    torch.testing.assert_close(fast, slow, rtol=1e-11, atol=1e-11)
    for found, expected in zip(
        gradients(fast, z, anchors), gradients(slow, z, anchors), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@every_form
def test_coincident_anchors_have_finite_value_and_gradient(form: Force) -> None:
    z = torch.randn(9, 3, requires_grad=True)
    anchors = torch.tensor([[0.3, 0.1, 0.0]] * 3 + [[0.5, 0.0, 0.2]], requires_grad=True)
    label = torch.arange(9) % 4

    def loss(z: Tensor, anchors: Tensor) -> Tensor:
        return nebula_loss(z, anchors, label, form=form)

    assert loss(z, anchors).isfinite()
    assert torch.autograd.gradcheck(loss, (z, anchors))


@every_form
def test_anchors_closer_than_the_clamp_do_not_move_one_another(form: Force) -> None:
    anchors = torch.tensor([[0.0], [0.9e-4]], requires_grad=True)
    loss = nebula_loss(torch.zeros(1, 1), anchors, torch.tensor([0]), form=form)
    assert loss.item() == pytest.approx(18.4207, rel=1e-3)
    assert torch.equal(gradients(loss, anchors)[0], torch.zeros(2, 1))


@every_form
def test_codes_on_their_anchors_and_anchors_without_codes_have_exact_gradients(form: Force) -> None:
    anchors = (0.5 * torch.randn(5, 3)).requires_grad_()
    label = torch.tensor([0, 0, 1, 3])  # 2 and 4 have no codes
    z = anchors.detach()[label].requires_grad_()

    def loss(z: Tensor, anchors: Tensor) -> Tensor:
        return nebula_loss(z, anchors, label, form=form)

    assert torch.autograd.gradcheck(loss, (z, anchors))
    assert torch.equal(gradients(loss(z, anchors), z)[0], torch.zeros_like(z))


def test_literal_force_still_acts_at_distance_one() -> None:
    """The derivative of -log d^2 by d is -2 at d = 1, where the force itself is 0."""
    anchors = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    loss = nebula_loss(
        torch.zeros(1, 2), anchors, torch.tensor([0]), form="literal", reduction="sum"
    )
    assert loss.item() == 0.0
    torch.testing.assert_close(gradients(loss, anchors)[0], torch.tensor([[2.0, 0.0], [-2.0, 0.0]]))


def test_gradient_scales_with_what_comes_from_above() -> None:
    z, anchors = torch.randn(6, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    label = torch.arange(6) % 4
    one = gradients(nebula_loss(z, anchors, label), z, anchors)
    many = gradients((nebula_loss(z, anchors, label) + 2).square(), z, anchors)
    factor = 2 * (nebula_loss(z, anchors, label).item() + 2)
    for found, expected in zip(many, one, strict=True):
        torch.testing.assert_close(found, factor * expected)


@pytest.mark.parametrize("which", ["codes", "anchors", "neither"])
def test_only_what_requires_a_gradient_gets_one(which: str) -> None:
    z = torch.randn(6, 3, requires_grad=which == "codes")
    anchors = torch.randn(4, 3, requires_grad=which == "anchors")
    loss = nebula_loss(z, anchors, torch.arange(6) % 4)
    assert loss.requires_grad == (which != "neither")
    if which != "neither":
        loss.backward()
        assert (z.grad is None, anchors.grad is None) == (which != "codes", which != "anchors")


def test_second_derivative_is_refused() -> None:
    z, anchors = torch.randn(6, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    loss = nebula_loss(z, anchors, torch.arange(6) % 4)
    (slope,) = torch.autograd.grad(loss, z, create_graph=True)
    with pytest.raises(RuntimeError):
        slope.square().sum().backward()


@every_form
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_single_precision_gradients_are_those_of_double(form: Force, offset: float) -> None:
    z, anchors = torch.randn(40, 5) + offset, 0.5 * torch.randn(12, 5) + offset
    label = torch.randint(0, 12, (40,))
    results = []
    for dtype in (torch.float32, torch.float64):
        inputs = [part.float().to(dtype).requires_grad_() for part in (z, anchors)]
        results.append(gradients(nebula_loss(*inputs, label, form=form), *inputs))
    for low, high in zip(*results, strict=True):
        assert low.dtype == torch.float32
        assert (low.double() - high).norm() < 1e-3 * high.norm()
