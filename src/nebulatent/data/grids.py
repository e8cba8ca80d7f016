r"""Occupancy grids brought to one size: empty cells around them, then fewer and larger cells.

A grid of :math:`s` cells along each side becomes one of :math:`r`: with :math:`b = \lceil s / r
\rceil` it is put in the middle of :math:`b r` cells, and each :math:`b^3` of them become one, filled
if any of them is, so that no thin part is lost.

Our reading: by rule :math:`b` is the least that leaves at most 16 cells along each side, and
:math:`r` the least multiple of 4 from 12 on that holds the grid, which is what the strides of
:mod:`nebulatent.backbones.voxels` need.
"""  # noqa: E501

import numpy as np
from jaxtyping import Shaped, UInt8

from nebulatent.data.limits import check_memory
from nebulatent.data.rows import BLOCK_BYTES, Index, Rows, positions

BY_RULE, STEP, LEAST = 16, 4, 12


def resolution_by_rule(side: int) -> int:
    """Cells along each side that grids are brought to if nobody says.

    Examples:
        >>> [resolution_by_rule(side) for side in (10, 16, 20, 30, 32, 64)]
        [12, 16, 12, 16, 16, 16]
    """
    wanted = -(-side // _block(side, BY_RULE))
    return max(LEAST, STEP * -(-wanted // STEP))


def padded(
    cells: Shaped[np.ndarray, "grids x y z"], side: int
) -> Shaped[np.ndarray, "grids new_x new_y new_z"]:
    """Grids in the middle of empty cells, an odd one of them behind.

    Raises:
        ValueError: If grids are larger than `side`.
    """
    before = [(side - own) // 2 for own in cells.shape[1:]]
    if min(before) < 0:
        raise ValueError(f"`side` must be at least {max(cells.shape[1:])}, got {side}.")
    behind = [side - own - first for first, own in zip(before, cells.shape[1:], strict=True)]
    return np.pad(cells, ((0, 0), *zip(before, behind, strict=True)))


def coarse(
    cells: Shaped[np.ndarray, "grids x y z"], resolution: int
) -> Shaped[np.ndarray, "grids new_x new_y new_z"]:
    """Cubes of fewer cells, each filled if any that it covers is.

    Raises:
        ValueError: If `resolution` does not divide the grids' own.
    """
    count, side = cells.shape[0], cells.shape[1]
    if resolution < 1 or side % resolution:
        raise ValueError(f"`resolution` must divide {side}, got {resolution}.")
    block = side // resolution
    split = cells.reshape(count, resolution, block, resolution, block, resolution, block)
    return np.asarray(split.any(axis=(2, 4, 6)))


class FittedGrids:
    """Grids as `Rows` of bytes 0 and 1, (grids, 1, resolution, resolution, resolution).

    Arguments:
        rows: Cubes of zeros and ones, (grids, 1, side, side, side).
        resolution: Cells along each side that they are brought to.

    Examples:
        >>> rows = FittedGrids(np.ones((2, 1, 3, 3, 3), np.uint8), 2)
        >>> rows.shape, int(rows[:1].sum())
        ((2, 1, 2, 2, 2), 8)
    """

    def __init__(self, rows: Rows, resolution: int) -> None:
        self._rows, self._resolution = rows, resolution
        self.shape = (len(rows), 1, *[resolution] * 3)
        self.dtype, self.ndim = np.dtype(np.uint8), 5

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Index) -> UInt8[np.ndarray, "rows 1 x y z"]:
        numbers, own = positions(rows, len(self)), self._rows.shape[2]
        side = self._resolution * _block(own, self._resolution)
        found = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        step = max(1, BLOCK_BYTES // max(own, side) ** 3)
        for start in range(0, len(numbers), step):
            part = slice(start, start + step)
            cells = padded(self._rows[numbers[part]][:, 0], side)
            found[part, 0] = coarse(cells, self._resolution)
        return found


def fit_grids(x: Rows, resolution: int | None, source: str) -> tuple[Rows, tuple[str, ...]]:
    """Samples with grids brought to one size, in memory if they were; and notes for people.

    Arguments:
        x: Samples of any kind; those with other than five axes are no grids and are returned.
        resolution: Cells along each side; None chooses by rule.
        source: File or folder, for messages.

    Raises:
        ValueError: If grids of that size do not fit in memory.
    """
    if x.ndim != 5:
        return x, ()
    side = x.shape[2]
    wanted = resolution_by_rule(side) if resolution is None else resolution
    if wanted == side:
        return x, ()
    found: Rows = FittedGrids(x, wanted)
    if isinstance(x, np.ndarray):
        check_memory(len(x) * wanted**3, source)
        found = found[:]
    return found, (_said(side, wanted),)


def _block(side: int, resolution: int) -> int:
    """Cells along each side of those that become one."""
    return -(-side // resolution)


def _said(side: int, resolution: int) -> str:
    block = _block(side, resolution)
    around = f"Empty cells were put around grids of {side}³: {block * resolution}³ in all."
    joined = f"Each {block}³ cells of a grid became one, filled if any is: {resolution}³ are left."
    if block == 1:
        return around
    return joined if block * resolution == side else f"{around} {joined}"
