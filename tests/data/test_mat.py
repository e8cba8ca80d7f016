"""MATLAB's files: what SciPy writes is read alike, and files that lie are refused."""

import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from nebulatent.data.mat import read_mat
from nebulatent.data.read import read

RNG = np.random.default_rng(0)
HEADER = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


def save(path: Path, *, packed: bool = True, **arrays: object) -> Path:
    savemat(path, arrays, do_compression=packed, oned_as="row")
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_are_those_that_scipy_reads(tmp_path: Path, packed: bool) -> None:
    arrays: dict[str, np.ndarray] = {
        f"of_{name}": RNG.integers(0, 99, (3, 4, 5)).astype(name) for name in TYPES
    }
    arrays |= {"mask": RNG.random((2, 3)) < 0.5, "short": np.array([[1, 2]], "u1")}
    arrays |= {"none": np.zeros((0, 3)), "real": RNG.normal(size=(7, 2)), "e": np.ones((1, 9))}
    others = {"text": "abc", "many": np.array([1, "a"], object), "z": np.array([[1j]])}
    path = save(tmp_path / "a.mat", packed=packed, **arrays, **others, struct={"a": 1})
    found, theirs = read_mat(path), loadmat(path)
    assert found.keys() == arrays.keys()
    for name, array in found.items():
        # SciPy says of true and false that they are bytes.
        assert array.dtype == (bool if name == "mask" else theirs[name].dtype)
        assert np.array_equal(array.reshape(theirs[name].shape), theirs[name]), name
    assert found["short"].tolist() == [1, 2] and found["e"].shape == (9,)


def element(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}2I", kind, len(content)) + content.ljust(-(-len(content) // 8) * 8)


def matrix(order: str = "<", sizes: tuple[int, ...] = (2, 3), stored: int = 6) -> bytes:
    """An array `ab` of doubles, stored as 16 bits each."""
    parts = [
        (6, struct.pack(f"{order}2I", 6, 0)),
        (5, struct.pack(f"{order}{len(sizes)}i", *sizes)),
        (1, b"ab"),
        (3, struct.pack(f"{order}{stored}h", *range(stored))),
    ]
    return element(14, b"".join(element(*part, order) for part in parts), order)


def test_the_other_order_of_bytes_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(HEADER[:124] + b"\x01\x00MI" + matrix(">"))
    assert read_mat(tmp_path / "a.mat")["ab"].tolist() == [[0, 2, 4], [1, 3, 5]]
    (tmp_path / "a.mat").write_bytes(HEADER + matrix())
    assert read_mat(tmp_path / "a.mat")["ab"].dtype == np.float64


BOMB = struct.pack("<2I", 14, 2**32 - 1) + bytes(1000)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "got another file"),
        (b"MATLAB 7.3 MAT-file", r"got version 7\.3; save it again .*'-v7'"),
        (b"\x89HDF\r\n", r"got version 7\.3"),
        (HEADER + matrix()[:-9], "truncated or damaged"),
        (HEADER + matrix(sizes=(2, 4)), "`ab` in .* must hold 2×4 numbers as it says, got 6"),
        (HEADER + matrix(sizes=(-2, -3)), "truncated or damaged"),
        (HEADER + matrix(sizes=(2**31 - 1,) * 4), "truncated or damaged"),
        (HEADER + matrix(sizes=(6,)), "truncated or damaged"),
        (HEADER + element(14, element(6, b"")), "truncated or damaged"),
        (HEADER + element(14, element(99, bytes(8))), "truncated or damaged"),
        (HEADER + element(14, b""), "truncated or damaged"),
        (HEADER + bytes(64), "truncated or damaged"),
        (HEADER + matrix(sizes=(0, 2**31 - 1, 2**31 - 1)), "truncated or damaged"),
        (HEADER + matrix().replace(b"ab", b"a\n"), "truncated or damaged"),
        (HEADER + struct.pack("<2I", 15, 5) + b"abcde", "truncated or damaged"),
        (HEADER + element(15, zlib.compress(matrix())[:-9]), "truncated or damaged"),
        (HEADER + element(15, zlib.compress(b"abc")), "truncated or damaged"),
        (HEADER + element(15, zlib.compress(BOMB)), "too few for that: the header is wrong"),
    ],
)
def test_files_that_lie_are_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "a.mat").write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        read_mat(tmp_path / "a.mat")


