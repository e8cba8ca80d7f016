"""Small pictures of many samples in one PNG, so that a page can show any of them at once.

A browser shows one cell of the sheet; the sheet is embedded once, however many maps point at it.
"""

import hashlib
import io
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from nebulatent.apps.pictures.canvas import png_uri
from nebulatent.apps.pictures.galleries import LIMIT, pictures

MAX_SIDE = 32
PROFILE_HEIGHT, PROFILE_WIDTH = 25, 48
PAPER, BAR = 255, 90


class Sheet(NamedTuple):
    """A PNG with one cell per sample, row by row.

    Arguments:
        uri: The PNG as a data URI.
        columns: Cells in a row.
        rows: Rows of cells.
        width: Pixels of a cell.
        height: Pixels of a cell.
    """

    uri: str
    columns: int
    rows: int
    width: int
    height: int

    @property
    def name(self) -> str:
        """A CSS class that depends on the pixels alone: equal sheets share it."""
        return "sheet-" + hashlib.sha256(self.uri.encode("ascii")).hexdigest()[:16]


def picture_thumbnails(
    x: Float[np.ndarray, "codes channels height width"],
) -> UInt8[np.ndarray, "codes tall wide 3"]:
    """Images in [0, 1] as 8-bit pictures, shrunk to at most 32 pixels a side."""
    return np.stack([_shrunk(pictures(image)) for image in x])


def _shrunk(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "tall wide 3"]:
    shrink = max(rgb.shape[:2]) / MAX_SIDE
    if shrink <= 1:
        return rgb
    height, width = (max(1, round(side / shrink)) for side in rgb.shape[:2])
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX))


def profile_thumbnails(
    x: Float[np.ndarray, "codes features"],
) -> UInt8[np.ndarray, "codes tall wide 3"]:
    """Vectors in standard deviations as bars up and down from the middle, cut at three."""
    features = np.floor(np.linspace(0, x.shape[1], PROFILE_WIDTH, endpoint=False)).astype(int)
    half = PROFILE_HEIGHT // 2
    height = np.round(np.clip(x[:, features] / LIMIT, -1, 1) * half).astype(int)[:, None, :]
    level = (half - np.arange(PROFILE_HEIGHT))[None, :, None]
    inside = (level >= np.minimum(height, 0)) & (level <= np.maximum(height, 0))
    return np.repeat(np.where(inside, BAR, PAPER).astype(np.uint8)[..., None], 3, axis=-1)


def to_sheet(cells: UInt8[np.ndarray, "codes height width 3"]) -> Sheet:
    """Thumbnails in one PNG, about square; grey where every cell is grey."""
    count, height, width, _ = cells.shape
    columns = max(1, round((count * height / width) ** 0.5))
    rows = -(-count // columns)
    grid = np.full((rows * columns, height, width, 3), PAPER, np.uint8)
    grid[:count] = cells
    grid = grid.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    image = Image.fromarray(grid.reshape(rows * height, columns * width, 3))
    if (cells == cells[..., :1]).all():
        image = image.convert("L")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return Sheet(png_uri(buffer.getvalue()), columns, rows, width, height)
