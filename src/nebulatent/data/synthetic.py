r"""Data with a known answer: what the tests train on.

A sample of class :math:`k` is drawn from :math:`\mathcal N(c_k, I)`.
"""

import torch

from nebulatent.typing import Float, Int, Tensor


def blobs(
    num_samples: int, num_classes: int, dim: int, *, separation: float, generator: torch.Generator
) -> tuple[Float[Tensor, "samples dim"], Int[Tensor, " samples"]]:
    """Gaussian blobs of unit variance, in mixed order, with class sizes that differ by at most one.

    Arguments:
        num_samples: At least `num_classes`.
        num_classes: Number of blobs.
        dim: Features of a sample.
        separation: Distance of the two closest centres, in standard deviations.
        generator: Source of all randomness.

    Raises:
        ValueError: If a size is not positive, `separation` is negative, or there are fewer
            samples than classes.

    Examples:
        >>> x, label = blobs(7, 3, 2, separation=8.0, generator=torch.Generator().manual_seed(0))
        >>> x.shape, label.bincount()
        (torch.Size([7, 2]), tensor([3, 2, 2]))
    """
    if num_classes < 1 or dim < 1 or separation < 0:
        raise ValueError(
            "`num_classes` and `dim` must be positive and `separation` not negative, got "
            f"{num_classes}, {dim} and {separation}."
        )
    if num_samples < num_classes:
        raise ValueError(f"`num_samples` must be at least {num_classes}, got {num_samples}.")
    centres = torch.randn(num_classes, dim, generator=generator)
    if num_classes > 1:
        centres = centres * (separation / torch.pdist(centres).min())
    label = torch.randperm(num_samples, generator=generator) % num_classes
    return centres[label] + torch.randn(num_samples, dim, generator=generator), label
