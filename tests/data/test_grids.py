"""Grids brought to one size, in memory and row by row, and the files that hold them."""

from pathlib import Path

import numpy as np
import pytest

from nebulatent.data.binvox import Voxels, write_binvox
from nebulatent.data.grids import FittedGrids, coarse, fit_grids, padded, resolution_by_rule
from nebulatent.data.read import read

RNG = np.random.default_rng(0)


def slow(grid: np.ndarray, resolution: int) -> np.ndarray:
    """Cell by cell: the middle of empty cells, then any of each block."""
    side = grid.shape[0]
    block = -(-side // resolution)
    before = (block * resolution - side) // 2
    found = np.zeros((resolution,) * 3, dtype=np.uint8)
    for place in np.argwhere(grid):
        found[tuple((place + before) // block)] = 1
    return found


@pytest.mark.parametrize(("side", "resolution"), [(30, 16), (30, 32), (13, 12), (5, 12), (24, 12)])
def test_grids_are_padded_and_joined_as_cell_by_cell(side: int, resolution: int) -> None:
    x = (RNG.random((3, 1, side, side, side)) < 0.02).astype(np.uint8)
    found, notes = fit_grids(x, resolution, "x")
    assert isinstance(found, np.ndarray) and found.dtype == np.uint8 and len(notes) == 1
    for own, grid in zip(found, x, strict=True):
        assert np.array_equal(own[0], slow(grid[0], resolution))
    rows = np.array([2, 0])
    assert np.array_equal(FittedGrids(x, resolution)[rows], found[rows])


def test_grids_of_the_right_size_and_other_samples_are_left_alone() -> None:
    grids, vectors = np.zeros((2, 1, 16, 16, 16), np.uint8), np.zeros((2, 5), np.float32)
    assert fit_grids(grids, None, "x") == (grids, ())
    assert fit_grids(vectors, 8, "x") == (vectors, ())


def test_the_rule_leaves_what_the_strides_need_and_no_more_than_16() -> None:
    for side in range(1, 200):
        found = resolution_by_rule(side)
        assert found in (12, 16)
        assert found * -(-side // found) < side + 4 * -(-side // 16) or side < 12


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="`resolution` must divide 6, got 4"):
        coarse(np.zeros((1, 6, 6, 6), bool), 4)
    with pytest.raises(ValueError, match="`side` must be at least 6, got 5"):
        padded(np.zeros((1, 6, 6, 6), bool), 5)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_arrays_of_zeros_and_ones_are_grids(tmp_path: Path, kind: type) -> None:
    cells = RNG.random((4, 16, 16, 16)) < 0.3
    np.savez(tmp_path / "a.npz", voxels=cells.astype(kind), y=[0, 1, 0, 1])
    np.save(tmp_path / "a.npy", cells[:, None].astype(kind))
    table = read(tmp_path / "a.npz")
    assert (table.kind, table.sample_shape, table.x.dtype) == ("voxels", (1, 16, 16, 16), np.uint8)
    assert table.found[0].startswith("4 grids of 16×16×16 cells, 2 labels")
    assert np.array_equal(table.x[:][:, 0], cells)
    later = read(tmp_path / "a.npy", lazy=True, resolution=12)
    assert later.sample_shape == (1, 12, 12, 12)
    assert np.array_equal(later.x[:], read(tmp_path / "a.npy", resolution=12).x)


def test_empty_grids_are_counted(tmp_path: Path) -> None:
    cells = np.ones((5, 12, 12, 12), np.uint8)
    cells[:, 0] = 0
    cells[[1, 3]] = 0
    np.save(tmp_path / "grids.npy", cells)
    assert "2 of 5 grids are empty; kept." in read(str(tmp_path / "grids.npy")).found


def test_cells_that_are_neither_empty_nor_filled_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.full((2, 16, 16, 16), 0.5))
    with pytest.raises(ValueError, match=r"must hold 0 \(empty\) and 1 \(filled\) only.* got 0.5"):
        read(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.full((2, 16, 16, 16), np.nan))
    with pytest.raises(ValueError, match="got nan; threshold it first"):
        read(tmp_path / "b.npy")


def test_only_grids_are_brought_to_a_resolution(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(5))
    with pytest.raises(ValueError, match=r"`voxels` must be left out for .*, got 16"):
        read(tmp_path / "a.npy", resolution=16)
    with pytest.raises(ValueError, match="`resolution` must be positive, got 0"):
        read(tmp_path / "a.npy", resolution=0)


def write(folder: Path, name: str, seed: int, side: int = 20) -> np.ndarray:
    grid = np.random.default_rng(seed).random((side,) * 3) < 0.2
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    write_binvox(place, Voxels(grid))
    return grid


def test_a_folder_of_binvox_has_its_sub_folders_as_labels(tmp_path: Path) -> None:
    grids = [write(tmp_path, f"{'ab'[i % 2]}/{i}.binvox", i) for i in range(4)]
    table = read(tmp_path)
    assert table.kind == "voxels" and table.label_names == ("a", "b")
    assert list(table.ids) == ["a/0.binvox", "a/2.binvox", "b/1.binvox", "b/3.binvox"]
    assert np.array_equal(table.x[1, 0], slow(grids[2], 12))
    one = read(tmp_path / "a" / "2.binvox", trainable=False)
    assert np.array_equal(one.x[0], table.x[1]) and one.ids == ("2.binvox",)
    lazy = read(tmp_path, lazy=True)
    assert not isinstance(lazy.x, np.ndarray) and lazy.fingerprint == table.fingerprint


def test_grids_beside_a_mesh_each_are_not_the_samples(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"{i}.binvox", i)
        (tmp_path / f"{i}.off").write_text(f"OFF\n3 1 0\n0 0 0\n{i + 1} 0 0\n0 1 0\n3 0 1 2\n")
    assert read(tmp_path).kind == "points"
    write(tmp_path, "3.binvox", 3)
    assert read(tmp_path).kind == "voxels"


def test_a_folder_of_grids_is_known_from_within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(5):
        write(tmp_path, f"ShapeNetVox20/03001627/{i}/model.binvox", i)
    monkeypatch.chdir(tmp_path / "ShapeNetVox20")
    assert read(".", split="train").num_samples == 4
    (tmp_path / "ShapeNetVox²").mkdir()
    assert read(tmp_path, split="test", trainable=False).num_samples == 1


def test_r2n2_s_folder_has_its_split_and_named_classes(tmp_path: Path) -> None:
    for i in range(5):
        write(tmp_path, f"ShapeNetVox20/03001627/{i}/model.binvox", i)
        write(tmp_path, f"ShapeNetVox20/other/{i}/model.binvox", 9 + i)
    place = tmp_path / "ShapeNetRendering" / "other" / "0" / "rendering" / "00.png"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not read")
    table = read(tmp_path)
    assert table.num_samples == 8 and table.label_names == ("chair", "other")
    assert read(tmp_path, split="test").ids == ("03001627/4", "other/4")
    assert read(tmp_path / "ShapeNetVox20").fingerprint == table.fingerprint


def test_a_split_of_folders_is_official(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"train/{'ab'[i % 2]}/{i}.binvox", i)
    write(tmp_path, "test/a/9.binvox", 9)
    assert read(tmp_path).num_samples == 3
    assert read(tmp_path, split="test", trainable=False).ids == ("test/a/9.binvox",)


def test_grids_that_differ_in_size_and_damaged_ones_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a.binvox", 0)
    write(tmp_path, "b.binvox", 1, side=16)
    with pytest.raises(ValueError, match=r"b.binvox` must have as many cells as .*a.binvox`"):
        read(tmp_path)
    (tmp_path / "b.binvox").write_bytes(b"#binvox 1\ndim 4 4 4\ndata\n\x01")
    with pytest.raises(ValueError, match=r"b.binvox must hold pairs"):
        read(tmp_path)
    write_binvox(tmp_path / "a.binvox", Voxels(np.ones((2, 3, 4), bool)))
    with pytest.raises(ValueError, match=r"a.binvox` must be as many cells along each side"):
        read(tmp_path)
