"""The one door: what a path leads to, and what no reader may do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nebulatent.data.read import read


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz` must be a file or folder, got no"):
        read(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "train-images-idx3-ubyte"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=rf"{name}` must hold samples, got an empty file"):
        read(tmp_path / name)


@pytest.mark.parametrize(("name", "got"), [("a.mp4", r"a \.mp4 file"), ("a", "a file without")])
def test_other_files_are_refused_with_what_is_supported(
    tmp_path: Path, name: str, got: str
) -> None:
    (tmp_path / name).write_text("1")
    with pytest.raises(ValueError, match=rf"must be one of \.npy, \.npz, \.csv.* got {got}"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.csv"])
def test_a_single_sample_is_refused_for_training_only(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, np.ones((1, 3)))
    else:
        path.write_text("1,1,1\n")
    with pytest.raises(ValueError, match=rf"{name}` must hold at least 2 samples .* got 1\."):
        read(path)
    assert read(path, trainable=False).x.tolist() == [[1, 1, 1]]


def test_samples_that_are_all_the_same_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"a\.npy` must hold samples that differ"):
        read(tmp_path / "a.npy")


def test_nan_in_an_array_is_placed(tmp_path: Path) -> None:
    x = np.ones((3, 2))
    x[2, 1] = np.nan
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(ValueError, match=r"got 1 value of NaN .* in row 2 .*, column 1; remove"):
        read(tmp_path / "a.npy")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="`split` must be train, test or all, got 'val'"):
        read("digits", split="val")


def test_a_side_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="`image_size` must be positive, got 0"):
        read("digits", image_size=0)


def test_arrays_are_not_resized_silently() -> None:
    assert read("digits", image_size=8).sample_shape == (1, 8, 8)
    with pytest.raises(ValueError, match="`image_size` must be left out for `digits`, got 16"):
        read("digits", image_size=16)


def test_files_without_an_official_split_say_so(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(3))
    train, test = (read(tmp_path / "a.npy", split=split) for split in ("train", "test"))
    assert train.fingerprint == test.fingerprint
    assert any("no official split" in sentence for sentence in test.found)


def test_reading_imports_neither_sklearn_nor_pillow_nor_torch() -> None:
    code = (
        "import sys, nebulatent.data.read\n"
        "print([name for name in ('sklearn', 'PIL', 'scipy', 'torch') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
