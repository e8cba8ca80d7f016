"""One picture file: what its header says, and its pixels at a given size.

Decoding is Pillow's, imported when the first picture is read. Transparency is composed over white,
a phone's rotation mark is obeyed, 16 bits become 8, and of a GIF the first frame is taken.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import UInt8

from nebulatent.data.parts import Part, gone, read_part

if TYPE_CHECKING:
    from PIL.Image import Image

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif")
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
ROTATED = (5, 6, 7, 8)  # values of EXIF's orientation that swap width and height
ORIENTATION = 0x0112


class Picture(NamedTuple):
    """What the header of a picture file says.

    Arguments:
        source: The file, or the part of a larger file.
        height: Pixels, upright.
        width: Pixels, upright.
        channels: 1 for grey, 3 for anything else.
        transparent: Whether it has transparency.
        deep: Whether it has more than 8 bits a channel.
    """

    source: Path | Part
    height: int
    width: int
    channels: int
    transparent: bool
    deep: bool


def inspect(source: Path | Part) -> Picture:
    """Read a picture's header.

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the file is not a picture.
    """
    with _opened(source) as image:
        width, height = image.size[::-1] if _orientation(image) in ROTATED else image.size
        channels = 1 if image.mode in GREY_MODES else 3
        deep = image.mode.startswith("I")
        return Picture(source, height, width, channels, _is_transparent(image), deep)


def decode(
    picture: Picture, size: tuple[int, int], channels: int
) -> UInt8[np.ndarray, "channels height width"]:
    """The pixels, cut to the shape of `size` around the centre and resized.

    Arguments:
        picture: What :func:`inspect` said.
        size: Height and width wanted.
        channels: 1 (grey) or 3 (colour).

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the file is truncated or damaged.
    """
    from PIL import ImageOps

    height, width = size
    with _opened(picture.source) as image:
        if (picture.height, picture.width) != size:
            side = 2 * max(size)
            image.draft(None, (side, side))  # a large JPEG is decoded at a fraction of its size
        upright = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
        flat = _to_bytes(upright).convert("L" if channels == 1 else "RGB")
        if flat.size != (width, height):
            flat = ImageOps.fit(flat, (width, height))
        pixels = np.asarray(flat).reshape(height, width, channels)
    return np.moveaxis(pixels, -1, 0)


def _to_bytes(image: "Image") -> "Image":
    """The picture with 8 bits a channel and without transparency."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not _is_transparent(image):
        return image
    colours = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)


def _is_transparent(image: "Image") -> bool:
    return image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info


def _orientation(image: "Image") -> int:
    # Only asked of formats whose EXIF is read without decoding the pixels.
    if image.format not in ("JPEG", "MPO", "WEBP"):
        return 1
    mark = image.getexif().get(ORIENTATION)
    return mark if isinstance(mark, int) else 1


@contextmanager
def _opened(source: Path | Part) -> Iterator["Image"]:
    """Open a picture; whatever its decoder raises becomes one sentence that names the file."""
    from PIL import Image

    stream = read_part(source) if isinstance(source, Part) else source
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(stream) as image:
                yield image
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(
                f"`{source}` must have fewer than {Image.MAX_IMAGE_PIXELS} pixels, got more; "
                "make it smaller or leave it out."
            ) from error
        except FileNotFoundError as error:
            raise FileNotFoundError(gone(source)) from error
        except Exception as error:  # damaged files make decoders raise nearly anything
            raise ValueError(
                f"`{source}` must be a complete picture, got one that is truncated, damaged or of "
                "another kind; replace or remove it."
            ) from error
