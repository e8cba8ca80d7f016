r"""Agreement of two soft assignments, as the mutual information of their joint distribution.

Two views of a sample, or a sample and its neighbour, are assigned to anchors with probabilities
:math:`p_n` and :math:`q_n`. Over a batch they make one joint distribution of a pair of anchors,

.. math:: P = \tfrac12 (Q + Q^\top), \qquad Q = \frac1B \sum_n p_n q_n^\top ,

whose mutual information is large when the second anchor can be told from the first (the views
agree) and when no anchor is much rarer than another (no collapse):

.. math:: I(P) = \sum_{ij} P_{ij} \ln \frac{P_{ij}}{P_i P_j} \in [0, \ln m], \qquad L = -I(P)

Source: Ji, Henriques, Vedaldi: Invariant Information Clustering, ICCV 2019, Eq. (3), put on the
soft assignment to nebula anchors (`AnchorSet.probabilities`). The nebula paper has no such term.
"""

import torch

from nebulatent.ops.distances import at_least_single
from nebulatent.ops.processes import gather_rows
from nebulatent.typing import Float, Tensor


def joint_distribution(
    p: Float[Tensor, "batch anchors"], q: Float[Tensor, "batch anchors"]
) -> Float[Tensor, "anchors anchors"]:
    r"""Symmetric joint distribution of the anchors of two views; it sums to 1.

    Source: Ji et al., ICCV 2019, section 3.1: :math:`P` and its transpose are averaged, for the
        order of two views means nothing.
    """
    both = p.T @ q / len(p)
    return (both + both.T) / 2


def mutual_information(joint: Float[Tensor, "rows columns"]) -> Float[Tensor, ""]:
    """Mutual information of the two indices of a joint distribution, in nats.

    Arguments:
        joint: Probabilities that sum to 1; pairs that never occur add nothing.

    Examples:
        >>> mutual_information(torch.eye(2) / 2)  # ln 2: each index tells the other
        tensor(0.6931)
        >>> mutual_information(torch.full((2, 2), 0.25))
        tensor(0.)
    """
    tiny = torch.finfo(joint.dtype).tiny
    rows, columns = joint.sum(1).clamp_min(tiny).log(), joint.sum(0).clamp_min(tiny).log()
    return (joint * (joint.clamp_min(tiny).log() - rows.unsqueeze(1) - columns)).sum()


def agreement_loss(
    p: Float[Tensor, "batch anchors"], q: Float[Tensor, "batch anchors"], *, gather: bool = True
) -> Float[Tensor, ""]:
    r"""Negative mutual information of the assignments of two views, in nats.

    Source: Ji et al., ICCV 2019, Eq. (3); spec/nvc.md section 4b.
    Valid when: the batch holds many samples of each anchor: the joint distribution of a batch
        is a biased estimate, and below some ten samples an anchor the bias is all there is.
    Unit: nats, from :math:`-\ln m` (perfect, even) to 0 (independent).

    Arguments:
        p: Probability of each anchor in one view.
        q: The same for the other view, rows in the same order.
        gather: Whether processes that train together make one joint distribution.

    Examples:
        >>> p = torch.eye(3)
        >>> agreement_loss(p, p)  # -ln 3
        tensor(-1.0986)
    """
    p, q = at_least_single(p), at_least_single(q)
    if gather:
        p, q = gather_rows(p), gather_rows(q)
    return -mutual_information(joint_distribution(p, q))
