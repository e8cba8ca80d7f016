"""Pairs of grids: what one view knows of a shape, and the whole of it; a bit for each cell.

Eight times as many pairs fit in memory as with a byte for each cell: ten thousand pairs of 64³ take
0.65 GB. Cells are unpacked when rows are asked for, a batch at a time.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from nebulatent.data.rows import Index, Numbers, blocks, positions

BOOL = np.dtype(np.bool_)


class PackedGrids:
    """Cubic grids as `Rows` of shape (grids, 1, resolution, resolution, resolution).

    Arguments:
        bits: Eight cells a byte, x slowest and z fastest, the last byte filled up with zeros.
        resolution: Cells along each side.

    Raises:
        ValueError: If there are not as many bits as cells.

    Examples:
        >>> packed = PackedGrids.of(np.eye(3, dtype=bool)[None, None, None] & np.ones((2, 1, 3, 3, 3), bool))
        >>> len(packed), packed[1:].shape, int(packed[:].sum())
        (2, (1, 1, 3, 3, 3), 18)
    """  # noqa: E501

    def __init__(self, bits: UInt8[np.ndarray, "grids bytes"], resolution: int) -> None:
        wanted = -(-(resolution**3) // 8)
        if resolution < 1 or bits.ndim != 2 or bits.shape[1] != wanted or bits.dtype != np.uint8:
            raise ValueError(
                f"`bits` must be {wanted} bytes for each grid of {resolution}³ cells, got an array "
                f"of shape {bits.shape} and type {bits.dtype}."
            )
        self.bits, self.resolution = bits, resolution
        self.shape = (len(bits), 1, resolution, resolution, resolution)
        self.dtype, self.ndim = BOOL, 5

    @classmethod
    def of(cls, cells: Bool[np.ndarray, "grids 1 x y z"]) -> "PackedGrids":
        """Pack grids that are in memory."""
        return cls(np.packbits(cells.reshape(len(cells), -1), axis=1), cells.shape[-1])

    @classmethod
    def of_all(cls, parts: Iterable[Bool[np.ndarray, "grids 1 x y z"]]) -> "PackedGrids":
        """Pack grids that are made some at a time, one part after the other; at least one part."""
        packed = [cls.of(part) for part in parts]
        return cls(np.concatenate([part.bits for part in packed]), packed[0].resolution)

    def __len__(self) -> int:
        return len(self.bits)

    def __getitem__(self, rows: Index) -> Bool[np.ndarray, "rows 1 x y z"]:
        numbers = positions(rows, len(self))
        flat = np.unpackbits(self.bits[numbers], axis=1, count=self.resolution**3)
        return flat.view(np.bool_).reshape(len(numbers), *self.shape[1:])

    def take(self, rows: Index) -> "PackedGrids":
        """These grids, in this order."""
        return PackedGrids(self.bits[positions(rows, len(self))], self.resolution)


class VoxelPairs(NamedTuple):
    """Partial grids and whole ones, in the same frame.

    Arguments:
        partial: Cells in which one view sees the surface.
        whole: Cells of the solid.
        label: Category of each pair, an index into `categories`; for evaluation only.
        categories: Names.
        ids: One for each pair.
    """

    partial: PackedGrids
    whole: PackedGrids
    label: Int[np.ndarray, " pairs"]
    categories: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def num_pairs(self) -> int:
        """Number of pairs (`len` of a named tuple is its number of fields)."""
        return len(self.ids)

    @property
    def resolution(self) -> int:
        """Cells along each side."""
        return self.whole.resolution

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all cells and labels."""
        digest = hashlib.sha256(f"{self.whole.shape} {self.categories}".encode())
        for part in (self.partial.bits, self.whole.bits, self.label.astype("<i8")):
            digest.update(np.ascontiguousarray(part).data.cast("B"))
        return digest.hexdigest()

    def take(self, rows: Numbers) -> "VoxelPairs":
        """These pairs, in this order."""
        return VoxelPairs(
            self.partial.take(rows),
            self.whole.take(rows),
            self.label[rows],
            self.categories,
            tuple(self.ids[int(row)] for row in rows),
        )


def to_pairs(
    partial: Bool[np.ndarray, "pairs 1 x y z"],
    whole: Bool[np.ndarray, "pairs 1 x y z"],
    label: Int[np.ndarray, " pairs"],
    categories: tuple[str, ...],
    ids: tuple[str, ...],
) -> VoxelPairs:
    """Pack pairs that are in memory.

    Raises:
        ValueError: If there are none, their numbers or shapes differ, or a grid is not a cube.
    """
    shapes = {partial.shape, whole.shape}
    cubes = whole.ndim == 5 and whole.shape[1] == 1 and len(set(whole.shape[2:])) == 1
    if len(shapes) > 1 or not cubes or not len(whole):
        raise ValueError(
            "`partial` and `whole` must be (pairs, 1, n, n, n), at least one pair, got "
            f"{partial.shape} and {whole.shape}."
        )
    if not len(label) == len(ids) == len(whole):
        raise ValueError(
            f"`label` and `ids` must be one for each of {len(whole)} pairs, got {len(label)} and "
            f"{len(ids)}."
        )
    return VoxelPairs(PackedGrids.of(partial), PackedGrids.of(whole), label, categories, ids)


def joined(first: VoxelPairs, second: VoxelPairs) -> VoxelPairs:
    """The pairs of both, of one resolution."""
    names = tuple(sorted({*first.categories, *second.categories}))
    both = (first, second)
    return VoxelPairs(
        PackedGrids(np.concatenate([part.partial.bits for part in both]), first.resolution),
        PackedGrids(np.concatenate([part.whole.bits for part in both]), first.resolution),
        np.concatenate(
            [np.array([names.index(own) for own in p.categories])[p.label] for p in both]
        ),
        names,
        first.ids + second.ids,
    )


def reduced(pairs: VoxelPairs, resolution: int) -> VoxelPairs:
    """Pairs of a lower resolution: a cell is filled if any that it covers is.

    Source: 3D-RecGAN++ reduces its grids so.
    """
    if resolution == pairs.resolution:
        return pairs
    small = [reduced_grids(part, resolution) for part in (pairs.partial, pairs.whole)]
    return pairs._replace(partial=small[0], whole=small[1])


def reduced_grids(grids: PackedGrids, resolution: int) -> PackedGrids:
    """Grids of a lower resolution, some at a time."""
    return PackedGrids.of_all(covered(part, resolution) for part in blocks(grids))


def covered(
    cells: Bool[np.ndarray, "grids 1 x y z"], resolution: int
) -> Bool[np.ndarray, "grids 1 new_x new_y new_z"]:
    """Fewer and larger cells, each filled if any that it covers, be it in part, is.

    Raises:
        ValueError: If `resolution` is not from 1 to that of the grids.

    Examples:
        >>> cells = np.zeros((1, 1, 3, 3, 3), bool)
        >>> cells[0, 0, 1, 0, 0] = True
        >>> covered(cells, 2)[0, 0, :, 0, 0]
        array([ True,  True])
    """
    for axis, side in enumerate(cells.shape[2:], start=2):
        if not 1 <= resolution <= side:
            raise ValueError(f"`resolution` must lie in 1..{side}, got {resolution}.")
        starts = [n * side // resolution for n in range(resolution)]
        ends = [-(-(n + 1) * side // resolution) for n in range(resolution)]
        spans = map(range, starts, ends)
        cells = np.stack([cells.take(span, axis).any(axis) for span in spans], axis)
    return cells
