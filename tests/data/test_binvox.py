"""binvox: round trip, order of the axes, and files that lie."""

import time
from pathlib import Path

import numpy as np
import pytest

from nebulatent.data.binvox import Voxels, read_binvox, write_binvox

HEADER = b"#binvox 1\ndim 2 3 4\ntranslate -0.5 0 0.25\nscale 2.5\ndata\n"


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4), (9, 5, 7), (32, 32, 32)])
@pytest.mark.parametrize("filled", [0.0, 0.01, 0.5, 1.0])
def test_round_trip_is_exact(tmp_path: Path, shape: tuple[int, int, int], filled: float) -> None:
    grid = np.random.default_rng(0).random(shape) < filled
    voxels = Voxels(grid, (0.1, -2.0, 1e-9), 0.3)
    write_binvox(tmp_path / "a.binvox", voxels)
    again = read_binvox(tmp_path / "a.binvox")
    assert np.array_equal(again.grid, grid) and again[1:] == voxels[1:]
    assert [path.name for path in tmp_path.iterdir()] == ["a.binvox"]


def test_y_runs_fastest_then_z_then_x(tmp_path: Path) -> None:
    path = tmp_path / "a.binvox"
    # 24 voxels of which number 13 = x 1, z 0, y 1 is filled: x takes 12 steps, z 4, y 1.
    path.write_bytes(HEADER + bytes([0, 13, 1, 1, 0, 10]))
    voxels = read_binvox(path)
    assert voxels.grid.shape == (2, 4, 3)
    assert np.argwhere(voxels.grid).tolist() == [[1, 1, 0]]
    assert voxels.translate == (-0.5, 0.0, 0.25) and voxels.scale == 2.5


def test_runs_longer_than_a_byte_are_split(tmp_path: Path) -> None:
    path = tmp_path / "a.binvox"
    write_binvox(path, Voxels(np.ones((8, 8, 8), bool)))
    assert path.read_bytes().split(b"data\n")[1] == bytes([1, 255, 1, 255, 1, 2])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "must be a binvox file"),
        (b"PNG", "must be a binvox file"),
        (HEADER[:-5], "must be a binvox file"),
        (HEADER, "must hold 24 voxels"),
        (HEADER + bytes([0, 24, 1]), "an odd byte"),
        (HEADER + bytes([0, 23]), "got runs of 23"),
        (HEADER + bytes([0, 25]), "got runs of 25"),
        (HEADER + bytes([7, 24]), "got value 7"),
        (HEADER + bytes([0, 24, 1, 0]), "count 0"),
        (HEADER.replace(b"2 3 4", b"2 3"), "3 finite numbers after `dim`"),
        (HEADER.replace(b"2 3 4", b"2 3 nan"), "3 finite numbers after `dim`"),
        (HEADER.replace(b"2 3 4", b"0 3 4"), "three whole positive sizes"),
        (HEADER.replace(b"2 3 4", b"2.5 3 4"), "three whole positive sizes"),
        (HEADER.replace(b"2 3 4", b"9999999 99999 99999"), "three whole positive sizes"),
        (HEADER.replace(b"2.5", b"big"), "1 finite number after `scale`"),
        (HEADER.replace(b"dim", b"dum"), "3 finite numbers after `dim`"),
    ],
)
def test_files_that_lie_get_a_sentence_at_once(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "a.binvox"
    path.write_bytes(raw)
    started = time.perf_counter()
    with pytest.raises(ValueError, match=message):
        read_binvox(path)
    assert time.perf_counter() - started < 1


def test_missing_file_and_flat_grid_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_binvox(tmp_path / "none.binvox")
    with pytest.raises(ValueError, match="3 axes, got 2"):
        write_binvox(tmp_path / "a.binvox", Voxels(np.ones((2, 2), bool)))
    assert not list(tmp_path.iterdir())


def test_any_change_of_a_file_is_a_grid_or_a_sentence(tmp_path: Path) -> None:
    path, rng = tmp_path / "a.binvox", np.random.default_rng(0)
    write_binvox(path, Voxels(rng.random((6, 6, 6)) < 0.3))
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(500):
        raw = whole[: rng.integers(1, len(whole) + 1)].copy()
        raw[rng.integers(0, len(raw), 3)] = rng.integers(0, 256, 3)
        path.write_bytes(raw.tobytes())
        try:
            assert read_binvox(path).grid.ndim == 3
        except ValueError as error:
            assert str(path) in str(error)
