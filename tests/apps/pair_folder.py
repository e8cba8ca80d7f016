"""A small folder of whole grids and their scans, as `nebulatent prepare --scans` leaves it."""

from pathlib import Path

import numpy as np

from nebulatent.data.binvox import Voxels, write_binvox

SIDE, VIEWS = 8, 2


def write_pairs(root: Path, shapes: int = 10, side: int = SIDE) -> Path:
    """Tall and flat boxes; a scan shows the first layers of one, along x or along y."""
    rng = np.random.default_rng(0)
    for name in ("flat", "tall"):
        (root / "Scans" / name).mkdir(parents=True)
        for number in range(shapes):
            cells = np.zeros((side,) * 3, bool)
            wide, thin = rng.integers(side // 2, side - 2), rng.integers(1, 3)
            a, b = (wide, thin) if name == "flat" else (thin + 1, wide)
            cells[1 : 1 + a, 1 : 1 + a, 1 : 1 + b] = True
            place = root / f"ShapeNetVox{side}" / name / f"{number:02d}"
            place.mkdir(parents=True)
            write_binvox(place / "model.binvox", Voxels(cells))
            partial = np.stack([cells] * VIEWS)
            partial[0, 2:] = False
            partial[1, :, 2:] = False
            np.savez_compressed(root / "Scans" / name / f"{number:02d}.npz", partial=partial)
    return root
