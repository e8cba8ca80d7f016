"""Folders and files of meshes and clouds as tables of points."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fuzz.shapes import CORNERS, FILES, OFF, TRIANGLES
from nebulatent.data.clouds.points import draw_points, to_unit_sphere
from nebulatent.data.geometry.files import read_geometry
from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry
from nebulatent.data.point_labels import PointLabels
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import build_table
from nebulatent.ops.mesh_samples import sample_triangles
from nebulatent.ops.points import to_unit_sphere as kernels_to_unit_sphere

PYRAMID = Geometry(CORNERS, TRIANGLES)
DATA = os.environ.get("NEBULATENT_DATA", "")
real = pytest.mark.skipif(not DATA, reason="NEBULATENT_DATA is not set: no real meshes")


def _save(path: Path, scale: float = 1.0) -> None:
    """A pyramid, stretched: another shape for each scale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    points = "".join(f"{x * scale:g} {y:g} {z:g}\n" for x, y, z in CORNERS)
    faces = "".join(f"3 {a} {b} {c}\n" for a, b, c in TRIANGLES)
    path.write_text(f"OFF\n{len(CORNERS)} {len(TRIANGLES)} 0\n{points}{faces}")


def test_triangles_are_drawn_by_their_area() -> None:
    corners = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[5, 0, 0], [7, 0, 0], [5, 3, 0]]])
    points, which = sample_triangles(corners.astype(float), 70_000, np.random.default_rng(0))
    # Areas 1/2 and 3: shares 1/7 and 6/7; standard deviation of a share 0.0013.
    assert abs((which == 0).mean() - 1 / 7) < 0.006
    assert np.array_equal(points[:, 0] >= 5, which == 1)
    first = points[which == 0]
    assert (first.min(axis=0) >= 0).all() and (first[:, :2].sum(axis=1) <= 1 + 1e-12).all()
    # Uniform: a quarter of a right triangle lies below each half of its height.
    assert abs((first[:, 0] > 0.5).mean() - 0.25) < 0.015
    assert np.allclose(first.mean(axis=0), [1 / 3, 1 / 3, 0], atol=0.01)


def test_triangles_without_area_are_refused() -> None:
    for corners in (np.zeros((2, 3, 3)), np.empty((0, 3, 3)), np.full((1, 3, 3), np.nan)):
        with pytest.raises(ValueError, match="`corners` must be of triangles with an area"):
            sample_triangles(corners, 5, np.random.default_rng(0))


def test_clouds_lie_in_the_unit_sphere() -> None:
    points = np.random.default_rng(0).normal(size=(3, 50, 3)) * [2, 1, 5] + 7
    clouds = to_unit_sphere(points)
    assert clouds.dtype == np.float32
    for cloud, before in zip(clouds, points, strict=True):
        centred = before - before.mean(axis=0)
        radius = max(np.sqrt((point**2).sum()) for point in centred)
        assert np.allclose(cloud, centred / radius, atol=1e-6)
    assert np.array_equal(to_unit_sphere(points[0]), clouds[0])


def test_the_unit_sphere_is_that_of_the_kernels() -> None:
    points = np.random.default_rng(0).normal(size=(4, 30, 3)) + 3
    kernels = kernels_to_unit_sphere(torch.from_numpy(points)).points
    assert np.allclose(to_unit_sphere(points), kernels.numpy(), atol=1e-6)


@pytest.mark.parametrize("size", [1e300, 1e-300, 5e-324])
def test_no_size_overflows(size: float) -> None:
    cloud = to_unit_sphere(np.array([[-1.0, 0, 0], [1, 0, 0]]) * size)
    assert cloud.tolist() == [[-1, 0, 0], [1, 0, 0]]
    mesh = Geometry(CORNERS * size, TRIANGLES)
    if size != 5e-324:
        assert np.isfinite(draw_points(mesh, 100, "a.off")).all()


def test_one_repeated_point_becomes_zeros() -> None:
    assert not to_unit_sphere(np.full((4, 3), 9.0)).any()


def test_the_same_shape_gives_the_same_points() -> None:
    first = draw_points(PYRAMID, 300, "a")
    assert np.array_equal(first, draw_points(Geometry(CORNERS.copy(), TRIANGLES), 300, "b"))
    other = draw_points(Geometry(CORNERS, TRIANGLES[::-1]), 300, "a")
    assert not np.array_equal(first, other)


def test_points_of_a_mesh_lie_on_it() -> None:
    points = draw_points(PYRAMID, 2000, "a")
    points = points * 2  # the largest coordinate, 1.25, was brought below 1 by a power of two
    height = 1.25 * (1 - 2 * np.abs(points[:, :2] - 0.5).max(axis=1))
    on_side = np.isclose(points[:, 2], height)
    assert (on_side | np.isclose(points[:, 2], 0)).all()
    base = 1 / (1 + 4 * 0.5 * np.hypot(0.5, 1.25))
    assert abs((~on_side).mean() - base) < 0.04


