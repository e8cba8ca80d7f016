r"""Nebula and pair terms of a small batch on a CPU, by numpy.

At the paper's sizes (128 codes of 10 dimensions, 10 anchors) a term costs what its calls cost, not
its arithmetic, and a call of numpy costs a fraction of one of torch. The formulas are those of
`nebulatent.methods.nvc` and `nebulatent.objectives.metric`, which serve every other case; the tests
hold both against each other. Sums over the codes of each anchor are products with the matrix
:math:`H_{kn} = [k(n) = k]`, which the two terms share.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float as ArrayFloat
from jaxtyping import Int as ArrayInt

from nebulatent.ops.known_gradients import Gradients
from nebulatent.typing import Float, Int, Tensor

MOST = 1 << 16  # codes x dimensions x anchors; such products stay in one thread of numpy's library


class SmallBatch(NamedTuple):
    """Codes, anchors, and which code belongs to which anchor.

    Arguments:
        codes: Codes.
        anchors: Anchors.
        owner: Anchor of each code.
        members: H.
    """

    codes: ArrayFloat[np.ndarray, "codes latent"]
    anchors: ArrayFloat[np.ndarray, "anchors latent"]
    owner: ArrayInt[np.ndarray, " codes"]
    members: ArrayFloat[np.ndarray, "anchors codes"]

    def nebula(self, scale2: float, closest: float) -> tuple[Float[Tensor, ""], Gradients]:
        """The nebula loss, form `"log1p"` and reduction `"mean"`; by codes and by anchors.

        Arguments:
            scale2: Squared distance s² of the force.
            closest: Least squared distance of two anchors.
        """
        codes, anchors, owner, members = self
        offset = codes - anchors[owner]
        mass = 1 + members @ (offset * offset).sum(1) / len(codes)
        between = anchors[:, None] - anchors
        gap = (between * between).sum(2)
        still = gap <= closest
        gap[still] = closest
        np.fill_diagonal(gap, np.inf)
        others = max(len(anchors) - 1, 1)
        pull = np.log1p(scale2 / gap) @ mass
        grad_z = (pull * (2 / len(codes) / others))[owner, None] * offset
        slope = (-2 * scale2 / others) / (gap * (gap + scale2))
        slope[still] = 0
        push = mass[:, None] * mass * slope
        grad_a = push.sum(1)[:, None] * anchors - push @ anchors - members @ grad_z
        value = mass @ pull / (2 * others)
        return torch.tensor(value), (torch.from_numpy(grad_z), torch.from_numpy(grad_a))

    def pair(self) -> tuple[Float[Tensor, ""], Gradients]:
        """The pair loss; by codes. The centres need no gradient, theirs sum to zero."""
        codes, _, owner, members = self
        counts = members.sum(1)
        centres = members @ codes / np.maximum(counts, 1)[:, None]
        offset = codes - centres[owner]
        weight = counts * (4 / max(counts @ (counts - 1), 1))
        gradient = weight[owner, None] * offset
        return torch.tensor(np.vdot(gradient, offset) / 2), (torch.from_numpy(gradient), None)


def small_batch(
    z: Float[Tensor, "codes latent"],
    anchors: Float[Tensor, "anchors latent"],
    label: Int[Tensor, " codes"],
) -> SmallBatch | None:
    """The batch as arrays; None if it is not small, not on a CPU, or a graph is being recorded.

    Raises:
        IndexError: If a label names no anchor.
    """
    largest = max(len(z), len(anchors)) * anchors.numel()
    if z.device.type != "cpu" or torch.compiler.is_compiling() or largest > MOST:
        return None
    codes, owner = z.detach().numpy(), label.numpy()
    if len(owner) and not 0 <= owner.min() <= owner.max() < len(anchors):
        raise IndexError(
            f"`label` must lie in 0..{len(anchors) - 1}, one for each anchor, got "
            f"{owner.min()}..{owner.max()}."
        )
    members = (np.arange(len(anchors))[:, None] == owner).astype(codes.dtype)
    return SmallBatch(codes, anchors.detach().numpy(), owner, members)
