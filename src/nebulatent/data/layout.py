"""What the axes of an array mean: vectors, clouds of points, images, occupancy grids.

============ ==================== =========================================
axes         read as              becomes
============ ==================== =========================================
N×D          vectors              float32 (N, D)
N×H×W        grey images          (N, 1, H, W)
N×P×3        clouds, P > 3        float32 (N, P, 3), centred, in the unit sphere
N×H×W×C      images, C = 1, 3, 4  (N, C, H, W); transparency over white
N×C×H×W      images, C = 1, 3, 4  the same, where the last axis cannot be C
N×R×R×R      grids, R > 4         uint8 (N, 1, R, R, R) of zeros and ones
N×1×R×R×R    grids                the same
============ ==================== =========================================

Images of whole numbers from 0 to 255 are kept as uint8, all else as float32. What becomes of an
array is decided once, over all of it, and then applied to all of it or to any of its rows.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from nebulatent.data.clouds.points import UNIT_SPHERE, to_unit_sphere

Pixels = UInt8[np.ndarray, "samples ..."] | Float[np.ndarray, "samples ..."]
Parts = Callable[[], Iterable[Shaped[np.ndarray, "..."]]]
CHANNELS = (1, 3, 4)
BYTE, FLOAT = np.dtype(np.uint8), np.dtype(np.float32)


class Layout(NamedTuple):
    """What becomes of stored numbers.

    Arguments:
        shape: Of one sample: (features,), (points, 3), (channels, height, width) or (1, x, y, z).
        dtype: Of its values: uint8 or float32.
        channels: Axis of the stored array that holds the channels; None if it has no such axis.
        white: Alpha of an opaque pixel; None without transparency.
        notes: Sentences for people.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    channels: int | None = None
    white: float | None = None
    notes: tuple[str, ...] = ()

    def apply(self, array: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "samples *shape"]:
        """The samples of some stored rows."""
        if len(self.shape) == 1:
            return _floats(array)
        if len(self.shape) == 2:
            return to_unit_sphere(array)
        if len(self.shape) == 4:
            return np.ascontiguousarray(array, dtype=BYTE).reshape(len(array), *self.shape)
        pixels = _pixels(array, self.dtype)
        if self.channels is None:
            return np.ascontiguousarray(pixels[:, None])
        pixels = np.moveaxis(pixels, self.channels, -1)
        if self.white is not None:
            pixels = _over_white(pixels, self.white)
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 1))


def to_samples(
    array: Shaped[np.ndarray, "..."], source: str
) -> tuple[Shaped[np.ndarray, "samples *shape"], tuple[str, ...]]:
    """Samples in the layout of :class:`~nebulatent.data.table.Table`, and notes for people.

    Arguments:
        array: Numbers, as stored.
        source: File the array comes from, for messages.

    Raises:
        ValueError: If the array holds no numbers, or its axes are none of the above.

    Examples:
        >>> x, notes = to_samples(np.zeros((5, 28, 28, 3), dtype=np.uint8), "a.npy")
        >>> x.shape, x.dtype.name, notes
        ((5, 3, 28, 28), 'uint8', ())
    """
    layout = choose_layout(array.shape, array.dtype, lambda: (array,), source)
    return layout.apply(array), layout.notes


