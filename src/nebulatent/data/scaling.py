r"""Raw values → what a model sees, fitted once on the training data and kept with the model.

.. math:: x' = (x - \text{shift}) / \text{scale}

============ ======================================= ==============================================
rule         shift, scale                            for
============ ======================================= ==============================================
``unit``     low, high - low (one number each)       images: into [0, 1], clamped
``standard`` mean, standard deviation, per feature   vectors
``standard`` 0, 1                                    clouds, which their readers have scaled
``binary``   0, 1                                    vectors of zeros and ones, left as they are
``binary``   0, 1                                    grids, which their readers have checked
============ ======================================= ==============================================

Our reading: `high` is the usual full scale (1, 255 or 65535) if the largest training value lies
in its upper half, else that value itself: bytes are divided by 255, scikit-learn's digits by 16,
masks of 0 and 1 by 1. `low` is 0, or the smallest value if negative (-1 from -0.5 downwards).
An image value outside this range, which new data may have, is clamped: a decoder that ends in
[0, 1] could not produce it. Vectors are never clamped.
"""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float as ArrayFloat

from nebulatent.data.rows import Rows, blocks
from nebulatent.data.table import Table
from nebulatent.typing import Float, Tensor

Rule = Literal["unit", "standard", "binary"]
FULL_SCALES = (1.0, 255.0, 65535.0)
WHITE = torch.tensor(255.0, dtype=torch.float32)
ROWS = 4096  # of vectors whose moments are summed at once, in float64
MOMENT_VALUES = 1 << 25  # of the same: fewer rows if they are long