def test_points_of_a_cloud_are_its_points_none_twice_if_it_has_enough() -> None:
    cloud = Geometry(np.arange(90.0).reshape(30, 3), NO_TRIANGLES)
    few = draw_points(cloud, 20, "a")
    assert len(np.unique(few, axis=0)) == 20
    many = draw_points(cloud, 50, "a")
    assert len(many) == 50 and len(np.unique(many, axis=0)) == 30


@pytest.mark.parametrize("name", [n for n in FILES if not n.startswith(("npz", "h5"))])
def test_a_file_is_a_table_of_one_cloud(tmp_path: Path, name: str) -> None:
    file, content = FILES[name]
    (tmp_path / file).write_bytes(content)
    table = read(tmp_path / file, num_points=64, trainable=False)
    assert table.kind == "points" and table.x.shape == (1, 64, 3)
    assert np.allclose(np.linalg.norm(table.x, axis=-1).max(), 1)
    assert table.ids == (file,)


def test_the_same_mesh_in_two_formats_gives_the_same_cloud(tmp_path: Path) -> None:
    (tmp_path / "a.off").write_text(OFF)
    points = "".join(f"v {x:g} {y:g} {z:g}\n" for x, y, z in CORNERS)
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in TRIANGLES + 1)
    (tmp_path / "b.obj").write_text(points + faces)
    table = read(tmp_path, trainable=False)
    assert table.x.shape == (2, 1024, 3)
    assert np.array_equal(table.x[0], table.x[1])


def test_a_folder_of_meshes_is_read_in_order_with_labels(tmp_path: Path) -> None:
    for number, name in enumerate(("b/1.off", "a/2.off", "a/deep/0.off", "b/.hidden.off")):
        _save(tmp_path / name, 1 + number)
    (tmp_path / "a" / "licence.txt").write_text("free")
    table = read(tmp_path)
    assert table.ids == ("a/2.off", "a/deep/0.off", "b/1.off")
    assert table.label is not None and table.label.tolist() == [0, 0, 1]
    assert table.label_names == ("a", "b")
    assert any("unit sphere" in sentence for sentence in table.found)
    alone = read(tmp_path / "b" / "1.off", trainable=False)
    assert np.array_equal(alone.x[0], table.x[2]), "a file must not depend on its folder"


def test_a_lazy_folder_gives_the_same_bits(tmp_path: Path) -> None:
    for number in range(5):
        _save(tmp_path / f"{number}.off", 1 + number)
    eager, lazy = read(tmp_path), read(tmp_path, lazy=True)
    assert not isinstance(lazy.x, np.ndarray)
    assert np.array_equal(lazy.x[:], eager.x) and lazy.fingerprint == eager.fingerprint
    rows = np.array([3, 0, 3])
    assert np.array_equal(lazy.x[rows], np.asarray(eager.x)[rows])


def test_train_and_test_folders_are_the_split(tmp_path: Path) -> None:
    for number, name in enumerate(("train/a/1.off", "train/b/2.off", "test/a/3.off")):
        _save(tmp_path / name, 1 + number)
    assert read(tmp_path).ids == ("train/a/1.off", "train/b/2.off")
    assert read(tmp_path, split="test", trainable=False).ids == ("test/a/3.off",)
    both = read(tmp_path, split="all")
    assert both.label is not None and both.label.tolist() == [0, 1, 0]


def test_pictures_win_where_there_are_more_of_them(tmp_path: Path) -> None:
    from PIL import Image

    _save(tmp_path / "stray.off")
    for name in "ab":
        Image.new("L", (4, 4), ord(name)).save(tmp_path / f"{name}.png")
    assert read(tmp_path).kind == "images"
    for number in range(3):
        _save(tmp_path / f"{number}.off", 2 + number)
    assert read(tmp_path).kind == "points"


def test_text_and_arrays_are_clouds_where_nothing_else_is(tmp_path: Path) -> None:
    for name in ("a/1.txt", "b/2.txt"):
        (tmp_path / name).parent.mkdir()
        np.savetxt(tmp_path / name, np.random.default_rng(ord(name[0])).normal(size=(9, 3)))
    np.save(tmp_path / "b" / "3.npy", np.eye(3))
    table = read(tmp_path, num_points=16)
    assert table.x.shape == (3, 16, 3)
    assert table.label is not None and table.label.tolist() == [0, 1, 1]


def test_an_array_of_clouds_is_told_from_pictures(tmp_path: Path) -> None:
    clouds = np.random.default_rng(0).integers(-900, 900, (4, 20, 3)).astype(np.int16)
    np.savez(
        tmp_path / "a.npz",
        x=clouds,
        scale=np.arange(1, 5),
        y=np.array([1, 0, 1, 1], dtype=np.uint8),
        classes=np.array(["chair", "bed"]),
        name=np.array(list("abcd")),
    )
    table = read(tmp_path / "a.npz")
    assert table.kind == "points" and table.ids == ("a", "b", "c", "d")
    assert table.label_names == ("bed", "chair")
    assert table.label is not None and table.label.tolist() == [0, 1, 0, 0]
    assert np.array_equal(table.x, to_unit_sphere(clouds))
    assert "not read: scale" in " ".join(table.found)
    np.save(tmp_path / "a.npy", clouds)
    lazy = read(tmp_path / "a.npy", lazy=True)
    assert np.array_equal(lazy.x[:], table.x)


