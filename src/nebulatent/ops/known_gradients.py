r"""Scalars whose gradients were computed together with them, as one node of the autograd graph.

.. math:: \frac{\partial}{\partial x_i} \sum_k c_k L_k = \sum_k c_k\, G_{ki}

Where a gradient has a closed form, autograd would find it with more and smaller operations; and
several terms of the same codes need one node, not one each.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from nebulatent.typing import Float, Tensor

Gradients = Sequence[Tensor | None]


def with_gradients(
    inputs: Sequence[Tensor], values: Sequence[Float[Tensor, ""]], gradients: Sequence[Gradients]
) -> tuple[Float[Tensor, ""], ...]:
    """The values, differentiable once by the inputs.

    Arguments:
        inputs: What the values are functions of.
        values: Scalars that carry no gradient of their own.
        gradients: For each value its gradient by each input; None where it does not depend on it.

    Examples:
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (square,) = with_gradients([x], [x.detach().square().sum()], [[2 * x.detach()]])
        >>> torch.autograd.grad(3 * square, x)
        (tensor([ 6., 12.]),)
    """
    return _Known.apply(values, gradients, *inputs)  # pyright: ignore[reportReturnType]


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        values: Sequence[Tensor],
        gradients: Sequence[Gradients],
        *inputs: Tensor,
    ) -> Any:  # noqa: ANN401
        ctx.gradients = gradients  # neither inputs nor outputs, so that they may be kept like this
        return tuple(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        sums: list[Tensor | None] = [None] * (len(ctx.needs_input_grad) - 2)
        for factor, row in zip(outputs, ctx.gradients, strict=True):
            for place, gradient in enumerate(row):
                before = sums[place]
                if gradient is not None and ctx.needs_input_grad[2 + place]:
                    new = before is None
                    sums[place] = factor * gradient if new else before.addcmul_(factor, gradient)
        return (None, None, *sums)