def test_plain_arrays_after_deflated_ones_are_read_and_all_must_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = zlib.compress(matrix())
    assert len(packed) % 8
    raw = HEADER + struct.pack("<2I", 15, len(packed)) + packed + matrix().replace(b"ab", b"cd")
    (tmp_path / "a.mat").write_bytes(raw)
    found = read_mat(tmp_path / "a.mat")
    assert np.array_equal(found["ab"], found["cd"])
    seen: list[int] = []
    monkeypatch.setattr("nebulatent.data.mat.check_memory", lambda size, _: seen.append(size))
    read_mat(tmp_path / "a.mat")
    assert seen[-1] == 2 * 6 * 8  # both arrays, not the last alone


def test_any_damage_is_read_or_refused_with_a_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mat", x=RNG.random((3, 5, 5, 5)) < 0.5, y=[1, 2, 3])
    plain = save(tmp_path / "b.mat", packed=False, x=np.eye(5, dtype="u1"), y=[1, 2, 3])
    rng, refused = random.Random(0), 0
    for number in range(300):
        content = bytearray((path if number % 2 else plain).read_bytes())
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(124, len(content))] = rng.choice([0, 1, 4, 14, 127, 255])
        place = tmp_path / "c.mat"
        place.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        try:
            read_mat(place)
        except ValueError as error:
            refused += 1
            assert str(error).startswith("`") and "\n" not in str(error), error
    assert 100 < refused < 300


def test_files_of_arrays_are_tables_as_npz_files_are(tmp_path: Path) -> None:
    cells, label = RNG.random((4, 16, 16, 16)) < 0.3, [3, 1, 1, 3]
    table = read(save(tmp_path / "a.mat", voxels=cells.astype(float), labels=label))
    assert table.kind == "voxels" and np.array_equal(table.x[:][:, 0], cells)
    assert table.label_names == ("1", "3") and table.label is not None
    assert table.label.tolist() == [1, 0, 0, 1]
    split = save(tmp_path / "b.mat", x_train=np.eye(3), x_test=np.ones((2, 3)))
    assert read(split, split="test", trainable=False).x.shape == (2, 3)


def test_a_cube_is_a_grid_and_a_folder_of_cubes_has_labels(tmp_path: Path) -> None:
    grids = [RNG.random((16, 16, 16)) < 0.3 for _ in range(4)]
    for number, grid in enumerate(grids):
        place = tmp_path / "ab"[number % 2]
        place.mkdir(exist_ok=True)
        save(place / f"{number}.mat", instance=grid.astype("u1"), pad=np.zeros((6, 6, 6)))
    table = read(tmp_path)
    assert table.label_names == ("a", "b") and list(table.ids)[1] == "a/2.mat"
    assert np.array_equal(table.x[:][:, 0], [grids[i] for i in (0, 2, 1, 3)])
    one = read(tmp_path / "b" / "3.mat", trainable=False)
    assert np.array_equal(one.x[:][0, 0], grids[3])
    save(tmp_path / "b" / "3.mat", instance=2 * grids[3].astype("u1"))
    with pytest.raises(ValueError, match=r"must hold 0 \(empty\) and 1 \(filled\) only, got 2"):
        read(tmp_path)
    save(tmp_path / "b" / "3.mat", one=grids[3], other=grids[3])
    with pytest.raises(ValueError, match=r"one grid, .* named instance or alone, got one \(16×16"):
        read(tmp_path)


def test_a_stray_file_beside_other_samples_is_no_grid(tmp_path: Path) -> None:
    for number in range(2):
        np.savetxt(tmp_path / f"{number}.txt", RNG.random((9, 3)))
    save(tmp_path / "a.mat", x=np.eye(3))
    assert read(tmp_path, num_points=8).kind == "points"
