"""Shape-carrying types, and the glossary of axis names used in every annotation.

========== ===================================================================
axis       meaning
========== ===================================================================
batch      samples of one step
codes      latent vectors: one per sample, or one per site of a sample
sites      positions of one sample that each have a latent (tokens, pixels)
latent     components of a code
anchors    nebula anchors
features   what the encoder hands to the bottleneck
classes    values of a label
channels, height, width    axes of an image
points     points of a cloud; their order means nothing
components Gaussians of a cloud's mixture
space      coordinates of a point
========== ===================================================================
"""

from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

__all__ = ["Bool", "Float", "Int", "Shaped", "Tensor"]
