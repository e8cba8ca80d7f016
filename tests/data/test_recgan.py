"""3D-RecGAN's pairs: text in, cubes out, and a sentence for every damaged file."""

import os
from pathlib import Path

import numpy as np
import pytest

from nebulatent.data.read import read
from nebulatent.data.recgan import has_part, is_recgan, read_recgan

ROWS = {"25d": "0 0 0\n1 2 3\n", "3d": "0 0 0\n1 2 3\n1 1 1\n"}


def write(root: Path, name: str, part: str = "train", category: str = "chair") -> None:
    """A pair of files."""
    for kind, text in ROWS.items():
        folder = root / category / f"{part}_{kind}" / "voxel_grids_64"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(text)


def partial(root: Path, name: str = "one_0_002_003_004") -> Path:
    return root / "chair" / "train_25d" / "voxel_grids_64" / f"{name}.txt"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "one_0_002_003_004")
    return tmp_path


def test_a_grid_is_centred_in_the_cube(root: Path) -> None:
    pairs = read_recgan(root)
    assert (pairs.num_pairs, pairs.resolution, pairs.ids) == (1, 64, ("chair/one_0",))
    # Grids of 2 × 3 × 4 begin at (31, 30, 30) of 64³.
    assert np.argwhere(pairs.partial[:][0, 0]).tolist() == [[31, 30, 30], [32, 32, 33]]
    assert np.argwhere(pairs.whole[:][0, 0]).tolist() == [[31, 30, 30], [32, 31, 31], [32, 32, 33]]


def test_categories_parts_and_the_outer_folder(tmp_path: Path) -> None:
    for part, name, category in (
        ("train", "b_002_003_004", "table"),
        ("train", "a_002_003_004", "table"),
        ("train", "c_002_003_004", "bench"),
        ("test", "d_002_003_004", "bench"),
    ):
        write(tmp_path / "Data", name, part, category)
    pairs = read_recgan(tmp_path)
    assert pairs.ids == ("bench/c", "table/a", "table/b")
    assert pairs.label.tolist() == [0, 1, 1] and pairs.categories == ("bench", "table")
    assert read_recgan(tmp_path, "test").ids == ("bench/d",)
    assert is_recgan(tmp_path) and has_part(tmp_path, "test")
    assert not is_recgan(tmp_path / "Data" / "bench") and not is_recgan(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="must hold samples, got pairs of partial and"):
        read(tmp_path)


def test_a_fourth_column_of_ones_is_read_and_other_sizes_may_differ(root: Path) -> None:
    partial(root).write_text("1 2 3 1\n")
    partial(root).rename(partial(root, "one_0_002_003_005"))
    pairs = read_recgan(root)
    assert np.argwhere(pairs.partial[:][0, 0]).tolist() == [[32, 32, 32]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold filled cells, got an empty file"),
        (" \n", "must hold filled cells, got an empty file"),
        ("0 0\n", "got 2 columns"),
        ("0 0 0 1 1\n", "got 5 columns"),
        ("0 0 0 2\n", "a cell that is not 1"),
        ("0 0 4\n", "whole numbers within the sizes"),
        ("-1 0 0\n", "whole numbers within the sizes"),
        ("nan 0 0\n", "whole numbers within the sizes"),
        ("0.5 0 0\n", "whole numbers within the sizes"),
        ("1e400 0 0\n", "got other text|whole numbers within the sizes"),
        ("0 0 0\n0 0\n", "got other text"),
        ("a b c\n", "got other text"),
        ("\x00\x01", "got other text"),
        ("0 0 0\n" * 300, "at most one row for each of 2×3×4 cells"),
    ],
)
def test_a_damaged_file_is_named(text: str, message: str, root: Path) -> None:
    partial(root).write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_recgan(root)
    assert "one_0_002_003_004.txt" in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("one", "ends in three sizes"),
        ("one_0_a_003_004", "ends in three sizes"),
        ("one_0_99999_003_004", "ends in three sizes"),
        ("one_0_000_003_004", "sizes from 1 to 256"),
        ("one_0_257_003_004", "sizes from 1 to 256"),
    ],
)
def test_a_name_without_sizes_is_refused(name: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, name)
    with pytest.raises(ValueError, match=message):
        read_recgan(tmp_path)


def test_what_is_missing_is_named(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"folders <category>/test_25d/voxel_grids_64"):
        read_recgan(root, "test")
    with pytest.raises(FileNotFoundError, match="got none; unpack"):
        read_recgan(root / "nowhere")
    write(root, "two_002_003_004")
    partial(root, "two_002_003_004").unlink()
    with pytest.raises(FileNotFoundError, match="got 'two' in one of them only"):
        read_recgan(root)
    for file in root.rglob("*.txt"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold grids as \.txt files"):
        read_recgan(root)


def test_the_sample_has_the_statistics_of_the_docstring() -> None:
    folder = Path(os.environ.get("NEBULATENT_DATA", ""), "recgan_sample")
    if not os.environ.get("NEBULATENT_DATA") or not folder.is_dir():
        pytest.skip("NEBULATENT_DATA names no folder with recgan_sample")
    pairs = read_recgan(folder)
    assert (pairs.num_pairs, pairs.categories) == (16, ("chair",))
    assert (int(pairs.partial[:].sum()), int(pairs.whole[:].sum())) == (20_993, 82_752)
