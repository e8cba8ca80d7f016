"""Pairs to complete, as tables, and scans without their whole, from every kind of file."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from apps.pair_folder import write_pairs
from nebulatent.data import completion_pairs
from nebulatent.data.binvox import Voxels, write_binvox
from nebulatent.data.completion_pairs import NOTE, are_pairs, find_pairs, read_pairs
from nebulatent.data.read import read
from nebulatent.data.scan_files import read_scans
from nebulatent.data.voxel_pairs import covered


def test_a_table_of_pairs_has_both_grids_of_each_and_takes_them_together(tmp_path: Path) -> None:
    path = str(write_pairs(tmp_path))
    table, pairs = read_pairs(path), find_pairs(path, "train")
    assert are_pairs(path) and table.whole is not None and NOTE in table.found
    assert table.label is not None and table.label_names == ("flat", "tall")
    assert (table.x.dtype, table.sample_shape, table.num_samples) == (bool, (1, 8, 8, 8), 32)
    assert np.array_equal(table.whole[:], pairs.whole[:])
    some = table.take(np.array([5, 0, 31]))
    assert some.whole is not None and some.ids == ("flat/02/1", "flat/00/0", "tall/07/1")
    assert np.array_equal(some.whole[:], pairs.whole[np.array([5, 0, 31])])
    other = np.array(pairs.whole[:])
    other[-1, 0, 0, 0, 0] ^= True
    parts = [table._replace(whole=whole).take(np.arange(32)) for whole in (table.whole, other)]
    assert parts[0].fingerprint == table.fingerprint != parts[1].fingerprint
    assert read_pairs(path, split="test").num_samples == 8
    assert read_pairs(path, split="all").ids[-1] == "tall/09/1"


def test_built_in_pairs_are_told_apart_by_their_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(completion_pairs, "TRAIN", (0, 2, 2))
    monkeypatch.setattr(completion_pairs, "TEST", (1, 2, 1))
    train, test, both = (
        read_pairs("builtin:scans", split=split, resolution=8) for split in ("train", "test", "all")
    )
    assert (train.num_samples, test.ids) == (4, ("bench-0000/0", "chair-0001/0"))
    assert both.ids[:1] + both.ids[4:] == (
        "train/bench-0000/0",
        "test/bench-0000/0",
        "test/chair-0001/0",
    )
    assert both.whole is not None and test.whole is not None
    assert np.array_equal(both.whole[4:], test.whole[:])
    with pytest.raises(ValueError, match="`builtin:scans` must hold samples, got pairs of partial"):
        read("builtin:scans")


def test_fewer_cells_are_filled_where_any_that_they_cover_is() -> None:
    cells = np.random.default_rng(0).random((2, 1, 6, 6, 6)) < 0.05
    for side in (6, 4, 3, 1):
        found, span = covered(cells, side), 6 / side
        for place in np.ndindex(found.shape):
            ranges = [
                [k for k in range(6) if k < (n + 1) * span and k + 1 > n * span] for n in place[2:]
            ]
            assert found[place] == cells[place[0], 0][np.ix_(*ranges)].any()
    with pytest.raises(ValueError, match=r"`resolution` must lie in 1\.\.6, got 7"):
        covered(cells, 7)


def test_scans_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    grid = np.random.default_rng(0).random((8, 8, 8)) < 0.2
    write_binvox(tmp_path / "a.binvox", Voxels(grid))
    np.save(tmp_path / "b.npy", grid[None].astype(np.float32))
    np.savez(tmp_path / "c.npz", tsdf=np.zeros((2, 8, 8, 8)), partial=np.stack([grid, ~grid]))
    np.savez(tmp_path / "d.npz", voxels=grid)
    savemat(tmp_path / "e.mat", {"instance": grid.astype(np.uint8)})
    (tmp_path / "notes.txt").write_text("not a grid")
    rows = "".join(f"{x} {y} {z}\n" for x, y, z in np.argwhere(np.ones((64, 64, 1), bool)))
    (tmp_path / "f_064_064_064.txt").write_text(rows)
    table = read_scans(tmp_path, 8)
    assert table.ids[:4] == ("a.binvox", "b.npy", "c.npz/0", "c.npz/1")
    assert table.ids[4:] == ("d.npz", "e.mat", "f_064_064_064.txt") and table.whole is None
    for row, wanted in enumerate((grid, grid, grid, ~grid, grid, grid)):
        assert np.array_equal(table.x[:][row, 0], wanted)
    assert np.array_equal(table.x[:][6, 0].any((0, 1)), np.arange(8) == 0)


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("a.npy", np.full((8, 8, 8), 2), "must hold 0 .empty. and 1 .filled. only, got 2"),
        ("a.npy", np.zeros((8, 8)), "must be one grid, R×R×R, or several, N×R×R×R, of 0"),
        ("a.npy", np.zeros((8, 8, 9), bool), "must hold cubes of 8×8×8 cells like .* got 8×8×9"),
        ("a.npz", np.zeros((8, 8, 8), bool), "must hold scans named partial, or x, data"),
        ("a.ply", None, r"must be a grid in a file \.binvox, .* got a \.ply file"),
        ("empty/a.ply", None, r"must hold scans, grids in files \.binvox, .* got none"),
    ],
)
def test_what_is_no_scan_is_refused(
    name: str, array: np.ndarray | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if array is None:
        path.write_text("ply")
    elif path.suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, other=array)
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        read_scans(path.parent if name.startswith("empty") else path, 8)
