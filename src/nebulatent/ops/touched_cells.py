r"""The cells of a grid that triangles touch: all of them, and no others.

A convex box and a triangle are apart if they are along one of 13 directions: the three axes, the
triangle's normal, and the nine cross products of an axis with a side of the triangle. Boxes of many
cells are tested first and halved where they touch, so work is in proportion to the cells found, not
to those in the triangle's bounding box.

Source: Akenine-Möller, Fast 3D Triangle-Box Overlap Testing, Journal of Graphics Tools 2001.
Our reading: cells and triangles are closed sets, so a face on the border of two cells touches both;
a millionth of a millionth of a cell is added, so that rounding never loses one.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

BUDGET = 1 << 15  # boxes tested at once: some 500 bytes each
SLACK = 1e-12


class _Boxes(NamedTuple):
    """Boxes of cells, from `low` to before `high`, each to be compared with one triangle."""

    triangle: Int[np.ndarray, " boxes"]
    low: Int[np.ndarray, "boxes 3"]
    high: Int[np.ndarray, "boxes 3"]

    def at(self, chosen: Bool[np.ndarray, " boxes"] | slice) -> "_Boxes":
        return _Boxes(self.triangle[chosen], self.low[chosen], self.high[chosen])


def touched_cells(
    corners: Float[np.ndarray, "triangles 3 3"],
    corner: Float[np.ndarray, " 3"],
    cell: float,
    resolution: int,
) -> Bool[np.ndarray, "x y z"]:
    """Which cells of a cube are touched by any of the triangles.

    Arguments:
        corners: Three points of each triangle.
        corner: The corner of the cube with the smallest coordinates.
        cell: Length of a cell's side.
        resolution: Cells along each side of the cube.
    """
    place = (corners - corner) / cell
    low = np.clip(np.ceil(place.min(axis=1) - SLACK) - 1, 0, resolution).astype(np.int32)
    high = np.clip(np.floor(place.max(axis=1) + SLACK) + 1, 0, resolution).astype(np.int32)
    cells = np.zeros((resolution,) * 3, dtype=bool)
    every = _Boxes(np.arange(len(place)), low, high)
    every = every.at((high > low).all(axis=1))
    waiting = _portions(every)
    while waiting:
        boxes = waiting.pop()
        boxes = boxes.at(_touch(place[boxes.triangle], boxes))
        single = (boxes.high - boxes.low == 1).all(axis=1)
        x, y, z = boxes.low[single].T
        cells[x, y, z] = True
        waiting += _portions(_halves(boxes.at(~single)))
    return cells


def _portions(boxes: _Boxes) -> list[_Boxes]:
    return [boxes.at(slice(i, i + BUDGET)) for i in range(0, len(boxes.low), BUDGET)]


def _halves(boxes: _Boxes) -> _Boxes:
    """Both halves of each box, across its longest side."""
    every = np.arange(len(boxes.low))
    axis = np.argmax(boxes.high - boxes.low, axis=1)
    middle = (boxes.low[every, axis] + boxes.high[every, axis]) // 2
    below, above = boxes.high.copy(), boxes.low.copy()
    below[every, axis] = above[every, axis] = middle
    return _Boxes(
        np.concatenate([boxes.triangle, boxes.triangle]),
        np.concatenate([boxes.low, above]),
        np.concatenate([below, boxes.high]),
    )


def _touch(corners: Float[np.ndarray, "boxes 3 3"], boxes: _Boxes) -> Bool[np.ndarray, " boxes"]:
    """Whether each triangle, in units of cells, touches its box."""
    half = (boxes.high - boxes.low) / 2
    a, b, c = (corners - ((boxes.high + boxes.low) / 2)[:, None]).transpose(1, 2, 0)
    reach = half.T
    # The bounding box of the triangle meets the box: true of the first box, not of its halves.
    lowest, highest = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    meets = ((lowest <= reach + SLACK) & (highest >= -reach - SLACK)).all(axis=0)
    sides = (b - a, c - b, a - c)
    normal = _cross(sides[0], sides[1])
    size = np.abs(normal)
    over = np.abs((normal * a).sum(axis=0))
    meets &= over <= (size * reach).sum(axis=0) + SLACK * size.sum(axis=0)
    # A side, the opposite corner and either of the side's ends: the others fall together.
    for side, end, apex in zip(sides, (a, b, c), (c, a, b), strict=True):
        for i, j in ((1, 2), (2, 0), (0, 1)):
            first = side[i] * end[j] - side[j] * end[i]
            second = side[i] * apex[j] - side[j] * apex[i]
            across = np.abs(side[i]) * reach[j] + np.abs(side[j]) * reach[i]
            across += SLACK * (np.abs(side[i]) + np.abs(side[j]))
            meets &= (np.minimum(first, second) <= across) & (np.maximum(first, second) >= -across)
    return meets


def _cross(
    a: Float[np.ndarray, "3 boxes"], b: Float[np.ndarray, "3 boxes"]
) -> Float[np.ndarray, "3 boxes"]:
    return np.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )
