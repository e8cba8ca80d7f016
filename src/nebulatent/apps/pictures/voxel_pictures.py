"""Occupancy grids as small pictures: the surface of the filled cells, shaded, without OpenGL.

A grid is looked at as clouds are, from the front, from the right and from above; z is up. A cell is
drawn if it is filled, or is so with a probability above one half.
"""

import numpy as np
from jaxtyping import Float, UInt8

from nebulatent.apps.pictures.cloud_pictures import SIDE, TILT, TURN, as_sheet, to_pictures
from nebulatent.ops.cameras import camera_at, fitting_distance
from nebulatent.ops.rendering import render
from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Grid

FILLED = 0.5
CUBE = 1.0  # side of a grid
DISTANCE = fitting_distance(np.array([[CUBE / 2] * 3]))  # so that any grid is in view whole


def draw_grid(x: Float[np.ndarray, "1 x y z"], *, side: int = SIDE) -> Float[np.ndarray, "3 s s"]:
    """A cube of cells as an image in [0, 1]; without a filled cell it is white.

    Arguments:
        x: Probabilities, or zeros and ones.
        side: Height and width in pixels.
    """
    camera = camera_at(TURN, TILT, distance=DISTANCE, size=side)
    surface = cell_surface(x[0] > FILLED, Grid(x.shape[1], CUBE))
    picture = render(*surface, [camera])[0].on()
    return np.moveaxis(picture.astype(np.float32) / 255, -1, 0)


def draw_grids(
    x: Float[np.ndarray, "*n 1 x y z"], *, side: int = SIDE
) -> Float[np.ndarray, "*n 3 side side"]:
    """Grids as images in [0, 1], of any number of axes."""
    drawn = [draw_grid(grid, side=side) for grid in x.reshape(-1, *x.shape[-4:])]
    images = np.stack(drawn) if drawn else np.ones((0, 3, side, side), dtype=np.float32)
    return images.reshape(*x.shape[:-4], 3, side, side)


def grid_sheet(x: Float[np.ndarray, "grids 1 x y z"]) -> UInt8[np.ndarray, "tall wide 3"]:
    """Grids as one picture, row by row in a square as good as possible."""
    return as_sheet(to_pictures(draw_grids(x)))
