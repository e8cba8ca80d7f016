r"""binvox files: a text header, then runs of empty and filled voxels.

    #binvox 1
    dim 32 32 32
    translate -0.5 -0.5 -0.5
    scale 1
    data
    <pairs of bytes: value 0 or 1, count 1..255>

Voxels are written x first, then z, y fastest; here a grid is indexed (x, y, z).

Source: Patrick Min, binvox file format, https://www.patrickmin.com/binvox/binvox.html. Written from
that description; the reader that goes around in other projects is under the GPL.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

MAGIC = b"#binvox"
MAX_HEADER_BYTES = 1 << 12
MAX_VOXELS = 1 << 27  # 512³


class Voxels(NamedTuple):
    """An occupancy grid and where it lies.

    Arguments:
        grid: Whether a voxel is filled, indexed (x, y, z).
        translate: Corner of the grid in the coordinates of the mesh that it came from.
        scale: Length of the grid's side in them.
    """

    grid: Bool[np.ndarray, "x y z"]
    translate: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0


def read_binvox(path: str | Path) -> Voxels:
    """The grid of a binvox file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not binvox, or header and runs disagree.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`path` must be a binvox file, got {path}, which does not exist.")
    raw = path.read_bytes()
    head, translate, scale, start = _header(raw, path)
    runs = np.frombuffer(raw, np.uint8, offset=start)
    if len(runs) % 2:
        raise ValueError(f"{path} must hold pairs of value and count, got an odd byte at its end.")
    value, count = runs[0::2], runs[1::2]
    if len(value) and (value.max() > 1 or count.min() < 1):
        raise ValueError(
            f"{path} must hold values 0 or 1 with counts of at least 1, got value {value.max()} "
            f"and count {count.min()}."
        )
    total, expected = int(count.sum(dtype=np.int64)), head[0] * head[1] * head[2]
    if total != expected:
        raise ValueError(
            f"{path} must hold {expected} voxels as its header says "
            f"({head[0]} × {head[1]} × {head[2]}), got runs of {total}; the file is damaged."
        )
    flat = np.repeat(value.astype(bool), count)
    depth, width, height = head  # the header's order is that of the data: x, z, y
    return Voxels(flat.reshape(depth, width, height).transpose(0, 2, 1).copy(), translate, scale)


def write_binvox(path: str | Path, voxels: Voxels) -> None:
    """Write a grid; the file appears whole or not at all.

    Raises:
        ValueError: If the grid is not three-dimensional.
    """
    path, grid = Path(path), np.asarray(voxels.grid, bool)
    if grid.ndim != 3:
        raise ValueError(f"`grid` must have 3 axes, got {grid.ndim}.")
    ordered = grid.transpose(0, 2, 1)
    place = " ".join(repr(float(value)) for value in voxels.translate)
    header = (
        f"#binvox 1\ndim {' '.join(map(str, ordered.shape))}\ntranslate {place}\n"
        f"scale {float(voxels.scale)!r}\ndata\n"
    )
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(header.encode() + _runs(ordered.ravel()).tobytes())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _runs(flat: Bool[np.ndarray, " voxels"]) -> np.ndarray:
    """Pairs of value and count; a run of more than 255 is several."""
    if not len(flat):
        return np.zeros((0, 2), np.uint8)
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    lengths = np.diff(np.r_[starts, len(flat)])
    parts = -(-lengths // 255)
    pairs = np.full((parts.sum(), 2), 255, np.uint8)
    pairs[:, 0] = np.repeat(flat[starts], parts)
    pairs[np.cumsum(parts) - 1, 1] = lengths - 255 * (parts - 1)
    return pairs


def _header(
    raw: bytes, path: Path
) -> tuple[tuple[int, int, int], tuple[float, float, float], float, int]:
    """Sizes, corner and side of the grid, and where the runs begin."""
    end = raw.find(b"\ndata\n", 0, MAX_HEADER_BYTES)
    if not raw.startswith(MAGIC) or end < 0:
        raise ValueError(
            f"{path} must be a binvox file (`#binvox 1`, then `dim`, then `data`), got another "
            "or a truncated one."
        )
    fields = {
        words[0]: words[1:]
        for line in raw[:end].decode("ascii", "replace").splitlines()[1:]
        if (words := line.split())
    }
    sizes = _numbers(fields.get("dim", []), 3, "dim", path)
    head = (int(sizes[0]), int(sizes[1]), int(sizes[2]))
    if min(head) < 1 or tuple(sizes) != head or head[0] * head[1] * head[2] > MAX_VOXELS:
        raise ValueError(
            f"{path} must have three whole positive sizes of at most {MAX_VOXELS} voxels in all, "
            f"got dim {' '.join(fields['dim'])}."
        )
    x, y, z = _numbers(fields.get("translate", ["0", "0", "0"]), 3, "translate", path)
    (scale,) = _numbers(fields.get("scale", ["1"]), 1, "scale", path)
    return head, (x, y, z), scale, end + len(b"\ndata\n")


def _numbers(words: list[str], count: int, name: str, path: Path) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(
            f"{path} must have {count} finite number{'s' * (count > 1)} after `{name}`, got "
            f"{' '.join(words)[:40]!r}."
        )
    return numbers
