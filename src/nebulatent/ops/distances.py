"""Squared Euclidean distances between two sets of vectors."""

import torch

from nebulatent.typing import Float, Int, Tensor

HALF = (torch.float16, torch.bfloat16)
FEW = 1 << 16  # pairs for which one direct kernel beats the matrix product's nine small operations


def squared_distances(
    a: Float[Tensor, "rows latent"], b: Float[Tensor, "columns latent"]
) -> Float[Tensor, "rows columns"]:
    r"""All squared distances.

    Few pairs are computed directly; many by one matrix product,

    .. math:: \lVert a_i - b_j \rVert^2 = |a_i|^2 + |b_j|^2 - 2\, a_i \cdot b_j ,

    after moving both sets so that the mean of `b` is the origin: without that the three terms
    cancel badly when the sets lie far from zero.

    Unit: squared units of the vectors; never negative. Half precision comes back as float32.
    """
    a, b = at_least_single(a), at_least_single(b)
    if _are_few(a, b):
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square()
    origin = b.mean(0)
    a, b = a - origin, b - origin
    cross = torch.addmm(a.square().sum(1, keepdim=True), a, b.T, alpha=-2)
    return (cross + b.square().sum(1)).clamp_min(0)


def nearest(
    a: Float[Tensor, "rows latent"], b: Float[Tensor, "columns latent"]
) -> Int[Tensor, " rows"]:
    """Index of the row of `b` that is nearest to each row of `a`; the lowest one in a tie."""
    a, b = at_least_single(a), at_least_single(b)
    if _are_few(a, b):  # the root, which squaring would undo
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
    return squared_distances(a, b).argmin(1)


def _are_few(a: Tensor, b: Tensor) -> bool:
    """Whether to compute pairs directly; a graph for any number of rows cannot ask."""
    return not torch.compiler.is_compiling() and len(a) * len(b) <= FEW


def at_least_single(x: Tensor) -> Tensor:
    """The tensor itself, or its float32 copy if it is of half precision."""
    return x.float() if x.dtype in HALF else x
