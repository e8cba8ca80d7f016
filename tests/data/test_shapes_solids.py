"""Solids and their union against oracles that know nothing of half-spaces."""

import itertools

import numpy as np
import pytest
from jaxtyping import Bool, Float
from scipy.spatial import ConvexHull

from nebulatent.data.shapes.categories import CATEGORIES, find_category, make_shape
from nebulatent.data.shapes.make import draw_shape
from nebulatent.data.shapes.planes import to_faces
from nebulatent.data.shapes.shape import Mesh, Shape
from nebulatent.data.shapes.solids import Ring, Solid, block, chain, lathe, mirrored, rod, tube
from nebulatent.data.shapes.surface import Surface


def union(*solids: Solid) -> Shape:
    return Shape(solids, {solid.part: 0 for solid in solids})


def windings(mesh: Mesh, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, " points"]:
    """How many solids enclose each point: solid angles of all triangles over 4 pi."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(side, axis=-1) for side in (a, b, c))
    top = np.einsum("pti,pti->pt", a, np.cross(b, c))
    dots = [np.einsum("pti,pti->pt", *pair) for pair in ((a, b), (b, c), (c, a))]
    low = la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    return 2 * np.arctan2(top, low).sum(axis=1) / (4 * np.pi)


def every_level() -> list[tuple[str, dict[str, float]]]:
    """Each level of each discrete factor, and all continuous ones at either end."""
    cases = []
    for name in CATEGORIES:
        factors = find_category(name).factors
        for end in ("low", "high"):
            cases.append((name, {f.name: getattr(f, end) for f in factors if not f.levels}))
        cases += [(name, {f.name: float(k)}) for f in factors for k in range(len(f.levels))]
    return cases


@pytest.mark.parametrize("name", CATEGORIES)
def test_solids_are_convex_with_flat_faces_that_look_outwards(name: str) -> None:
    shapes = [make_shape(*case) for case in every_level() if case[0] == name]
    shapes += [draw_shape(i, seed=3, categories=(name,), turn=180).shape() for i in range(40)]
    for shape in shapes:
        mesh, heights = shape.mesh(), shape.faces.heights(shape.faces.vertices)
        owner = np.empty(len(mesh.vertices), dtype=int)
        owner[mesh.faces] = mesh.solid[:, None]
        own = heights[owner, np.arange(len(owner))]
        assert np.abs(own).max() < 1e-9  # a corner beyond a plane of its solid would be above 0
        middle = np.stack([mesh.vertices[owner == k].mean(axis=0) for k in range(len(heights))])
        assert (np.diag(shape.faces.heights(middle)) < -1e-4).all()  # nor is any solid flat


@pytest.mark.parametrize("name", CATEGORIES)
def test_each_solid_has_a_closed_mesh_of_its_volume(name: str) -> None:
    mesh = draw_shape(1, seed=4, categories=(name,)).shape().mesh()
    for k in range(mesh.solid.max() + 1):
        faces = mesh.faces[mesh.solid == k]
        edges = [(a, b) for face in faces for a, b in zip(face, np.roll(face, -1), strict=True)]
        assert len(set(edges)) == len(edges)
        assert {(b, a) for a, b in edges} == set(edges)
        a, b, c = mesh.vertices[faces].transpose(1, 0, 2)
        volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6
        assert volume == pytest.approx(ConvexHull(mesh.vertices[np.unique(faces)]).volume)


@pytest.mark.parametrize("name", CATEGORIES)
def test_contains_is_what_winding_numbers_of_the_mesh_say(name: str) -> None:
    shape = draw_shape(2, seed=5, categories=(name,), turn=180).shape()
    generator = np.random.default_rng(0)
    near = shape.sample(150, generator).points + 0.02 * generator.standard_normal((150, 3))
    points = np.concatenate([near, generator.uniform(-0.6, 0.6, (100, 3))])
    count = windings(shape.mesh(), points)
    assert np.abs(count - count.round()).max() < 1e-6
    inside = shape.contains(points)
    assert np.array_equal(inside, count.round() > 0)
    assert 20 < inside.sum() < 230


@pytest.mark.parametrize("name", CATEGORIES)
def test_sampled_points_are_the_boundary_and_normals_leave_it(name: str) -> None:
    shape = draw_shape(0, seed=6, categories=(name,), turn=180).shape()
    surface = shape.sample(3000, np.random.default_rng(1))
    assert np.abs(shape.signed_distance(surface.points)).max() < 1e-9
    assert np.linalg.norm(surface.normals, axis=1) == pytest.approx(1)
    step = 1e-7 * surface.normals
    assert shape.contains(surface.points - step).all()
    assert not shape.contains(surface.points + step).any()


def test_distance_is_a_bound_and_has_the_right_sign() -> None:
    shape = draw_shape(0, seed=1, categories=("chair",)).shape()
    generator = np.random.default_rng(2)
    surface = shape.sample(20_000, generator).points
    points = generator.uniform(-0.55, 0.55, (300, 3))
    nearest = np.array([np.linalg.norm(surface - point, axis=1).min() for point in points])
    bound = shape.signed_distance(points)
    assert (np.abs(bound) <= nearest + 1e-9).all()
    assert np.abs(bound).max() > 0.1
    gaps = np.linalg.norm(points[:, None] - points, axis=-1)
    assert (np.abs(bound[:, None] - bound) <= gaps + 1e-9).all()


def test_distance_to_a_box_is_exact_over_its_faces_and_inside() -> None:
    cube = union(block("a", (0, 2), (0, 2), (0, 2)))  # from -0.5 to 0.5
    points = np.array([[0, 0, 0], [0.4, 0, 0], [0.5, 0.1, 0], [0.75, 0.2, 0.1], [0, -0.1, -1.5]])
    assert cube.signed_distance(points) == pytest.approx([-0.5, -0.1, 0, 0.25, 1])
    assert cube.contains(points).tolist() == [True, True, True, False, False]


def share(surface: Surface, chosen: Bool[np.ndarray, " points"]) -> float:
    return float(chosen.mean()) if len(surface.points) else 0.0


def near(expected: float, count: int) -> object:
    """Four standard deviations of a share among so many points."""
    return pytest.approx(expected, abs=4 * (expected * (1 - expected) / count) ** 0.5)


def test_area_decides_how_often_a_face_is_drawn() -> None:
    brick = union(block("a", (0, 4), (0, 2), (0, 1)))  # faces of 8, 4 and 2
    surface = brick.sample(20_000, np.random.default_rng(0))
    for axis, area in enumerate((2, 4, 8)):
        for sign in (-1, 1):
            chosen = surface.normals[:, axis] == sign
            assert share(surface, chosen) == near(area / 28, 20_000)


def test_seams_and_coplanar_faces_are_counted_once() -> None:
    """Three blocks that touch, overlap and repeat, and are together one brick of 3 × 1 × 1."""
    blocks = [
        block("a", (0, 1), (0, 1), (0, 1)),
        block("a", (1, 3), (0, 1), (0, 1)),
        block("a", (0.5, 2), (0, 1), (0, 1)),
        block("a", (0, 3), (0, 1), (0, 1)),
    ]
    for order in itertools.permutations(blocks, 4):
        surface = union(*order).sample(4000, np.random.default_rng(0))
        x = surface.points[:, 0] * 3 + 1.5
        side = np.abs(surface.normals[:, 0]) < 0.5
        assert np.abs(x[~side] - 1.5) == pytest.approx(1.5)  # no seam at 0.5, 1 or 2
        assert share(surface, ~side) == near(2 / 14, 4000)
        for third in range(3):
            chosen = side & (x > third) & (x < third + 1)
            assert share(surface, chosen) == near(4 / 14, 4000)


def test_a_tube_shows_its_inside_and_its_rim_but_no_stave() -> None:
    pipe = union(*tube("a", (0, 1), (1, 1), 0.25))
    surface = pipe.sample(5000, np.random.default_rng(0))
    outwards = np.einsum("pi,pi->p", surface.points[:, :2], surface.normals[:, :2])
    rim = np.abs(surface.normals[:, 2]) > 0.5
    cosine = np.abs(outwards[~rim]) / np.linalg.norm(surface.points[~rim, :2], axis=1)
    assert cosine.min() > np.cos(np.pi / 16) - 1e-9
    outer, inner = share(surface, outwards > 0.1), share(surface, outwards < -0.1)
    assert outer / inner == pytest.approx(1 / 0.75, rel=0.08)
    assert not pipe.contains(np.zeros((1, 3)))[0]


def test_occupancy_is_contains_at_the_centres_of_cells() -> None:
    for name, resolution, side in (("chair", 24, 1.1), ("mug", 17, 1.4), ("car", 20, 0.6)):
        shape = draw_shape(0, seed=2, categories=(name,), turn=180).shape()
        grid = shape.occupancy(resolution, side)
        centre = [(i + 0.5) * side / resolution - side / 2 for i in range(resolution)]
        points = np.array(list(itertools.product(centre, repeat=3)))
        sure = np.abs(shape.signed_distance(points)) > 1e-12
        assert np.array_equal(grid.ravel()[sure], shape.contains(points)[sure])
        assert grid.any()


def test_the_cells_of_a_fine_grid_have_the_volume_of_the_solid() -> None:
    sphere = union(*lathe("a", [(-np.cos(t), np.sin(t)) for t in np.linspace(0.1, 3.04, 12)]))
    hull = ConvexHull(sphere.mesh().vertices).volume
    assert sphere.occupancy(64).mean() * 1.1**3 == pytest.approx(hull, rel=0.01)


def test_the_frame_is_centred_and_its_longest_side_is_one() -> None:
    for i in range(24):
        vertices = draw_shape(i, seed=9, turn=180).shape().mesh().vertices
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        assert low + high == pytest.approx(0, abs=1e-12)
        assert (high - low).max() == pytest.approx(1)


def test_a_mirrored_solid_still_faces_outwards() -> None:
    wing = rod("a", (0, 1), Ring(2, 1, 0.5, 0.3), 8)
    middle = to_faces(mirrored([wing])).heights(np.array([[-2.0, 1.0, 0.5]]))
    assert middle[0, 0] < -0.2


def test_a_chain_of_bars_has_no_gap_at_a_right_angle() -> None:
    path = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, 1.0)]
    heights = to_faces(chain("a", path, (0.1, 0.1))).heights(np.array([[1.04, 0.0, -0.04]]))
    assert heights.min() <= 0


@pytest.mark.parametrize(
    ("count", "resolution", "side", "message"),
    [
        (0, 8, 1.0, "`count` must be positive, got 0"),
        (5, 0, 1.0, "`resolution` and `side` must be positive, got 0 and 1.0"),
        (5, 8, -1.0, "must be positive, got 8 and -1.0"),
        (5, 8, float("nan"), "must be positive, got 8 and nan"),
    ],
)
def test_impossible_sizes_are_refused(
    count: int, resolution: int, side: float, message: str
) -> None:
    cube = union(block("a", (0, 1), (0, 1), (0, 1)))
    with pytest.raises(ValueError, match=message):
        cube.sample(count, np.random.default_rng(0))
        cube.occupancy(resolution, side)
