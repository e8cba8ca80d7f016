r"""Pictures of occupancy grids and of meshes in one brightness, from a ring of cameras.

Cameras stand where any grid of side 1.1 is in view whole, at one distance for all, so that a larger
shape looks larger. The background is white; the surface is that of the cells, or the mesh itself.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from nebulatent.ops.cameras import SIZE, Camera, fitting_distance, ring
from nebulatent.ops.rendering import render
from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Grid

SIDE = 1.1  # of the cube around the origin that a grid covers


class Views(NamedTuple):
    """How shapes are looked at.

    Arguments:
        number: Of cameras, at equal angles around the up axis.
        size: Pixels along each side of a picture.
        elevation: Of all cameras, in degrees.
        oversampling: Samples along each side of a pixel, odd.
    """

    number: int = 8
    size: int = SIZE
    elevation: float = 30.0
    oversampling: int = 3

    def cameras(self) -> tuple[Camera, ...]:
        """The cameras.

        Raises:
            ValueError: If there are none such.
        """
        corners = SIDE / 2 * np.array([[1.0, 1, 1]])
        return ring(self.number, self.elevation, distance=fitting_distance(corners), size=self.size)


def mesh_views(
    points: Float[np.ndarray, "points 3"], triangles: Int[np.ndarray, "triangles 3"], views: Views
) -> UInt8[np.ndarray, "views size size"]:
    """A mesh in the cube of side 1.1 around the origin, as the cameras see it.

    Raises:
        ValueError: If the views are none such, or a part of the mesh is beside or behind a camera.
    """
    grey = (1.0, 1.0, 1.0)
    pictures = render(
        points, triangles, views.cameras(), oversampling=views.oversampling, colour=grey
    )
    return np.stack([picture.on()[..., 0] for picture in pictures])


def grid_views(
    cells: Bool[np.ndarray, "x y z"], views: Views
) -> UInt8[np.ndarray, "views size size"]:
    """The filled cells of a grid as the cameras see them; an empty grid is white.

    Raises:
        ValueError: If the grid is no cube, or the views are none such.

    Examples:
        >>> views = grid_views(np.ones((2, 2, 2), bool), Views(number=3, size=9))
        >>> views.shape, int(views[0, 0, 0]), int(views[0, 4, 4]) < 255
        ((3, 9, 9), 255, True)
    """
    return mesh_views(*cell_surface(cells, Grid(cells.shape[0], SIDE)), views)
