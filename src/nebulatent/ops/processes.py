r"""The one place that knows of processes: rows of all of them, tensors that are the same on all.

A term over a batch (masses, pairs, triplets, contrasts) means the same however many processes share
the batch if it is computed from all rows everywhere. Each process then holds the same loss
:math:`L`, and a distributed wrapper *averages* their gradients; so the gradient that reaches a row
is summed over processes, which makes the average that of :math:`L` itself.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch.autograd.function import once_differentiable

from nebulatent.typing import Shaped, Tensor


def num_processes() -> int:
    """How many processes train together; 1 where none were launched."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def own_rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if num_processes() > 1 else 0


def gather_rows(x: Shaped[Tensor, "rows *shape"]) -> Shaped[Tensor, "all_rows *shape"]:
    """The rows of all processes, in their order; with one process the tensor itself.

    The gradient of a row is the sum of what every process says of it. Processes may hold different
    numbers of rows.
    """
    if num_processes() == 1:
        return x
    return _GatherRows.apply(x) if x.requires_grad else _gather(x)[0]  # pyright: ignore[reportReturnType]


def share_first(tensors: Iterable[Tensor]) -> None:
    """Overwrite the tensors, in place, with those of the first process."""
    if num_processes() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)


def any_process(flags: tuple[bool, ...], device: torch.device) -> tuple[bool, ...]:
    """For each flag, whether it is set on any process."""
    if num_processes() == 1:
        return flags
    values = torch.tensor(flags, dtype=torch.int32, device=device)
    dist.all_reduce(values, dist.ReduceOp.MAX)
    return tuple(bool(value) for value in values.tolist())


def _gather(x: Tensor) -> tuple[Tensor, list[int]]:
    """Rows of all processes, and how many each holds; padded on the way to one length."""
    count = torch.tensor([len(x)], device=x.device)
    counts = [torch.empty_like(count) for _ in range(num_processes())]
    dist.all_gather(counts, count)
    sizes = [int(count) for count in counts]
    padded = x.new_zeros(max(sizes), *x.shape[1:])
    padded[: len(x)] = x
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)]), sizes


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        rows, sizes = _gather(x.detach())
        rank = own_rank()
        ctx.own = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
        return rows

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *output: Tensor) -> Tensor:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        gradient = output[0].contiguous().clone()
        dist.all_reduce(gradient)
        return gradient[ctx.own]