def test_labels_that_number_no_class_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones((2, 9, 3)), y=[0, 2], classes=["a", "b"])
    with pytest.raises(ValueError, match="must number its 2 classes from 0, got"):
        read(tmp_path / "a.npz", trainable=False)


def test_clouds_are_not_scaled_again(tmp_path: Path) -> None:
    for number in range(2):
        _save(tmp_path / f"{number}.off", 1 + number)
    table = read(tmp_path)
    scaling = fit_scaling(table)
    assert scaling.shift.item() == 0 and scaling.scale.item() == 1


def test_a_mesh_without_area_and_a_wrong_count_are_named(tmp_path: Path) -> None:
    (tmp_path / "flat.off").write_text("OFF\n3 1 0\n0 0 0\n1 1 1\n2 2 2\n3 0 1 2\n")
    with pytest.raises(ValueError, match=r"flat\.off` must be a mesh with an area, got 1"):
        read(tmp_path, trainable=False)
    with pytest.raises(ValueError, match="`num_points` must be positive, got 0"):
        read(tmp_path, num_points=0)
    with pytest.raises(ValueError, match="`num_points` must be left out for `digits`"):
        read("digits", num_points=5)


def test_labels_of_points_belong_to_points() -> None:
    x = np.ones((2, 5, 3), dtype=np.float32)
    x[1] = 2
    values = np.array([[0, 1, 0, 1, 1], [1, 1, 1, 1, 0]])
    table = build_table(x, source="a", point_labels=PointLabels(values, ("seat", "leg")))
    assert table.kind == "points" and table.found == (
        "2 clouds of 5 points with 3 coordinates, no labels, from a.",
    )
    other = build_table(x, source="a", point_labels=PointLabels(values * 0, ("seat", "leg")))
    assert other.fingerprint != table.fingerprint
    taken = table.take(np.array([1])).point_labels
    assert taken is not None and taken.values.tolist() == [[1, 1, 1, 1, 0]]
    with pytest.raises(ValueError, match="must be one per point \\(2×5\\), got 2×4"):
        build_table(x, source="a", point_labels=PointLabels(values[:, 1:], ("seat", "leg")))
    with pytest.raises(ValueError, match=r"must lie in 0\.\.0, got 0 to 1"):
        build_table(x, source="a", point_labels=PointLabels(values, ("seat",)))


@pytest.mark.parametrize(("package", "name"), [("h5py", "h5"), ("trimesh", "glb")])
def test_a_missing_package_is_named(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, content = FILES[name]
    (tmp_path / file).write_bytes(content)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"must be read with {package}.*nebulatent\[mesh\]"):
        read(tmp_path / file, trainable=False)


@real
@pytest.mark.parametrize(
    ("place", "rows", "labels"),
    [
        ("modelnet_off_sample/ModelNet10", 10, 3),
        ("modelnet_off_sample", 11, 2),  # one file with carriage returns
        ("psb/benchmark/db", 528, 79),
        ("kaykit_cc0", 955, 8),
    ],
)
def test_real_meshes_have_the_counts_of_their_readme(place: str, rows: int, labels: int) -> None:
    table = read(Path(DATA) / place, num_points=32)
    assert table.x.shape == (rows, 32, 3)
    assert len(table.label_names) == labels


@real
def test_real_meshes_are_those_that_trimesh_reads() -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    places = [
        *Path(DATA).glob("psb/benchmark/db/3/*/*.off"),
        *Path(DATA).glob("kaykit_cc0/F*/**/*.obj"),
    ]
    assert len(places) > 50
    for path in sorted(places)[::5]:
        ours = read_geometry(path)
        theirs = trimesh.load_mesh(path, process=False, skip_materials=True)
        assert len(ours.triangles) == len(theirs.faces), path
        a, b, c = ours.points[ours.triangles].transpose(1, 0, 2)
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
        assert np.isclose(area, theirs.area, rtol=1e-9), path


@real
@pytest.mark.parametrize(
    ("place", "shape", "labels"),
    [
        ("modelnet10/points1024_train.npz", (3991, 1024, 3), 10),
        ("psb/points2048_train.npz", (874, 2048, 3), 86),
    ],
)
def test_real_clouds_have_the_counts_of_their_readme(
    place: str, shape: tuple[int, int, int], labels: int
) -> None:
    table = read(Path(DATA) / place)
    assert table.x.shape == shape and len(table.label_names) == labels
    assert np.allclose(np.linalg.norm(table.x[:9], axis=-1).max(axis=1), 1)
