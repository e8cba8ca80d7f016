r"""Nebula and pair terms of a small batch on a CPU, by numpy.

At the paper's sizes (128 codes of 10 dimensions, 10 anchors) a term costs what its calls cost, not
its arithmetic, and a call of numpy costs a fraction of one of torch. The formulas are those of
`nebulatent.methods.nvc` and `nebulatent.objectives.metric`, which serve every other case; the tests
hold both against each other. Sums over the codes of each anchor are products with the matrix
:math:`H_{nk} = [k(n) = k]`, and both terms start from the same offsets :math:`z_n - a_{k(n)}`,
their sum for each anchor, and the number of its codes.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float as ArrayFloat
from jaxtyping import Int as ArrayInt

from nebulatent.ops.known_gradients import Gradients
from nebulatent.typing import Float, Int, Tensor

MOST = 1 << 16  # codes x dimensions x anchors; such products stay in one thread of numpy's library


class SmallBatch(NamedTuple):
    """Codes by their anchors.

    Arguments:
        anchors: Anchors, around their mean.
        owner: Anchor of each code.
        offset: What leads from it to the code.
        members: H, transposed.
        counts: Codes of each anchor.
        sums: Sum of their offsets.
    """

    anchors: ArrayFloat[np.ndarray, "anchors latent"]
    owner: ArrayInt[np.ndarray, " codes"]
    offset: ArrayFloat[np.ndarray, "codes latent"]
    members: ArrayFloat[np.ndarray, "anchors codes"]
    counts: ArrayFloat[np.ndarray, " anchors"]
    sums: ArrayFloat[np.ndarray, "anchors latent"]

    def nebula(self, scale2: float, closest: float) -> tuple[Float[Tensor, ""], Gradients]:
        """The nebula loss, form `"log1p"` and reduction `"mean"`; by codes and by anchors.

        Arguments:
            scale2: Squared distance s² of the force.
            closest: Least squared distance of two anchors.
        """
        anchors, offset = self.anchors, self.offset
        size, others = len(offset), max(len(anchors) - 1, 1)
        mass = self.members @ np.vecdot(offset, offset) / size + 1
        between = anchors[:, None] - anchors
        gap = np.vecdot(between, between)
        still = gap <= closest
        gap[still] = closest
        gap.ravel()[:: len(anchors) + 1] = np.inf  # nothing repels itself
        pull = np.log1p(scale2 / gap) @ mass
        rate = (pull * (2 / size / others))[:, None]
        push = np.outer(mass, mass * (2 * scale2 / others)) / (gap * (gap + scale2))
        push[still] = 0
        grad_a = push @ anchors - push.sum(1)[:, None] * anchors - rate * self.sums
        value = mass @ pull / (2 * others)
        grad_z = rate.take(self.owner, 0) * offset
        return _scalar(value), (torch.from_numpy(grad_z), torch.from_numpy(grad_a))

    def pair(self) -> tuple[Float[Tensor, ""], Gradients]:
        """The pair loss; by codes. The centres need no gradient, theirs sum to zero."""
        counts, owner = self.counts, self.owner
        offset = self.offset - (self.sums / np.maximum(counts, 1)[:, None]).take(owner, 0)
        weight = counts * (4 / max(counts @ (counts - 1), 1))
        gradient = weight[:, None].take(owner, 0) * offset
        return _scalar(np.vdot(gradient, offset) / 2), (torch.from_numpy(gradient), None)


def small_batch(
    z: Float[Tensor, "codes latent"],
    anchors: Float[Tensor, "anchors latent"],
    label: Int[Tensor, " codes"] | None = None,
) -> SmallBatch | None:
    """The batch as arrays; None if it is not small, not on a CPU, or a graph is being recorded.

    Arguments:
        z: Codes.
        anchors: Anchors.
        label: Anchor of each code; the nearest if missing.

    Raises:
        IndexError: If a label names no anchor.
    """
    largest = max(len(z), len(anchors)) * anchors.numel()
    if z.device.type != "cpu" or torch.compiler.is_compiling() or largest > MOST:
        return None
    places = anchors.detach().numpy()
    origin = np.add.reduce(places) / len(places)  # products cancel badly far from it
    codes, places = z.detach().numpy() - origin, places - origin
    if label is None:
        owner = (codes @ places.T - np.vecdot(places, places) / 2).argmax(1)
    else:
        owner = label.numpy()
        if len(owner) and not 0 <= owner.min() <= owner.max() < len(places):
            raise IndexError(
                f"`label` must lie in 0..{len(places) - 1}, one for each anchor, got "
                f"{owner.min()}..{owner.max()}."
            )
    offset = codes - places.take(owner, 0)
    members = _eye(len(places), codes.dtype).take(owner, 1)
    return SmallBatch(places, owner, offset, members, members.sum(1), members @ offset)


@cache
def _eye(size: int, dtype: np.dtype) -> ArrayFloat[np.ndarray, "size size"]:
    return np.eye(size, dtype=dtype)


def _scalar(value: np.floating) -> Float[Tensor, ""]:
    return torch.from_numpy(np.asarray(value))
