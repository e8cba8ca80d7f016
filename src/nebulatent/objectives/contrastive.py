r"""Contrastive objectives: two views of a sample are nearer than views of different samples.

.. math:: L = -\frac1{2B} \sum_n \Bigl(\ln \frac{e^{s_{nn}}}{\sum_k e^{s_{nk}}}
    + \ln \frac{e^{s_{nn}}}{\sum_k e^{s_{kn}}}\Bigr), \qquad
    s_{nk} = \frac{\langle a_n, b_k \rangle}{\tau\, |a_n|\, |b_k|}

Source: van den Oord, Li, Vinyals: Representation Learning with Contrastive Predictive Coding, 2018
(InfoNCE); in both directions with cosines as in Radford et al. 2021.
"""

import torch
from torch.nn.functional import cross_entropy, normalize

from nebulatent.ops.distances import at_least_single
from nebulatent.ops.processes import gather_rows
from nebulatent.typing import Float, Tensor


def info_nce(
    a: Float[Tensor, "batch latent"],
    b: Float[Tensor, "others latent"],
    *,
    temperature: float = 0.1,
    gather: bool = True,
) -> Float[Tensor, ""]:
    """InfoNCE between two views of each sample, over all other samples of the batch.

    Arguments:
        a: Codes of one view.
        b: Codes of the other view, rows in the same order.
        temperature: Scale of the cosines; > 0.
        gather: Whether processes that train together contrast the samples of all.

    Raises:
        ValueError: If the shapes differ or the temperature is not positive.

    Examples:
        >>> a = torch.eye(3)
        >>> info_nce(a, a, temperature=1.0)  # ln(e + 2) - 1
        tensor(0.5514)
    """
    if a.shape != b.shape:
        raise ValueError(
            f"`a` and `b` must be two views of the same samples, got shapes {tuple(a.shape)} and "
            f"{tuple(b.shape)}."
        )
    if not temperature > 0:
        raise ValueError(f"`temperature` must be positive, got {temperature}.")
    a, b = at_least_single(a), at_least_single(b)
    if gather:
        a, b = gather_rows(a), gather_rows(b)
    similarity = normalize(a, dim=1) @ normalize(b, dim=1).T / temperature
    own = torch.arange(len(a), device=a.device)
    return (cross_entropy(similarity, own) + cross_entropy(similarity.T, own)) / 2
