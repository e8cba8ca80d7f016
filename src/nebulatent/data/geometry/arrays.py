"""One shape in NumPy's files: `.npy` with a cloud, `.npz` with a cloud or a mesh.

An `.npy` holds one point a row; its first three columns are x, y, z. In an `.npz` points are the
entry `points`, `vertices`, `xyz` or `arr_0`, triangles `triangles` or `faces`, and there may be
`normals` and `colours`. Nothing is unpickled.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Shaped

from nebulatent.data.arrays import load_entries, read_headers
from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry
from nebulatent.data.limits import check_plain
from nebulatent.data.npy_header import Header, read_header

POINTS = ("points", "vertices", "xyz", "arr_0")
TRIANGLES = ("triangles", "faces")


def read_npy_cloud(path: Path) -> Geometry:
    """The cloud of an `.npy` file.

    Raises:
        ValueError: If the file is damaged, or does not hold one point a row.
    """
    header = read_header(lambda: path.open("rb"), str(path))
    check_plain(header.size, path.stat().st_size, str(path))
    _check(header, str(path))
    return Geometry(_points(np.load(path, allow_pickle=False)), NO_TRIANGLES)


def read_npz_shape(path: Path) -> Geometry:
    """The cloud or mesh of an `.npz` file.

    Raises:
        ValueError: If the file is damaged, or has no points.
    """
    found = read_headers(path)
    headers = {name.lower(): name for name in found}
    chosen = next((headers[name] for name in POINTS if name in headers), None)
    if chosen is None:
        raise ValueError(
            f"`{path}` must hold one shape, its points named {', '.join(POINTS)}, got "
            f"{', '.join([*found][:8]) or 'nothing'}; a whole data set is read by the name of its "
            "file, not of its folder."
        )
    faces = next((headers[name] for name in TRIANGLES if name in headers), None)
    for name in (chosen, *([faces] if faces else [])):
        _check(found[name], f"{path}, entry '{name}'")
    arrays = load_entries(path, [chosen, *([faces] if faces else [])])
    return Geometry(
        _points(arrays[chosen]), _triangles(arrays[faces], path) if faces else NO_TRIANGLES
    )


def _check(header: Header, source: str) -> None:
    if len(header.shape) != 2 or header.shape[1] < 3 or header.dtype.kind not in "buif":
        raise ValueError(
            f"`{source}` must hold rows of three numbers or more, got "
            f"{header.dtype}{list(header.shape)}."
        )


def _points(array: Shaped[np.ndarray, "points columns"]) -> Float[np.ndarray, "points 3"]:
    return array[:, :3].astype(np.float64)


def _triangles(
    array: Shaped[np.ndarray, "triangles columns"], path: Path
) -> Int[np.ndarray, "triangles 3"]:
    if array.shape[1] != 3 or array.dtype.kind not in "iu":
        raise ValueError(
            f"`{path}` must hold triangles as rows of three whole numbers, got "
            f"{array.dtype}{list(array.shape)}."
        )
    return array.astype(np.int64)
