"""Files of meshes and clouds, read exactly."""

import struct
from pathlib import Path

import numpy as np
import pytest

from fuzz.shapes import CORNERS, FILES, TRIANGLES, pcd_bytes, ply_bytes, rows, stl_bytes
from nebulatent.data.geometry.files import read_geometry
from nebulatent.data.geometry.geometry import Geometry, fans
from nebulatent.data.geometry.lzf import unpack_lzf

SQUARE = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n"
QUAD = [[0, 1, 2], [0, 2, 3]]


def _read(tmp_path: Path, name: str, content: str | bytes) -> Geometry:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_geometry(path)


def _refused(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, name, content)


@pytest.mark.parametrize("name", ["off", "ply ascii", "ply little", "ply big", "obj"])
def test_a_mesh_is_read_exactly(tmp_path: Path, name: str) -> None:
    mesh = _read(tmp_path, *FILES[name])
    assert np.array_equal(mesh.points, CORNERS)
    expected = TRIANGLES.tolist()
    if name.startswith("ply"):  # its last face is a quadrangle
        expected = [*expected, [0, 2, 1]]
    if name == "obj":  # it has one more, counted backwards
        expected = [*expected, [4, 3, 1]]
    assert mesh.triangles.tolist() == expected


@pytest.mark.parametrize("name", ["stl", "stl text"])
def test_stl_gives_the_corners_of_each_triangle(tmp_path: Path, name: str) -> None:
    mesh = _read(tmp_path, *FILES[name])
    assert np.array_equal(mesh.points[mesh.triangles], CORNERS[TRIANGLES])


@pytest.mark.parametrize("name", ["xyz", "pts", "pcd ascii", "pcd binary", "pcd packed"])
def test_a_cloud_is_read_exactly(tmp_path: Path, name: str) -> None:
    cloud = _read(tmp_path, *FILES[name])
    assert np.array_equal(cloud.points, CORNERS)
    assert not cloud.is_mesh


def test_the_meshes_of_a_glb_are_where_their_nodes_place_them(tmp_path: Path) -> None:
    pytest.importorskip("trimesh", reason="trimesh is not installed")
    mesh = _read(tmp_path, *FILES["glb"])
    first, second = CORNERS + np.array([10, 0, 0]), 2 * CORNERS + np.array([10, 5, 0])
    expected = [*first[TRIANGLES].tolist(), *second[TRIANGLES].tolist()]
    assert mesh.points[mesh.triangles].tolist() == sorted(expected)


def test_colours_and_normals_are_read(tmp_path: Path) -> None:
    for form in ("ascii", "binary_little_endian"):
        mesh = _read(tmp_path, "a.ply", ply_bytes(form))
        assert mesh.colours is not None and (mesh.colours == 7).all()
    for form in ("ascii", "binary", "binary_compressed"):
        cloud = _read(tmp_path, "a.pcd", pcd_bytes(form))
        assert cloud.colours is not None and cloud.colours[0].tolist() == [10, 11, 12]
    up = _read(tmp_path, "a.xyz", "1 2 3 0 0 1\n4 5 6 0.6 0.8 0\n").normals
    assert up is not None and up.tolist() == [[0, 0, 1], [0.6, 0.8, 0]]
    red = _read(tmp_path, "a.pts", "1\n1 2 3 -500 255 0 0\n").colours
    assert red is not None and red.tolist() == [[255, 0, 0]]
    both = _read(tmp_path, "a.off", "CNOFF 1 0 0\n1 2 3 0 0 1 0.5 0 1 1\n")
    assert both.normals is not None and both.normals.tolist() == [[0, 0, 1]]
    assert both.colours is not None and both.colours.tolist() == [[128, 0, 255]]


@pytest.mark.parametrize(
    "content",
    [
        f"OFF\n4 1 0\n{SQUARE}4 0 1 2 3\n",
        f"OFF4 1 4\n{SQUARE}4 0 1 2 3\n",  # as thousands of ModelNet40's files
        f"OFF 4 1\n{SQUARE}4 0 1 2 3 255 0 0\n",  # with a colour
        f"# made by hand\nOFF # the word\n\n4 1 0 # counts\n{SQUARE}\n 4 0 1 2 3  \n\n",
        f"OFF\n4 1 0\n{SQUARE}4 0 1 2 3".replace("\n", "\r\n"),
        f"OFF\n4 3 0\n{SQUARE}4 0 1 2 3\n2 0 1\n1 3\n",  # an edge and a point have no area
        "COFF\n4 1 0\n0 0 0 1 2 3 4\n1 0 0 1 2 3 4\n1 1 0 1 2 3 4\n0 1 0 1 2 3 4\n4 0 1 2 3\n",
    ],
)
def test_off_as_it_is_found(tmp_path: Path, content: str) -> None:
    content = content.replace("# made by hand\nOFF", "OFF")
    mesh = _read(tmp_path, "a.off", content)
    assert mesh.points.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert mesh.triangles.tolist() == QUAD