def choose_layout(shape: tuple[int, ...], dtype: np.dtype, parts: Parts, source: str) -> Layout:
    """Decide what becomes of an array.

    Arguments:
        shape: Of the stored array.
        dtype: Of the stored array.
        parts: Gives the array's rows, part by part; called only if their values matter.
        source: File the array comes from, for messages.

    Raises:
        ValueError: If the array holds no numbers, or its axes are none of the above.
    """
    if dtype.kind not in "buif":
        raise ValueError(f"`{source}` must hold real numbers, got values of type {dtype}.")
    if len(shape) == 2:
        return Layout(shape[1:], FLOAT)
    if is_clouds(shape):
        return Layout(shape[1:], FLOAT, notes=("Axes read as clouds × points × xyz.", UNIT_SPHERE))
    if is_grids(shape):
        _check_filled(dtype, parts, source)
        return Layout((1, *shape[-3:]), BYTE, notes=("Axes read as grids × x × y × z.",))
    _check_axes(shape, source)
    kept = BYTE if math.prod(shape) and _fits_bytes(dtype, parts) else FLOAT
    notes = ("True and false were read as 255 and 0.",) if dtype.kind == "b" else ()
    if len(shape) == 3:
        return Layout((1, *shape[1:]), kept, notes=notes)
    channels = 3 if shape[3] in CHANNELS else 1
    if channels == 1:
        notes = (*notes, "Axes read as samples × channels × height × width.")
    height, width = shape[1:3] if channels == 3 else shape[2:]
    if shape[channels] != 4:
        return Layout((shape[channels], height, width), kept, channels, notes=notes)
    white = _opaque(channels, kept, parts)
    notes = (*notes, "Transparency was composed over white.")
    return Layout((3, height, width), kept, channels, white, notes)


def is_clouds(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape holds clouds: no picture is three pixels wide."""
    return len(shape) == 3 and shape[2] == 3 and shape[1] > 3


def is_grids(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape holds cubic grids: no picture has so many channels."""
    cubes = len(set(shape[-3:])) == 1 and shape[-1] > max(CHANNELS)
    return cubes and (len(shape) == 4 or (len(shape) == 5 and shape[1] == 1))


def _check_filled(dtype: np.dtype, parts: Parts, source: str) -> None:
    """Refuse cells that are neither empty nor filled."""
    if dtype.kind == "b":
        return
    for part in parts():
        other = part[(part != 0) & (part != 1)]
        if len(other):
            raise ValueError(
                f"`{source}` must hold 0 (empty) and 1 (filled) only, as grids do, got "
                f"{other[0]}; threshold it first."
            )


def _check_axes(shape: tuple[int, ...], source: str) -> None:
    if len(shape) == 3 or (len(shape) == 4 and (shape[3] in CHANNELS or shape[1] in CHANNELS)):
        return
    raise ValueError(
        f"`{source}` must have shape N×D (vectors), N×P×3 (clouds of points), N×H×W (grey "
        f"images), N×H×W×C with C = 1, 3 or 4 (images) or N×R×R×R (grids), got "
        f"{'×'.join(map(str, shape)) or 'a single number'}; reshape the array."
    )


def _floats(array: Shaped[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    # A float64 beyond float32's range becomes infinite, which the table refuses by name.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def _fits_bytes(dtype: np.dtype, parts: Parts) -> bool:
    """Whether all values are whole numbers from 0 to 255, or true and false."""
    if dtype.kind == "b" or dtype == BYTE:
        return True
    return dtype.kind in "iu" and all(part.min() >= 0 and part.max() <= 255 for part in parts())


def _pixels(array: Shaped[np.ndarray, "samples ..."], dtype: np.dtype) -> Pixels:
    if dtype != BYTE:
        return _floats(array)
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    return array.astype(np.uint8, copy=False)


def _opaque(channels: int, dtype: np.dtype, parts: Parts) -> float:
    """Alpha of an opaque pixel, in the units of the pixels."""
    if dtype == BYTE:
        return 255.0
    alphas = (_floats(np.take(part, 3, axis=channels)) for part in parts())
    return 255.0 if any(alpha.max(initial=0) > 1 for alpha in alphas) else 1.0


def _over_white(pixels: Pixels, white: float) -> Pixels:
    """Compose colours by their alpha over white."""
    alpha = pixels[..., 3:].astype(np.float32) / white
    mixed = pixels[..., :3] * alpha + white * (1 - alpha)
    return np.rint(mixed).astype(np.uint8) if pixels.dtype == np.uint8 else mixed
