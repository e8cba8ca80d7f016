"""Pictures of any size as rows of one size, decoded when they are asked for.

Pictures that all have the same size, at most 128 pixels a side, keep it. Otherwise they become
squares of 32 or 64 pixels, whichever is nearer the median of their shorter sides, or of the side
asked for.

Our reading: shapes are reconciled by cutting the centre out, not by padding. The bars that padding
adds would be the largest difference between images of different shape, and a code learned
without labels would sort by shape of the frame before anything else.
"""

from collections.abc import Sequence
from statistics import median

import numpy as np
from jaxtyping import UInt8

from nebulatent.data.pictures import Picture, decode
from nebulatent.data.rows import Index, positions

LARGEST_KEPT = 128
SIDES = (32, 64)

Size = tuple[int, int]  # height, width


class PictureRows:
    """Pictures of one size as rows.

    Arguments:
        pictures: What their headers say, in the order of the rows.
        size: Height and width they are brought to.
    """

    def __init__(self, pictures: Sequence[Picture], size: Size) -> None:
        self._pictures, self._size = pictures, size
        self._channels = max(picture.channels for picture in pictures)
        self.shape = (len(pictures), self._channels, *size)
        self.dtype, self.ndim = np.dtype(np.uint8), 4

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, rows: Index) -> UInt8[np.ndarray, "rows channels height width"]:
        numbers = positions(rows, len(self))
        x = np.empty((len(numbers), *self.shape[1:]), dtype=np.uint8)
        for row, number in zip(x, numbers, strict=True):
            row[:] = decode(self._pictures[number], self._size, self._channels)
        return x


def to_rows(
    pictures: Sequence[Picture], image_size: int | None
) -> tuple[PictureRows, tuple[str, ...]]:
    """Pictures brought to one size, and notes for people.

    Arguments:
        pictures: At least one.
        image_size: Side of the squares wanted; None keeps or chooses by rule.
    """
    size, resized = _common_size(pictures, image_size)
    return PictureRows(pictures, size), (*resized, *_notes(pictures))


def _common_size(
    pictures: Sequence[Picture], image_size: int | None
) -> tuple[Size, tuple[str, ...]]:
    sizes = {(picture.height, picture.width) for picture in pictures}
    first = min(sizes)
    if image_size is not None:
        size = (image_size, image_size)
    elif len(sizes) == 1 and max(first) <= LARGEST_KEPT:
        size = first
    else:
        middle = median(min(picture.height, picture.width) for picture in pictures)
        side = min(SIDES, key=lambda side: abs(side - middle))
        size = (side, side)
    if sizes == {size}:
        return size, ()
    sides = [side for known in sizes for side in known]
    came = f"{min(sides)} to {max(sides)} pixels a side"
    return size, (f"Cut to the centre and resized to {size[0]}×{size[1]}, from {came}.",)


def _notes(pictures: Sequence[Picture]) -> list[str]:
    grey = sum(picture.channels == 1 for picture in pictures)
    counts = {
        "grey pictures were turned into colour, as the others are.": grey % len(pictures),
        "pictures have transparency, composed over white.": sum(p.transparent for p in pictures),
        "pictures of 16 bits were reduced to 8.": sum(picture.deep for picture in pictures),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