def test_polygons_become_fans() -> None:
    def slowly(sizes: list[int], corners: list[int]) -> list[list[int]]:
        triangles, place = [], 0
        for size in sizes:
            polygon = corners[place : place + size]
            for corner in range(1, size - 1):
                triangles.append([polygon[0], polygon[corner], polygon[corner + 1]])
            place += size
        return triangles

    rng = np.random.default_rng(0)
    sizes = rng.integers(0, 7, 40)
    corners = rng.integers(0, 99, sizes.sum())
    assert fans(sizes, corners).tolist() == slowly(sizes.tolist(), corners.tolist())


def test_obj_as_it_is_found(tmp_path: Path) -> None:
    content = (
        "mtllib /etc/passwd\nv 0 0 0 1 0 0\nv 1 0 0 1 0 0\n  v 1 1 0 0 1 0\nvn 0 0 1\nvt 0 0\n"
        "usemtl a\ns off\nf 1/1/1 2//1 \\\n 3\nv 0 1 0 0 0 0\nf -4/1 -2 -1\nl 1 2\n"
    )
    mesh = _read(tmp_path, "a.obj", content)
    assert mesh.triangles.tolist() == QUAD
    assert mesh.colours is not None and mesh.colours[2].tolist() == [0, 255, 0]
    assert not _read(tmp_path, "a.obj", "v 0 0 0\nv 1 1 1\n").is_mesh


def test_a_binary_stl_that_begins_with_solid_is_binary(tmp_path: Path) -> None:
    content = b"solid" + stl_bytes()[5:]
    assert len(_read(tmp_path, "a.stl", content).triangles) == len(TRIANGLES)


def test_faces_of_several_sizes_in_a_binary_ply(tmp_path: Path) -> None:
    header = (
        "ply\nformat binary_big_endian 1.0\nelement material 2\nproperty list uchar uchar name\n"
        "element vertex 4\nproperty double x\nproperty double y\nproperty double z\n"
        "element face 3\nproperty uchar flag\nproperty list int uint vertex_index\nend_header\n"
    )
    square = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
    body = b"\2ab\0" + b"".join(struct.pack(">3d", *row) for row in square)
    body += struct.pack(">Bi4I", 9, 4, 0, 1, 2, 3) + struct.pack(">Bi3I", 9, 3, 0, 1, 2)
    body += struct.pack(">Bi", 9, 0)
    mesh = _read(tmp_path, "a.ply", header.encode() + body)
    assert mesh.points.tolist() == square
    assert mesh.triangles.tolist() == [*QUAD, [0, 1, 2]]


def test_holes_of_a_pcd_are_left_out(tmp_path: Path) -> None:
    header = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 3\nDATA ascii\n"
    cloud = _read(tmp_path, "a.pcd", header + "1 2 3\nnan nan nan\n4 5 6\n")
    assert cloud.points.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_lzf_unpacks_copies_that_overlap() -> None:
    # "ab", then 9 + 2 + 3 bytes from two bytes ago, then one literal.
    packed = bytes([1, 97, 98, 0b11100000, 5, 1, 0, 99])
    assert unpack_lzf(packed, 17, "a.pcd") == b"ab" * 8 + b"c"
    for wrong in (packed[:-1], packed[:4], bytes([0b00100000, 5]), b""):
        with pytest.raises(ValueError, match="must unpack to the 17 bytes"):
            unpack_lzf(wrong, 17, "a.pcd")


def test_arrays_of_one_shape(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.hstack([CORNERS, CORNERS]))
    assert np.array_equal(read_geometry(tmp_path / "a.npy").points, CORNERS)
    np.savez(tmp_path / "a.npz", vertices=CORNERS, faces=TRIANGLES)
    mesh = read_geometry(tmp_path / "a.npz")
    assert np.array_equal(mesh.points, CORNERS) and np.array_equal(mesh.triangles, TRIANGLES)


