"""Clouds of one size as rows, read when they are asked for."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nebulatent.data.clouds.points import draw_points, to_unit_sphere
from nebulatent.data.geometry.files import read_geometry
from nebulatent.data.geometry.geometry import Geometry
from nebulatent.data.rows import Index, Rows, positions

FLOAT = np.dtype(np.float32)
Take = Callable[[Geometry, int, str], Float[np.ndarray, "points 3"]]


class ShapeRows:
    """Files of meshes and clouds as rows of points.

    Arguments:
        paths: One file a row.
        num_points: Points of a row.
        take: Points of one shape: (shape, how many, its file).
    """

    def __init__(self, paths: Sequence[Path], num_points: int, take: Take = draw_points) -> None:
        self._paths, self._take = paths, take
        self.shape, self.dtype, self.ndim = (len(paths), num_points, 3), FLOAT, 3

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, rows: Index) -> Float[np.ndarray, "rows points 3"]:
        numbers = positions(rows, len(self))
        x = np.empty((len(numbers), *self.shape[1:]), dtype=FLOAT)
        for row, number in zip(x, numbers, strict=True):
            path = self._paths[number]
            points = self._take(read_geometry(path), self.shape[1], str(path))
            row[:] = to_unit_sphere(points)
        return x


class StoredClouds:
    """Clouds of stored arrays: their first points, their first three columns.

    How the numbers were scaled when they were stored does not matter, for the clouds are scaled to
    the unit sphere.

    Arguments:
        stored: Rows of (points, columns).
        num_points: Points of a row, at most those stored.
    """

    def __init__(self, stored: Rows, num_points: int) -> None:
        self._stored = stored
        self.shape, self.dtype, self.ndim = (len(stored), num_points, 3), FLOAT, 3

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, rows: Index) -> Float[np.ndarray, "rows points 3"]:
        return to_unit_sphere(self._stored[rows][:, : self.shape[1], :3])


def first_points(geometry: Geometry, count: int, source: str) -> Float[np.ndarray, "count 3"]:
    """The first points of a shape, where a protocol says so.

    Raises:
        ValueError: If there are fewer.
    """
    points_of(len(geometry.points), count, source)
    return geometry.points[:count]


def points_of(stored: int, wanted: int | None, source: str) -> int:
    """How many points of each stored cloud are taken.

    Arguments:
        stored: Points of each stored cloud.
        wanted: As many as the user wants; None for all.
        source: The file, for messages.

    Raises:
        ValueError: If more are wanted than there are.
    """
    if wanted is not None and wanted > stored:
        raise ValueError(
            f"`num_points` must be at most {stored}, the points of each cloud in `{source}`, got "
            f"{wanted}."
        )
    return wanted or stored
