r"""Which samples of a regular grid in the plane a triangle covers, and its height over each.

Row by row: an edge from :math:`(u_0, v_0, h_0)` up to :math:`(u_1, v_1, h_1)` is met by the rows
with :math:`v_0 \le v < v_1`, at

.. math:: u = u_0 + t\,(u_1 - u_0), \quad h = h_0 + t\,(h_1 - h_0), \quad t = (v - v_0)/(v_1 - v_0)

A row meets no or two edges of a triangle, and covers the samples from the one, included, to the
other, not included. Where an edge lies is computed from its two ends alone, the lower first: two
triangles that share an edge agree on it to the last bit. So every sample is covered exactly once by
triangles that tile the plane, and as often from above as from below by those of a closed surface,
whatever the rounding; shared edges and corners need no tolerance.

Voxels (heights along z) and pictures (inverse depths over pixels) are both made by this.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int8

BUDGET = 1 << 20  # samples in memory at once: some 100 bytes each


class Samples(NamedTuple):
    """Places `first + step * i` for `i` below `size`, in increasing order."""

    first: float
    step: float
    size: int

    def below(self, place: Float[np.ndarray, " places"]) -> Int[np.ndarray, " places"]:
        """How many samples lie before each place; the one at the place does not."""
        index = np.ceil((place - self.first) / self.step)
        return np.clip(index, 0, self.size, out=index).astype(np.int32)


class Crossings(NamedTuple):
    """Where the line through a sample meets a triangle.

    Arguments:
        triangle: Which one.
        row: Sample along the second coordinate.
        column: Sample along the first.
        height: Third coordinate, within the range of the triangle's corners.
        sign: 1 if the triangle runs counter-clockwise seen from +h, else -1.
    """

    triangle: Int[np.ndarray, " crossings"]
    row: Int[np.ndarray, " crossings"]
    column: Int[np.ndarray, " crossings"]
    height: Float[np.ndarray, " crossings"]
    sign: Int8[np.ndarray, " crossings"]


def scan_triangles(
    corners: Float[np.ndarray, "triangles 3 3"], columns: Samples, rows: Samples
) -> Iterator[Crossings]:
    """All crossings, some at a time, so that memory does not grow with the number of triangles.

    Arguments:
        corners: Of each triangle; the last axis is first coordinate, second coordinate, height.
        columns: Samples along the first coordinate.
        rows: Samples along the second.
    """
    low, high = _extent(corners, np.minimum), _extent(corners, np.maximum)
    first, last = rows.below(low[:, 1]), rows.below(high[:, 1])
    wide = columns.below(high[:, 0]) - columns.below(low[:, 0])
    seen = np.flatnonzero((last > first) & (wide > 0))
    first, last = first[seen], last[seen]
    load = np.cumsum((last - first) * (wide[seen] + 1).astype(np.int64))
    start = 0
    while start < len(seen):
        done = load[start - 1] if start else 0
        end = max(int(np.searchsorted(load, done + BUDGET, side="right")), start + 1)
        part = slice(start, end)
        yield _scan(corners, seen[part], first[part], last[part], (columns, rows))
        start = end


def _extent(
    corners: Float[np.ndarray, "triangles 3 3"], pick: np.ufunc
) -> Float[np.ndarray, "triangles 2"]:
    """Smallest or largest coordinates; three arrays at a time is quicker than along an axis."""
    return pick(pick(corners[:, 0, :2], corners[:, 1, :2]), corners[:, 2, :2])


def _scan(
    corners: Float[np.ndarray, "triangles 3 3"],
    triangle: Int[np.ndarray, " chosen"],
    first: Int[np.ndarray, " chosen"],
    last: Int[np.ndarray, " chosen"],
    grid: tuple[Samples, Samples],
) -> Crossings:
    """Crossings of some triangles, each of which has rows from `first` to before `last`."""
    columns, rows = grid
    a, b, c, sign = _upwards(corners[triangle])
    own, row = _ranges(first, last)
    v = rows.first + rows.step * row
    long_u, long_h = _edge(a[own], c[own], v)
    upper = row >= rows.below(b[:, 1])[own]
    low, high = a[own], c[own]
    low[upper] = b[own[upper]]
    high[~upper] = b[own[~upper]]
    short_u, short_h = _edge(low, high, v)
    swap = long_u > short_u
    left, right = np.where(swap, short_u, long_u), np.where(swap, long_u, short_u)
    pair, column = _ranges(columns.below(left), columns.below(right))
    begin = np.where(swap, short_h, long_h)[pair]
    span = np.where(swap, long_h, short_h)[pair] - begin
    # At least one sample lies between the two, so they differ.
    share = (columns.first + columns.step * column - left[pair]) / (right - left)[pair]
    turned = np.where(swap, -sign[own], sign[own])
    height = begin + np.clip(share, 0, 1) * span
    return Crossings(triangle[own[pair]], row[pair], column, height, turned[pair])


def _upwards(
    corners: Float[np.ndarray, "chosen 3 3"],
) -> tuple[
    Float[np.ndarray, "chosen 3"],
    Float[np.ndarray, "chosen 3"],
    Float[np.ndarray, "chosen 3"],
    Int8[np.ndarray, " chosen"],
]:
    """Corners from the lowest row to the highest, and the sign of that permutation."""
    order = np.argsort(corners[:, :, 1], axis=1, kind="stable")
    every = np.arange(len(corners))
    a, b, c = (corners[every, order[:, k]] for k in range(3))
    even = (order[:, 1] - order[:, 0]) % 3 == 1
    return a, b, c, np.where(even, 1, -1).astype(np.int8)


def _edge(
    low: Float[np.ndarray, "pairs 3"],
    high: Float[np.ndarray, "pairs 3"],
    v: Float[np.ndarray, " pairs"],
) -> tuple[Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]]:
    """First coordinate and height where edges meet rows; an edge is used only in rows it meets."""
    t = np.clip((v - low[:, 1]) / (high[:, 1] - low[:, 1]), 0, 1)
    u = low[:, 0] + t * (high[:, 0] - low[:, 0])
    # Rounding must not carry it past its ends, or triangles would be left out that it bounds.
    u = np.clip(u, np.minimum(low[:, 0], high[:, 0]), np.maximum(low[:, 0], high[:, 0]))
    return u, low[:, 2] + t * (high[:, 2] - low[:, 2])


def _ranges(
    first: Int[np.ndarray, " ranges"], last: Int[np.ndarray, " ranges"]
) -> tuple[Int[np.ndarray, " numbers"], Int[np.ndarray, " numbers"]]:
    """The numbers from `first` to before `last`, range after range, and the range of each."""
    size = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(len(size)), size)
    begin = np.cumsum(size) - size
    return owner, np.arange(len(owner)) - np.repeat(begin - first, size)
