"""Points, cells and distances of one view, in the frame of the whole."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.cameras import camera_at
from nebulatent.ops.rendering import render
from nebulatent.ops.scans import scan_cells, scan_points, scan_tsdf
from nebulatent.ops.voxels import Grid, voxelise
from ops.meshes import box


def centres(grid: Grid) -> np.ndarray:
    return np.stack(np.meshgrid(*grid.centres(), indexing="ij"), -1).reshape(-1, 3)


@pytest.mark.parametrize("index", [0, 4, 7, 14])
def test_a_scan_is_part_of_the_surface_and_lies_in_the_full_grid(index: int) -> None:
    shape = draw_shape(index, seed=2).shape()
    mesh, camera, grid = shape.mesh(), camera_at(40.0, 25.0), Grid(32)
    (picture,) = render(mesh.vertices, mesh.faces, [camera])
    points = scan_points(picture, camera)
    assert len(points) == picture.mask.sum() > 100
    assert np.abs(shape.signed_distance(points)).max() < 1e-5  # depth is kept in single precision
    cells, surface = scan_cells(picture, camera, grid), voxelise(mesh.vertices, mesh.faces, grid)
    touched = voxelise(mesh.vertices, mesh.faces, grid, "surface").cells
    assert cells.any() and not (cells & ~binary_dilation(touched)).any()
    tsdf = scan_tsdf(picture, camera, grid)
    # What is inside is never seen to be empty; what is far before the surface is.
    assert tsdf.min() >= -1 and tsdf.max() <= 1
    inside = shape.signed_distance(centres(grid)).reshape(tsdf.shape)
    assert tsdf[inside < -grid.cell].max(initial=-1) < 0
    assert (tsdf[surface.cells] > 0.5).mean() < 0.03  # pixels at the outline see past it


def test_distances_before_and_behind_a_wall() -> None:
    camera, grid = camera_at(0.0, 0.0, distance=2.0), Grid(11, 1.1)
    (picture,) = render(*box((-0.6, 0.0, -0.6), (0.6, 0.3, 0.6)), [camera])
    tsdf = scan_tsdf(picture, camera, grid, truncation=2.0)
    y = grid.centres()[1]
    expected = np.clip(-y / 0.2, -1, 1)  # the wall begins at y = 0 and the camera is at y = -2
    np.testing.assert_allclose(tsdf[5, :, 5], expected, atol=1e-5)
    assert (tsdf[5, y > 0.2, 5] == -1).all()


def test_directions_without_a_surface_are_empty_and_places_out_of_view_hidden() -> None:
    near = camera_at(0.0, 0.0, distance=1.2, field_of_view=20.0)
    (picture,) = render(*box((-0.05,) * 3, (0.05,) * 3), [near])
    tsdf = scan_tsdf(picture, near, Grid(21, 1.0))
    assert tsdf[13, 10, 10] == 1  # beside the box
    assert tsdf[20, 0, 10] == -1  # beside the picture
    behind = camera_at(0.0, 0.0, distance=0.3)
    (nothing,) = render(np.zeros((1, 3)), np.zeros((0, 3), int), [behind])
    around = scan_tsdf(nothing, behind, Grid(21, 1.0))
    assert (around[:, 0] == -1).all() and (around[10, 10:, 10] == 1).all()
    assert not scan_cells(nothing, behind, Grid(21)).any()
    with pytest.raises(ValueError, match="`truncation` must be positive"):
        scan_tsdf(nothing, behind, Grid(8), truncation=0.0)
