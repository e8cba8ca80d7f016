"""Pairs of a prepared folder: each scan beside its whole, shapes divided and not their scans."""

from pathlib import Path

import numpy as np
import pytest

from nebulatent.apps.recipes.completion_data import load_completion_data
from nebulatent.data.binvox import Voxels, write_binvox
from nebulatent.data.scan_pairs import has_scans, read_scan_pairs

SIDE = 16


def write(root: Path, shapes: int = 5, side: int = SIDE) -> Path:
    """Two classes; of shape i cell i is filled, of its scan j cell 100 + 10 i + j too."""
    for number, kind in enumerate(("bed", "sofa")):
        for i in range(5 * number, 5 * number + shapes):
            whole = np.zeros((side,) * 3, bool)
            whole.flat[i] = True
            place = root / f"ShapeNetVox{side}" / kind / f"{i:02d}"
            place.mkdir(parents=True)
            write_binvox(place / "model.binvox", Voxels(whole))
            partial = np.zeros((1 + number, side, side, side), bool)
            for j, one in enumerate(partial):
                one.flat[100 + 10 * i + j] = True
            (root / "Scans" / kind).mkdir(parents=True, exist_ok=True)
            np.savez_compressed(root / "Scans" / kind / f"{i:02d}.npz", partial=partial, view=[0])
    return root


def test_each_scan_has_its_whole_and_shapes_are_divided(tmp_path: Path) -> None:
    write(tmp_path)
    assert has_scans(tmp_path) and not has_scans(tmp_path / "Scans")
    train, test = read_scan_pairs(tmp_path, "train"), read_scan_pairs(tmp_path, "test")
    assert test.ids == ("bed/04/0", "sofa/09/0", "sofa/09/1") and train.num_pairs == 4 + 2 * 4
    for pairs in (train, test):
        assert pairs.categories == ("bed", "sofa") and pairs.resolution == SIDE
        for row, name in enumerate(pairs.ids):
            kind, shape, view = name.split("/")
            assert pairs.categories[pairs.label[row]] == kind
            assert np.flatnonzero(pairs.whole[:][row]).tolist() == [int(shape)]
            seen = 100 + 10 * int(shape) + int(view)
            assert np.flatnonzero(pairs.partial[:][row]).tolist() == [seen]


def test_a_recipe_reads_them_if_they_are_fine_enough(tmp_path: Path) -> None:
    found = load_completion_data(str(write(tmp_path)), "quick")
    assert (found.train.num_pairs, found.test.num_pairs) == (12, 3)
    with pytest.raises(ValueError, match=r"64³ or more .* got 16³; .* prepare --voxels 64"):
        load_completion_data(str(tmp_path), "full")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "got none; prepare the shapes anew"),
        ({"partial": np.zeros((1, 8, 8, 8), bool)}, "true and false, like the whole, got 1×8×8×8"),
        ({"partial": np.zeros((0, *(SIDE,) * 3), bool)}, "got 0×16×16×16 of bool"),
        ({"partial": np.zeros((1, *(SIDE,) * 3))}, "of float64"),
        ({"partial": np.array([None])}, "never unpickled"),
    ],
)
def test_scans_that_do_not_fit_are_named(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    write(tmp_path, shapes=2)
    place = tmp_path / "Scans" / "sofa" / "05.npz"
    np.savez(place, **arrays)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=message):
        read_scan_pairs(tmp_path)
    place.unlink()
    with pytest.raises(FileNotFoundError, match=r"05\.npz` must hold the scans .* --scans 1 or"):
        read_scan_pairs(tmp_path)
    with pytest.raises(FileNotFoundError, match="made, got none for train"):
        read_scan_pairs(tmp_path / "Scans")
