"""What the axes of an array mean: vectors, grey images, colour images.

============ ==================== =========================================
axes         read as              becomes
============ ==================== =========================================
N×D          vectors              float32 (N, D)
N×H×W        grey images          (N, 1, H, W)
N×H×W×C      images, C = 1, 3, 4  (N, C, H, W); transparency over white
N×C×H×W      images, C = 1, 3, 4  the same, where the last axis cannot be C
============ ==================== =========================================

Images of whole numbers from 0 to 255 are kept as uint8, all else as float32.
"""

import numpy as np
from jaxtyping import Float, Shaped, UInt8

Pixels = UInt8[np.ndarray, "samples ..."] | Float[np.ndarray, "samples ..."]
CHANNELS = (1, 3, 4)


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
    if array.dtype.kind not in "buif":
        raise ValueError(f"`{source}` must hold real numbers, got values of type {array.dtype}.")
    if array.ndim == 2:
        return _floats(array), ()
    _check_axes(array.shape, source)
    pixels, notes = _pixels(array)
    if array.ndim == 3:
        return np.ascontiguousarray(pixels[:, None]), notes
    if array.shape[-1] not in CHANNELS:
        pixels = np.moveaxis(pixels, 1, -1)
        notes = (*notes, "Axes read as samples × channels × height × width.")
    if pixels.shape[-1] == 4:
        pixels = _over_white(pixels)
        notes = (*notes, "Transparency was composed over white.")
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 1)), notes


def _check_axes(shape: tuple[int, ...], source: str) -> None:
    if len(shape) == 3 or (len(shape) == 4 and (shape[3] in CHANNELS or shape[1] in CHANNELS)):
        return
    raise ValueError(
        f"`{source}` must have shape N×D (vectors), N×H×W (grey images) or N×H×W×C with C = 1, 3 "
        f"or 4 (images), got {'×'.join(map(str, shape)) or 'a single number'}; reshape the array."
    )


def _floats(array: Shaped[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    # A float64 beyond float32's range becomes infinite, which the table refuses by name.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def _pixels(array: Shaped[np.ndarray, "samples ..."]) -> tuple[Pixels, tuple[str, ...]]:
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255), ("True and false were read as 255 and 0.",)
    if array.dtype.kind == "f" or array.size == 0:
        return _floats(array), ()
    if array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8, copy=False), ()
    return _floats(array), ()


def _over_white(pixels: Pixels) -> Pixels:
    """Compose colours by their alpha over white, in the units of the pixels."""
    white = 255.0 if pixels.dtype == np.uint8 or pixels[..., 3].max(initial=0) > 1 else 1.0
    alpha = pixels[..., 3:].astype(np.float32) / white
    mixed = pixels[..., :3] * alpha + white * (1 - alpha)
    return np.rint(mixed).astype(np.uint8) if pixels.dtype == np.uint8 else mixed
