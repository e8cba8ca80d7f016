"""Cells of meshes against solids that are known, and against the winding number by solid angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.data.shapes.categories import CATEGORIES
from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.mesh_closure import has_twins, welded
from nebulatent.ops.voxels import Grid, grid_around, voxelise
from ops.meshes import Mesh, box, sphere, together, torus

UNIT = box((-0.4, -0.3, -0.2), (0.4, 0.3, 0.2))


def centres(grid: Grid) -> np.ndarray:
    return np.stack(np.meshgrid(*grid.centres(), indexing="ij"), -1).reshape(-1, 3)


def winding(mesh: Mesh, places: np.ndarray) -> np.ndarray:
    """Solid angles of all triangles seen from places, over 4π (van Oosterom, Strackee 1983)."""
    total = np.zeros(len(places))
    for corners in mesh[0][mesh[1]]:
        a, b, c = (corners[:, None] - places).astype(float)
        la, lb, lc = (np.linalg.norm(side, axis=1) for side in (a, b, c))
        up = np.einsum("pi,pi->p", a, np.cross(b, c))
        down = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        total += 2 * np.arctan2(up, down)
    return total / (4 * np.pi)


@pytest.mark.parametrize("index", range(len(CATEGORIES)))
def test_built_in_shapes_are_their_exact_solids(index: int) -> None:
    shape = draw_shape(index, seed=5, turn=180).shape()
    mesh, exact = shape.mesh(), shape.occupancy(32)
    found = voxelise(mesh.vertices, mesh.faces, Grid(32, 1.1))
    assert found.closed
    # A cell farther than half its diagonal from the surface: its value is beyond doubt. The
    # distance is a bound, so some such cells are not looked at, but none is looked at in error.
    away = np.abs(shape.signed_distance(centres(Grid(32, 1.1)))) > Grid(32, 1.1).cell * 3**0.5 / 2
    assert np.array_equal(found.cells.ravel()[away], exact.ravel()[away])
    assert (found.cells & exact).sum() >= 0.98 * (found.cells | exact).sum()


@pytest.mark.parametrize("resolution", [7, 16, 33])
def test_a_torus_is_its_solid(resolution: int) -> None:
    grid = Grid(resolution, 1.2, (0.02, -0.01, 0.03))
    places = centres(grid)
    across = np.hypot(np.hypot(places[:, 0], places[:, 1]) - 0.35, places[:, 2])
    cells = voxelise(*torus(0.35, 0.15, 96), grid).cells.ravel()
    assert cells[across < 0.1495].all() and not cells[across > 0.1502].any()


@given(st.integers(0, 10**6))
def test_overlapping_pieces_agree_with_solid_angles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(-0.5, 0.1, (3, 3))
    boxes = [box(tuple(one), tuple(one + rng.uniform(0.1, 0.4, 3))) for one in low]
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    points, faces = together(*boxes)
    mesh = (points @ turn, faces)
    grid = Grid(9, 1.3)
    inside = np.abs(winding(mesh, centres(grid))) > 0.5
    assert np.array_equal(voxelise(*mesh, grid).cells.ravel(), inside)


def test_holes_and_hollows_stay_empty() -> None:
    points, faces = box((-0.2, -0.15, -0.1), (0.2, 0.15, 0.1))
    hollow = voxelise(*together(UNIT, (points, faces[:, ::-1])), Grid(20, 1.0)).cells
    assert not hollow[10, 10, 10] and hollow[10, 10, 6] and hollow.sum() == 16 * 12 * 8 - 8 * 6 * 4
    walls = [((-0.4, -0.4), (0.4, -0.2)), ((-0.4, 0.2), (0.4, 0.4))]
    walls += [((-0.4, -0.2), (-0.2, 0.2)), ((0.2, -0.2), (0.4, 0.2))]
    frame = together(*(box((*a, -0.1), (*b, 0.1)) for a, b in walls))  # they touch: inner faces
    cells = voxelise(*frame, Grid(20, 1.0)).cells
    assert cells.sum() == (16 * 16 - 8 * 8) * 4 and not cells[10, 10, 10]


def test_internal_faces_and_twofold_solids_are_solid() -> None:
    twice = together(UNIT, UNIT, box((-0.1, -0.1, -0.4), (0.1, 0.1, 0.4)))
    cells = voxelise(*twice, Grid(20, 1.0)).cells
    assert cells.sum() == 16 * 12 * 8 + 4 * 4 * 8


@pytest.mark.parametrize("case", ["inside out", "some turned", "soup", "both"])
def test_the_way_faces_look_and_doubled_points_do_not_matter(case: str) -> None:
    points, faces = together(torus(0.35, 0.13, 24), box((-0.1, -0.1, -0.1), (0.1, 0.1, 0.1)))
    expected = voxelise(points, faces, Grid(16)).cells
    rng = np.random.default_rng(0)
    flip = np.ones(len(faces), bool) if case == "inside out" else rng.random(len(faces)) < 0.4
    if case != "soup":
        faces = np.where(flip[:, None], faces[:, ::-1], faces)
    if case in ("soup", "both"):
        points, faces = points[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)
    found = voxelise(points, faces, Grid(16))
    assert found.closed and np.array_equal(found.cells, expected)


@pytest.mark.parametrize("own_corners", [False, True])
def test_of_a_two_sided_mesh_one_side_counts(own_corners: bool) -> None:
    """Each face is there twice, looking both ways, as in many meshes of ModelNet."""
    points, faces = together(torus(0.35, 0.13, 24), UNIT)
    expected = voxelise(points, faces, Grid(16)).cells
    assert voxelise(points, faces, Grid(16)).cells.any()
    other = faces[:, ::-1] + (len(points) if own_corners else 0)
    twice = (np.concatenate([points, points]), np.concatenate([faces, other]))
    found = voxelise(*twice, Grid(16))
    assert found.closed and np.array_equal(found.cells, expected)


def test_a_wall_shared_by_two_solids_is_no_second_side() -> None:
    left, right = box((-0.4, -0.3, -0.2), (0.0, 0.3, 0.2)), box((0.0, -0.3, -0.2), (0.4, 0.3, 0.2))
    points, faces = together(left, right)
    assert has_twins(welded(points, faces)[1])
    assert np.array_equal(voxelise(points, faces, Grid(20)).cells, voxelise(*UNIT, Grid(20)).cells)
    joined = voxelise(*welded(points, faces), Grid(20))
    assert joined.closed and np.array_equal(joined.cells, voxelise(*UNIT, Grid(20)).cells)
    open_ = np.delete(faces, [0], axis=0)  # torn elsewhere
    assert not voxelise(points, open_, Grid(20)).closed


def test_a_face_at_a_cell_centre_belongs_to_one_side() -> None:
    """Boxes that share a face fill every cell once, none is lost between them."""
    half = [box((-0.5, -0.5, -0.5), (0.5, 0.5, 0.125)), box((-0.5, -0.5, 0.125), (0.5, 0.5, 0.5))]
    grid = Grid(4, 1.0)  # centres at ±0.125 and ±0.375
    parts = [voxelise(*one, grid).cells for one in half]
    assert (parts[0].astype(int) + parts[1] == 1).all()
    assert voxelise(*together(*half), grid).cells.all()


def test_a_mesh_with_a_small_hole_is_enclosed_and_an_open_box_is_its_walls() -> None:
    points, faces = sphere(0.45, 40)
    whole, torn = voxelise(points, faces, Grid(16)), voxelise(points, faces[3:], Grid(16))
    assert whole.closed and not torn.closed
    assert torn.cells[8, 8, 8] and (torn.cells | whole.cells == torn.cells).all()
    points, faces = box((-0.4, -0.4, -0.4), (0.4, 0.4, 0.4))
    open_ = voxelise(points, np.delete(faces, [2, 3], axis=0), Grid(16))  # without its lid
    assert not open_.closed and not open_.cells[8, 8, 8] and open_.cells[8, 8].any()


def test_surface_and_both() -> None:
    solid, surface, both = (
        voxelise(*UNIT, Grid(20, 1.0, (0.01, 0.01, 0.01)), fill).cells
        for fill in ("solid", "surface", "both")
    )
    assert np.array_equal(both, solid | surface) and not surface[10, 10, 10]
    thin = box((-0.4, -0.4, -0.001), (0.4, 0.4, 0.001))
    assert not voxelise(*thin, Grid(8, 1.0, (0, 0, 0.06))).cells.any()
    assert voxelise(*thin, Grid(8, 1.0, (0, 0, 0.06)), "both").cells.any()


def test_what_lies_outside_the_grid_still_counts() -> None:
    assert voxelise(*box((-9, -9, -9), (9, 9, 9)), Grid(5, 1.0)).cells.all()
    assert not voxelise(*box((2, 2, 2), (9, 9, 9)), Grid(5, 1.0)).cells.any()
    far = voxelise(UNIT[0] + 1e6, UNIT[1], grid_around(UNIT[0] + 1e6, 16)).cells
    assert np.array_equal(far, voxelise(*UNIT, grid_around(UNIT[0], 16)).cells)


def test_grid_around_and_cells_of_points() -> None:
    grid = grid_around(np.array([[1.0, 2, 3], [3, 3, 3]]), 4, margin=2.0)
    assert grid == Grid(4, 4.0, (2.0, 2.5, 3.0)) and grid.corner.tolist() == [0, 0.5, 1]
    assert grid.centres()[0].tolist() == [0.5, 1.5, 2.5, 3.5]
    places = np.array([[0.0, 0.5, 1], [3.99, 4.49, 4.99], [4.0, 1, 2], [-0.1, 1, 2]])
    assert grid.cells_of(places).tolist() == [[0, 0, 0], [3, 3, 3]]


FACES = UNIT[1]


@pytest.mark.parametrize(
    ("points", "faces", "message"),
    [
        (UNIT[0], FACES[:0], "`triangles` must be at least one, got none for 8 points"),
        (np.zeros((0, 3)), FACES, "`points` must be at least one"),
        (UNIT[0] * np.nan, FACES, "got 8 of 8 that are not"),
        (np.where(UNIT[0] > 0.3, np.inf, UNIT[0]), FACES, "must be finite"),
        (UNIT[0] * 1e150, FACES, "at most 1e\\+100"),
        (UNIT[0] * 1e12, FACES, "take the grid of `grid_around`"),
        (UNIT[0] * (1, 1, 0), FACES, "12 triangles in one plane"),
        (UNIT[0] * (1, 0, 0), FACES, "in one plane"),
        (UNIT[0] * 0 + 0.1, FACES, "in one plane"),
        (np.stack([UNIT[0][:, 0], UNIT[0][:, 1], UNIT[0] @ (1, 2, 0)], 1), FACES, "in one plane"),
        (UNIT[0], FACES + 1, "numbers of the 8 points, got 1 to 8"),
        (UNIT[0], FACES - 1, "got -1 to 6"),
    ],
)
def test_bad_meshes_get_a_sentence(points: np.ndarray, faces: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        voxelise(points, faces, Grid(8, 1.0))


def test_bad_grids_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="512 along each side"):
        voxelise(*UNIT, Grid(513))
    with pytest.raises(ValueError, match="at least 1"):
        voxelise(*UNIT, Grid(0))
    with pytest.raises(ValueError, match="`side` must be positive"):
        voxelise(*UNIT, Grid(8, -1.0))
    with pytest.raises(ValueError, match="one place"):
        grid_around(np.ones((4, 3)))
    with pytest.raises(ValueError, match="at least one, got none"):
        grid_around(np.ones((0, 3)))


@given(st.integers(0, 10**6))
def test_any_soup_of_triangles_is_a_grid_or_a_sentence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.choice([0.0, 0.25, -0.3, 1e-300, 1e9, 0.1], (6, 3))
    faces = rng.integers(0, 6, (rng.integers(1, 9), 3))
    try:
        cells = voxelise(points, faces, grid_around(points, 5), "both").cells
    except ValueError as error:
        assert str(error).endswith(".") or "(`fill" in str(error)
    else:
        assert cells.shape == (5, 5, 5)