@pytest.mark.parametrize("kind", ["off", "ply ascii", "ply", "obj", "stl", "stl_ascii"])
def test_our_readers_agree_with_trimesh(tmp_path: Path, kind: str) -> None:
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
    mesh = trimesh.creation.annulus(r_min=0.5, r_max=1.0, height=2.0)
    form, *ascii_ = kind.split()
    options = {"encoding": "ascii" if ascii_ else "binary"} if form == "ply" else {}
    exported = mesh.export(file_type=form, **options)
    ours = _read(tmp_path, f"a.{form[:3]}", exported)
    assert len(ours.triangles) == len(mesh.faces)
    ours_sorted = np.sort(ours.points[ours.triangles].mean(axis=1), axis=0)
    assert np.allclose(ours_sorted, np.sort(mesh.triangles.mean(axis=1), axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.off", "PLY\n", "must begin with the word OFF"),
        ("a.off", "OFF BINARY\n", "must begin with the word OFF"),
        ("a.off", "4OFF\n", "must begin with the word OFF"),
        ("a.off", "OFF\nx 1 2\n", "how many points and faces"),
        ("a.off", f"OFF\n4 2 0\n{SQUARE}4 0 1 2 3\n", "4 points and 2 faces its header claims"),
        ("a.off", f"OFF\n4 1 0\n{SQUARE}4 0 1 2 3\n1 2 3\n", "got 6 lines"),
        ("a.off", f"OFF\n4 1 0\n{SQUARE}4 0 1 2 4\n", "got point 4"),
        ("a.off", f"OFF\n4 1 0\n{SQUARE}4 0 1 2 -1\n", "got point -1"),
        ("a.off", f"OFF\n4 1 0\n{SQUARE}4 0 1 2\n", "corners in each face, got '4 0 1 2'"),
        ("a.off", f"OFF\n4 1 0\n{SQUARE}4 0 1 2 1.5\n", "whole numbers in its faces, got 1.5"),
        ("a.off", "OFF\n1 0 0\n0 0 nan\n", "finite coordinates, got 1 of 1 points"),
        ("a.off", "OFF\n0 0 0\n", "points"),
        ("a.off", "OFF\n2 0 0\n0 0 0\n1 1\n", "as many numbers in each of its 2 points"),
        ("a.off", "OFF\n1 0 0\n0 0 x\n", "numbers in its points, got '0 0 x'"),
        ("a.obj", "hello\n", "lines that begin with v"),
        ("a.obj", "v 0 0 0\nf 0 1 1\n", "count the points of its faces from 1, got '0 1 1'"),
        ("a.obj", "v 0 0 0\nf 1 1 2\n", "got point 1"),
        ("a.obj", "v 0 0 0\nf 1 1 -2\n", "got point -1"),
        ("a.obj", "v 0 0\n", "as many numbers"),
        ("a.stl", "solid a\nfacet\nvertex 0 0 0\nendfacet\nendsolid\n", "three corners"),
        ("a.stl", stl_bytes()[:-1], "6 triangles its header claims in 384 bytes, got 383"),
        # As long as 84 + 50 · (-1) bytes: the count of a file too short to have one.
        ("a.stl", b"x" * 34, "0 triangles its header claims in 84 bytes, got 34"),
        ("a.xyz", "1 2 3\n4 5\n", "as many numbers"),
        ("a.xyz", "3\n1 2 3\n", "3 points its first line claims, got 1"),
        ("a.xyz", "1 2\n", "as many numbers"),
        ("a.xyz", "1 2 3\n4 5\n6 7 8 9\n", "got '4 5'"),
        ("a.xyz", "1 " * 5000, "as many numbers in each of its 1 points"),
        ("a.ply", "ply\nformat text 1.0\nend_header\n", "must name PLY's format"),
        ("a.ply", b"plymouth", "must begin with the word ply"),
        ("a.ply", ply_bytes("binary_little_endian")[:-1], "truncated"),
        ("a.ply", ply_bytes("binary_big_endian") + b"1", "must end after"),
        ("a.ply", ply_bytes("ascii") + b"1\n", "lines its header claims"),
        ("a.pcd", pcd_bytes("binary")[:-1], "80 bytes its header claims, got 79"),
        ("a.pcd", pcd_bytes("binary_compressed")[:-1], "bytes its header claims"),
        ("a.pcd", "DATA ascii\n1 2 3\n", "must have a header of PCD"),
        ("a.xyz", "", "got 0 bytes"),
        ("a.dae", "x", "must be a mesh or cloud"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    _refused(tmp_path, name, content, message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got nothing of that name"):
        read_geometry(tmp_path / "a.off")


def test_lines_of_numbers_are_written_as_tests_expect() -> None:
    assert rows(np.array([[0, 1.25]]), "v ") == "v 0 1.25\n"
