r"""Random corruptions of a batch, for methods that learn to undo them.

A view is a pure function of (batch, generator); the same generator state gives the same view.

================== ==================================================
:func:`mask`       :math:`\tilde x = x \odot b,\; b \sim \mathrm{Bernoulli}(1 - \text{share})`
:func:`gaussian`   :math:`\tilde x = x + \sigma \epsilon,\; \epsilon \sim \mathcal N(0, I)`
:func:`jitter`     both: noise first, then some features dropped
================== ==================================================

Source: Vincent et al., JMLR 2010, sections 3.3 (masking noise, additive Gaussian noise).
"""

import torch

from nebulatent.typing import Float, Tensor


def mask(
    x: Float[Tensor, "batch *shape"], generator: torch.Generator, share: float = 0.3
) -> Float[Tensor, "batch *shape"]:
    """Set a random share of pixels (all channels at once) or features to 0.

    Arguments:
        x: Vectors (batch, features) or images (batch, channels, height, width).
        generator: Source of randomness.
        share: Probability that a value is dropped.

    Raises:
        ValueError: If `share` is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"`share` must be in [0, 1], got {share}.")
    shape = (len(x), 1, *x.shape[2:]) if x.ndim == 4 else tuple(x.shape)
    keep = torch.rand(shape, generator=generator, device=generator.device, dtype=x.dtype)
    return x * keep.ge_(share).to(x.device)  # a product is cheaper than masked_fill


def gaussian(
    x: Float[Tensor, "batch *shape"], generator: torch.Generator, std: float = 0.3
) -> Float[Tensor, "batch *shape"]:
    """Add normal noise to every value; the result is not clamped.

    Arguments:
        x: A batch.
        generator: Source of randomness.
        std: Standard deviation of the noise, in the units of `x`.

    Raises:
        ValueError: If `std` is negative.
    """
    if not std >= 0:
        raise ValueError(f"`std` must not be negative, got {std}.")
    noise = torch.randn(x.shape, generator=generator, device=generator.device, dtype=x.dtype)
    return x + std * noise.to(x.device)


def jitter(
    x: Float[Tensor, "batch *shape"],
    generator: torch.Generator,
    std: float = 0.1,
    share: float = 0.1,
) -> Float[Tensor, "batch *shape"]:
    """A mild view of vectors: noise on every value, then a few values set to 0.

    Our reading: the least that makes two views of a sample differ; the sizes suit features of
        standard deviation 1 and mean 0, and were not tuned.

    Arguments:
        x: A batch.
        generator: Source of randomness.
        std: Standard deviation of the noise, in the units of `x`.
        share: Probability that a value is dropped.
    """
    return mask(gaussian(x, generator, std), generator, share)
