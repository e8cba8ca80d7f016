"""A small folder of shapes as grids and as pictures, in R2N2's layout."""

from pathlib import Path

import numpy as np
from PIL import Image

from nebulatent.data.binvox import Voxels, write_binvox

SIDE, VIEWS, PIXELS = 12, 2, 24


def write_shapes(root: Path, shapes: int = 10, views: int = VIEWS) -> Path:
    """Tall and flat boxes with stray cells, seen along x and y; transparent beside the shape."""
    rng = np.random.default_rng(0)
    for name in ("flat", "tall"):
        for number in range(shapes):
            cells = rng.random((SIDE, SIDE, SIDE)) < 0.01
            wide, thin = rng.integers(6, 10), rng.integers(1, 4)
            a, b = (wide, thin) if name == "flat" else (thin + 1, wide)
            cells[2 : 2 + a, 2 : 2 + a, 1 : 1 + b] = True
            place = root / f"ShapeNetVox{SIDE}" / name / f"{number:02d}"
            place.mkdir(parents=True)
            write_binvox(place / "model.binvox", Voxels(cells))
            drawn = root / "ShapeNetRendering" / name / f"{number:02d}" / "rendering"
            drawn.mkdir(parents=True)
            for view in range(views):
                write_view(drawn / f"{view:02d}.png", np.asarray(cells.any(axis=view % 2)).T[::-1])
    return root


def write_view(path: Path, seen: np.ndarray, pixels: int = PIXELS) -> None:
    """A grey picture of what is seen, in a square of so many pixels."""
    pixel = np.zeros((*seen.shape, 4), np.uint8)
    pixel[seen] = (90, 90, 90, 255)
    Image.fromarray(pixel).resize((pixels, pixels), Image.Resampling.NEAREST).save(path)
