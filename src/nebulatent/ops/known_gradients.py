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
    # Arguments of their own: of tensors inside a list, torch.compile keeps those of the first step.
    known = [gradient for row in gradients for gradient in row]
    return _Known.apply(len(inputs), len(values), *inputs, *values, *known)  # pyright: ignore[reportReturnType]


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: int, values: int, *tensors: Tensor | None) -> Any:  # noqa: ANN401
        ctx.inputs, ctx.values = inputs, values
        ctx.save_for_backward(*tensors[inputs + values :])
        return tuple(tensors[inputs : inputs + values])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        known: tuple[Tensor | None, ...] = ctx.saved_tensors
        sums: list[Tensor | None] = [None] * ctx.inputs
        for index, gradient in enumerate(known):
            value, place = divmod(index, ctx.inputs)
            before, factor = sums[place], outputs[value]
            if gradient is not None and ctx.needs_input_grad[2 + place]:
                new = before is None
                sums[place] = factor * gradient if new else before.addcmul_(factor, gradient)
        return (None, None, *sums, *(None for _ in range(ctx.values + len(known))))
