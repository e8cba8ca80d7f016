"""Eq. (16) as printed: with Python loops over floats, and as one codes^3 tensor for autograd."""

import math

import torch

from nebulatent.typing import Float, Int, Tensor


def triplet_loss_in_loops(z: list[list[float]], label: list[int], margin: float = 0.01) -> float:
    """Mean over all valid triplets, one float at a time."""
    terms = []
    codes = range(len(z))
    for i in codes:
        for p in (p for p in codes if p != i and label[p] == label[i]):
            d_ip = sum((a - b) ** 2 for a, b in zip(z[i], z[p], strict=True))
            for n in (n for n in codes if label[n] != label[i]):
                d_in = sum((a - b) ** 2 for a, b in zip(z[i], z[n], strict=True))
                terms.append(math.log(max(1.0, 2.0 - d_in / (d_ip + margin))))
    return math.fsum(terms) / len(terms) if terms else 0.0


def naive_triplet_loss(
    z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"], margin: float = 0.01
) -> Float[Tensor, ""]:
    """Mean over all valid triplets as one codes^3 tensor, for autograd."""
    distance = (z[:, None] - z[None]).square().sum(2)
    same = label[:, None] == label[None]
    positive = same & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    ratio = distance[:, None, :] / (distance[:, :, None] + margin)
    valid = positive[:, :, None] & ~same[:, None, :]
    terms = torch.log((2 - ratio).clamp(min=1)) * valid
    return terms.sum() / valid.sum().clamp(min=1)
