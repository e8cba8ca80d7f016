"""The options of `NebulaClustering`, checked when it is fitted, as scikit-learn wants it."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np

from nebulatent.apps.planning.model_config import LikelihoodKind, PriorKind

LikelihoodChoice = Literal["auto"] | LikelihoodKind
ScalingChoice = Literal["auto", "common", "feature"]

# Batches of two could leave a lone third sample, which cannot be normalised.
LEAST = {"n_clusters": 1, "n_components": 1, "max_iter": 1, "max_steps": 1, "batch_size": 3}
AUTO = ("n_clusters", "n_components")
KINDS: Mapping[str, tuple[str, ...]] = {
    "prior": get_args(PriorKind),
    "likelihood": ("auto", *get_args(LikelihoodKind)),
    "scaling": get_args(ScalingChoice),
}


def check_options(options: Mapping[str, Any], num_samples: int) -> None:
    """Refuse options that make no sense, or not for so few samples.

    Arguments:
        options: What `NebulaClustering.get_params` returns.
        num_samples: Rows of the training data.

    Raises:
        ValueError: If an option is out of its range.
    """
    for name, least in LEAST.items():
        if not (name in AUTO and isinstance(options[name], str) and options[name] == "auto"):
            _check_integer(name, options[name], least)
    for width in to_widths(options["hidden_layer_sizes"]) or (0,):
        _check_integer("hidden_layer_sizes", width, 1)
    for name, kinds in KINDS.items():
        if options[name] not in kinds:
            raise ValueError(f"`{name}` must be one of {kinds}, got {options[name]!r}.")
    _check_numbers(options)
    if not isinstance(options["consistency"], bool | np.bool):
        raise ValueError(f"`consistency` must be True or False, got {options['consistency']!r}.")
    _check_counts(options, num_samples)


def to_image_shape(
    shape: Sequence[int] | None, num_features: int, *, consistency: bool
) -> tuple[int, int, int] | None:
    """Channels, height and width of the images that rows hold; None if they hold none.

    Arguments:
        shape: What the user gave: (height, width) or (channels, height, width).
        num_features: Features of a row.
        consistency: Whether anything looks at images.

    Raises:
        ValueError: If rows cannot hold such images, or nothing looks at them.

    Examples:
        >>> to_image_shape((8, 8), 64, consistency=True)
        (1, 8, 8)
    """
    if shape is None:
        return None
    if not consistency:
        raise ValueError(
            f"`image_shape` must go with `consistency=True`, got {shape!r} without; leave it out."
        )
    sizes = tuple(np.atleast_1d(shape).tolist())
    whole = all(isinstance(size, int) and size > 0 for size in sizes)
    if len(sizes) not in (2, 3) or not whole or math.prod(sizes) != num_features:
        raise ValueError(
            "`image_shape` must be (height, width) or (channels, height, width) of "
            f"{num_features} values, the features of `X`, got {shape!r}."
        )
    channels, height, width = (1, *sizes)[-3:]
    return channels, height, width


def to_widths(sizes: int | Sequence[int]) -> tuple[int, ...]:
    """Widths of the hidden layers; a single number is a single layer."""
    return tuple(np.atleast_1d(sizes).tolist())


def _check_integer(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"`{name}` must be an integer of at least {least}, got {value!r}.")


def _check_numbers(options: Mapping[str, Any]) -> None:
    if not 0 <= options["warmup"] < 1:
        raise ValueError(f"`warmup` must be at least 0 and below 1, got {options['warmup']}.")
    if not options["learning_rate"] > 0:
        raise ValueError(f"`learning_rate` must be positive, got {options['learning_rate']}.")
    if not options["beta"] >= 0:
        raise ValueError(f"`beta` must not be negative, got {options['beta']}.")


def _check_counts(options: Mapping[str, Any], num_samples: int) -> None:
    if options["n_clusters"] == "auto":
        if not options["consistency"]:
            raise ValueError("`n_clusters` auto must go with `consistency=True`; give a number.")
        return
    if options["n_clusters"] > num_samples:
        raise ValueError(
            f"`n_clusters` must not exceed the number of samples, got {options['n_clusters']} "
            f"clusters and {num_samples} samples; ask for fewer clusters."
        )
    if options["consistency"] and 2 * options["n_clusters"] > num_samples:
        raise ValueError(
            "`n_clusters` must be at most half the number of samples with `consistency`, got "
            f"{options['n_clusters']} clusters and {num_samples} samples; ask for fewer clusters."
        )
