"""Values with given gradients: the chain rule, for several inputs and values."""

import pytest
import torch

from nebulatent.ops.known_gradients import with_gradients


def test_each_input_receives_the_weighted_sum_of_its_gradients() -> None:
    x, y = torch.rand(3, requires_grad=True), torch.rand(2, requires_grad=True)
    of_x, of_y = torch.rand(2, 3), torch.rand(2)
    first, second = with_gradients(
        [x, y], [torch.tensor(1.0), torch.tensor(2.0)], [[of_x[0], None], [of_x[1], of_y]]
    )
    assert (first.item(), second.item()) == (1.0, 2.0)
    (3 * first + 5 * second).backward()
    torch.testing.assert_close(x.grad, 3 * of_x[0] + 5 * of_x[1])
    torch.testing.assert_close(y.grad, 5 * of_y)


def test_gradients_are_not_changed_so_that_one_may_go_back_twice() -> None:
    x, gradients = torch.rand(3, requires_grad=True), torch.rand(2, 3)
    values = with_gradients([x], [torch.tensor(0.0)] * 2, [[g] for g in gradients])
    before = gradients.clone()
    once = torch.autograd.grad(sum(values), x, retain_graph=True)[0]
    again = torch.autograd.grad(sum(values), x)[0]
    assert torch.equal(once, again) and torch.equal(gradients, before)


def test_input_without_gradient_gets_none() -> None:
    x, y = torch.rand(3), torch.rand(3, requires_grad=True)
    (value,) = with_gradients([x, y], [torch.tensor(1.0)], [[torch.ones(3), torch.ones(3)]])
    value.backward()
    assert x.grad is None and torch.equal(y.grad, torch.ones(3))


def test_second_derivative_is_refused() -> None:
    x = torch.rand(3, requires_grad=True)
    (value,) = with_gradients([x], [torch.tensor(1.0)], [[torch.ones(3)]])
    (first,) = torch.autograd.grad(value, x, create_graph=True)
    with pytest.raises(RuntimeError):
        first.sum().backward()
