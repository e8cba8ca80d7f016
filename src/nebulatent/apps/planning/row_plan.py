r"""Rows of numbers of any kind → likelihood, scaling, length of training and network, by rule.

.. math:: x' = (x - \text{shift}) / \text{scale}

============= ====================================== ===========================================
rule          shift, scale                           for
============= ====================================== ===========================================
``bernoulli`` 0, 1                                   values in [0, 1]
``common``    mean per feature, one number: the root features that share a unit, as pixels do
              of their mean variance
``feature``   mean and standard deviation of each    features of different units
============= ====================================== ===========================================

Our reading: features share a unit if their median range is at least a tenth of the largest. On
scikit-learn's digits in 0..16, dividing each pixel by its own deviation makes stray ink in the
corners as loud as the strokes (accuracy of the clusters 0.70, else 0.79); on its wines, one common
number leaves only the feature with the largest unit (0.70, else 0.95).
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from sklearn.preprocessing import StandardScaler

from nebulatent.apps.planning.clustering_options import LikelihoodChoice, ScalingChoice
from nebulatent.apps.planning.model_config import LikelihoodKind
from nebulatent.data.scaling import Scaling

ALIKE = 0.1
MIN_EPOCHS = 3  # however large the data: the anchors need a warm-up
MIN_BATCH = 32  # of small data, which are otherwise cut into ten batches


class Length(NamedTuple):
    """How training is cut up."""

    batch_size: int
    epochs: int
    warmup_epochs: int


def choose_likelihood(
    X: Float[np.ndarray, "samples features"], choice: LikelihoodChoice
) -> LikelihoodKind:
    """The likelihood that fits the values.

    Raises:
        ValueError: If Bernoulli is asked for and a value lies outside [0, 1].
    """
    low, high = float(X.min()), float(X.max())
    inside = low >= 0 and high <= 1
    if choice == "bernoulli" and not inside:
        raise ValueError(
            f"`X` must lie in [0, 1] when `likelihood` is bernoulli, got {low:g} to {high:g}; "
            "scale it or use gaussian."
        )
    if choice == "auto":
        return "bernoulli" if inside else "gaussian"
    return choice


def fit_row_scaling(
    X: Float[np.ndarray, "samples features"], choice: ScalingChoice, likelihood: LikelihoodKind
) -> Scaling:
    """Scaling of the training rows; a constant feature is only shifted."""
    if likelihood == "bernoulli":
        zero = torch.zeros((), dtype=torch.float64)
        return Scaling("binary", zero, zero + 1)
    scaler = StandardScaler().fit(X.astype(np.float64))
    scale = torch.tensor(scaler.scale_)
    if choice == "common" or (choice == "auto" and share_unit(X)):
        scale = torch.tensor(scaler.var_).mean().sqrt()
        scale = torch.where(scale > 0, scale, 1.0)
    return Scaling("standard", torch.tensor(scaler.mean_), scale)


def share_unit(X: Float[np.ndarray, "samples features"]) -> bool:
    """Whether the ranges of the features that vary are of one order.

    Examples:
        >>> share_unit(np.array([[0.0, 0.0, 3.0], [5.0, 1.0, 3.0]]))
        True
        >>> share_unit(np.array([[0.0, 0.0, 3.0], [50.0, 1.0, 3.1]]))
        False
    """
    ranges = np.ptp(X, axis=0)
    moving = ranges[ranges > 0]
    return len(moving) > 0 and float(np.median(moving)) >= ALIKE * float(moving.max())


def plan_length(
    num_samples: int, *, batch_size: int, max_iter: int, max_steps: int, warmup: float
) -> Length:
    """Batches, epochs and warm-up for a number of rows.

    Examples:
        >>> plan_length(1797, batch_size=128, max_iter=100, max_steps=3000, warmup=0.6)
        Length(batch_size=128, epochs=100, warmup_epochs=60)
    """
    batch_size = min(batch_size, max(MIN_BATCH, num_samples // 10))
    steps = -(-num_samples // batch_size)
    epochs = min(max_iter, max(MIN_EPOCHS, max_steps // steps))
    return Length(batch_size, epochs, min(round(warmup * epochs), epochs - 1))
