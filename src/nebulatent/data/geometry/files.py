"""One file of a mesh or a cloud, read by what its name ends in.

========================== ========================= =======================
name ends in               what it may be            module
========================== ========================= =======================
`.off`                     mesh, cloud               :mod:`.off`
`.ply`                     mesh, cloud               :mod:`.ply`
`.obj`                     mesh, cloud               :mod:`.obj`
`.stl`                     mesh                      :mod:`.stl`
`.glb`                     mesh                      :mod:`.glb`
`.xyz`, `.txt`, `.pts`     cloud                     :mod:`.xyz`
`.pcd`                     cloud                     :mod:`.pcd`
`.npy`, `.npz`             cloud; `.npz` mesh too    :mod:`.arrays`
========================== ========================= =======================

A file costs time and memory in proportion to its bytes, never to what its header claims.
"""

from pathlib import Path

import numpy as np

from nebulatent.data.geometry.arrays import read_npy_cloud, read_npz_shape
from nebulatent.data.geometry.geometry import Geometry, check_geometry
from nebulatent.data.geometry.glb import read_glb
from nebulatent.data.geometry.obj import read_obj
from nebulatent.data.geometry.off import read_off
from nebulatent.data.geometry.pcd import read_pcd
from nebulatent.data.geometry.ply import read_ply
from nebulatent.data.geometry.stl import read_stl
from nebulatent.data.geometry.xyz import read_xyz
from nebulatent.data.parts import gone

READERS = {
    ".off": read_off,
    ".ply": read_ply,
    ".obj": read_obj,
    ".stl": read_stl,
    ".glb": read_glb,
    ".xyz": read_xyz,
    ".txt": read_xyz,
    ".pts": read_xyz,
    ".pcd": read_pcd,
}
ARRAYS = {".npy": read_npy_cloud, ".npz": read_npz_shape}
# A folder may hold these beside other things that are no shapes.
AMBIGUOUS = (".txt", ".npy", ".npz")
EXTENSIONS = tuple(name for name in (*READERS, *ARRAYS) if name not in AMBIGUOUS)
LARGEST = 1 << 30  # bytes of a file


def read_geometry(path: Path) -> Geometry:
    """The mesh or cloud of a file.

    Raises:
        FileNotFoundError: If the file is not there.
        ValueError: If it is damaged, truncated, too large or of another kind.
    """
    extension = path.suffix.lower()
    if extension not in READERS and extension not in ARRAYS:
        known = ", ".join((*READERS, *ARRAYS))
        raise ValueError(f"`{path}` must be a mesh or cloud ({known}), got another kind of file.")
    _check_file(path)
    with np.errstate(all="ignore"):  # what is no number after a cast is refused by name
        if extension in ARRAYS:
            return check_geometry(ARRAYS[extension](path), str(path))
        return check_geometry(READERS[extension](path.read_bytes(), str(path)), str(path))


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(gone(path))
    if not path.is_file():
        raise ValueError(f"`{path}` must be a file, got a folder, device or pipe.")
    if not 0 < (size := path.stat().st_size) <= LARGEST:
        raise ValueError(
            f"`{path}` must hold a shape in at most {LARGEST >> 20} MiB, got {size} bytes; "
            "leave it out or split it."
        )
