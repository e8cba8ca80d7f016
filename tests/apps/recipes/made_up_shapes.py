"""Grids of three classes in an .npz, for tests of the recipes that read shapes."""

from pathlib import Path

import numpy as np

COUNT = 45
CLASSES = ("chair", "sofa", "table")


def grids(place: Path) -> Path:
    """Boxes of three heights with noise, 12³, a third of each class."""
    rng = np.random.default_rng(0)
    label = np.arange(COUNT) % 3
    x = np.zeros((COUNT, 12, 12, 12), np.uint8)
    for cells, kind in zip(x, label, strict=True):
        low, high = rng.integers(0, 3), rng.integers(8, 12)
        cells[low:high, 2:10, : 3 + 3 * kind] = 1
        cells[rng.random(cells.shape) < 0.02] = 1
    path = place / "grids.npz"
    np.savez_compressed(path, x=x, y=label, classes=np.array(CLASSES))
    return path
