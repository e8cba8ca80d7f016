"""Grids as a page shows them: what was seen, what each row made of it, what there is."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import WIDTH, new_figure
from nebulatent.apps.pictures.galleries import name_columns, picture_grid
from nebulatent.apps.recipes.recipe import Finished, Trainings
from nebulatent.apps.recipes.store import unpack
from nebulatent.data.voxel_pairs import PackedGrids
from nebulatent.ops.cameras import camera_at
from nebulatent.ops.rendering import render
from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Grid

AZIMUTH, ELEVATION, DISTANCE = 110.0, 25.0, 1.9  # of the eye; shapes were seen from azimuth 0
PIXELS = 160
SEEN, TRUE = "seen", "truth"


def draw_cells(
    cells: Bool[np.ndarray, "x y z"], pixels: int = PIXELS
) -> UInt8[np.ndarray, "height width 3"]:
    """Filled cells as cubes, on white; no OpenGL."""
    grid = Grid(len(cells))
    camera = camera_at(AZIMUTH, ELEVATION, distance=DISTANCE, size=pixels)
    points, triangles = cell_surface(cells, grid)
    return render(points, triangles, [camera])[0].on()


def grids(finished: Finished, name: str) -> Bool[np.ndarray, "shown x y z"]:
    """The grids that the first seed of a row has kept."""
    kept = PackedGrids(unpack(finished.arrays[name]), int(finished.arrays["resolution"]))
    return kept[:][:, 0]


def completions(trained: Trainings, titles: Mapping[str, str]) -> Figure:
    """A line per shape: what was seen, what rows made of it with the first seed, the truth.

    Arguments:
        trained: All rows; the first has the grids that were seen, and the true ones.
        titles: Above the column of each row that is shown.
    """
    first = next(iter(trained.values()))[0]
    rows = [row for row in titles if row in trained]
    columns = [grids(trained[row][0], "answer") for row in rows]
    columns = [grids(first, "partial"), *columns, grids(first, "whole")]
    tiles = np.stack([[draw_cells(cells) for cells in column] for column in columns], 1)
    lines, count = tiles.shape[:2]
    figure = new_figure(0.55 + WIDTH * lines / count)
    ax = figure.subplots()
    picture_grid(ax, tiles)
    name_columns(ax, [SEEN, *(titles[row] for row in rows), TRUE], PIXELS)
    return figure