class Scaling(NamedTuple):
    """An affine map of raw values, its inverse, and its JSON form.

    Arguments:
        rule: How the numbers were chosen.
        shift: Subtracted; float64, one number or one per feature.
        scale: Divided by; as `shift`, never zero.

    Examples:
        >>> scaling = Scaling.from_json({"rule": "unit", "shift": 0.0, "scale": 255.0})
        >>> scaling.apply(torch.tensor([0, 51, 255], dtype=torch.uint8))
        tensor([0.0000, 0.2000, 1.0000])
    """

    rule: Rule
    shift: Float[Tensor, "..."]
    scale: Float[Tensor, "..."]

    def apply(self, x: Tensor) -> Float[Tensor, "..."]:
        """Scaled values, float32 (float64 if `x` is float64), on the device of `x`."""
        if self.rule == "binary":
            return x.to(_float_type(x))
        if self.rule == "standard":
            dtype = _float_type(x)
            shift, scale = self.shift.to(x.device, dtype), self.scale.to(x.device, dtype)
            return (x - shift).div_(scale)
        return _to_unit(x, self.shift.item(), self.scale.item())

    def invert(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Values in the units of the data, in the type and on the device of `x`."""
        if self.rule == "binary":
            return x
        shift, scale = self.shift.to(x.device, x.dtype), self.scale.to(x.device, x.dtype)
        return x * scale + shift

    def notes(self, table: Table) -> tuple[str, ...]:
        """Sentences on data that are not in the units this scaling was fitted on."""
        if self.rule != "unit":
            return ()
        low = self.shift.item()
        high = low + self.scale.item()
        units = f"the training data's range of {low:g} to {high:g}"
        if table.low.min() < low or table.high.max() > high:
            outside = _share_outside(table.x, low, high)
            return (f"{outside:.2%} of the values lie outside {units} and are clamped to it.",)
        if table.high.max() - low < 0.02 * (high - low):
            return (f"All values are in the lowest 2% of {units}; check their units.",)
        return ()

    def to_json(self) -> dict[str, object]:
        """Plain numbers and lists, for :func:`json.dump`."""
        return {"rule": self.rule, "shift": self.shift.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, saved: Mapping[str, object]) -> "Scaling":
        """The scaling that :meth:`to_json` described.

        Raises:
            ValueError: If the description is not one of `to_json`.
        """
        try:
            rule = saved["rule"]
            shift, scale = (
                torch.tensor(saved[name], dtype=torch.float64) for name in ("shift", "scale")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                "`saved` must be a scaling with rule, shift and scale, got something else; "
                "the run's configuration is damaged."
            ) from error
        return cls(_check_rule(rule), shift, scale)


def fit_scaling(table: Table) -> Scaling:
    """Choose rule and numbers from the training data.

    Arguments:
        table: The training part only.
    """
    if table.kind == "images":
        low, high = _low(float(table.low.min())), _high(float(table.high.max()))
        return Scaling("unit", _double(low), _double(high - low if high > low else 1.0))
    if table.kind == "points":
        return Scaling("standard", _double(0.0), _double(1.0))
    if table.kind == "voxels" or _are_bits(table.x):
        return Scaling("binary", _double(0.0), _double(1.0))
    mean, std = _moments(table.x)
    std[std < np.finfo(np.float32).tiny] = 1.0
    return Scaling("standard", torch.from_numpy(mean), torch.from_numpy(std))


def _are_bits(x: Rows) -> bool:
    return all(((block == 0) | (block == 1)).all() for block in blocks(x))


def check_like(table: Table, shape: tuple[int, ...]) -> None:
    """Refuse samples of another shape than those a model was trained on.

    Arguments:
        table: New data.
        shape: Shape of one training sample, (features,), (points, coordinates), (channels,
            height, width) or (1, x, y, z).

    Raises:
        ValueError: If the shapes differ.
    """
    if table.sample_shape == tuple(shape):
        return
    raise ValueError(
        f"`data` must hold {_describe(shape)} like the training data, got "
        f"{_describe(table.sample_shape)}; use data of that shape or train a new model."
    )


def _describe(shape: tuple[int, ...]) -> str:
    match shape:
        case (features,):
            return f"vectors of {features} numbers"
        case (points, coordinates):
            return f"clouds of {points} points with {coordinates} coordinates"
        case (channels, height, width):
            return f"images of {channels}×{height}×{width} (channels, height, width)"
        case _:
            return f"grids of {'×'.join(map(str, shape[1:]))} cells"


def _check_rule(rule: object) -> Rule:
    for known in get_args(Rule):
        if rule == known:
            return known
    raise ValueError(f"`rule` must be unit, standard or binary, got {rule!r}.")


def _float_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _to_unit(x: Tensor, shift: float, scale: float) -> Float[Tensor, "..."]:
    if x.dtype == torch.uint8 and shift == 0 and scale == 255:
        # One pass over the batch, run at every step; bytes cannot leave [0, 1].
        return torch.div(x, WHITE)
    unit = x.to(_float_type(x), copy=True)
    if shift:
        unit.sub_(shift)
    return unit.div_(scale).clamp_(0.0, 1.0)


def _double(value: float) -> Float[Tensor, ""]:
    return torch.tensor(value, dtype=torch.float64)


def _low(smallest: float) -> float:
    return -1.0 if -1 <= smallest < -0.5 else min(0.0, smallest)


def _high(largest: float) -> float:
    return next((full for full in FULL_SCALES if full / 2 < largest <= full), largest)


def _share_outside(x: Rows, low: float, high: float) -> float:
    outside = sum(int(((block < low) | (block > high)).sum()) for block in blocks(x))
    return outside / math.prod(x.shape)


def _moments(
    x: Rows,
) -> tuple[ArrayFloat[np.ndarray, " features"], ArrayFloat[np.ndarray, " features"]]:
    """Mean and standard deviation in float64, exact zeros for constant features."""
    origin = x[:1][0].astype(np.float64)  # sums of differences from a sample do not cancel
    total, square = np.zeros_like(origin), np.zeros_like(origin)
    step = max(1, min(ROWS, MOMENT_VALUES // len(origin)))
    for start in range(0, len(x), step):
        difference = x[start : start + step] - origin
        total += difference.sum(axis=0)
        square += np.einsum("ij,ij->j", difference, difference)
    mean = total / len(x)
    return origin + mean, np.sqrt(np.maximum(square / len(x) - mean**2, 0.0))
