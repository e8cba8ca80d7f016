"""Grids of an .npz file: what is read, and what is refused with a sentence."""

from pathlib import Path

import numpy as np
import pytest

from nebulatent.data.voxel_arrays import read_voxel_arrays

CELLS = np.random.default_rng(0).random((6, 3, 4, 5)) < 0.5
LABEL = np.array([2, 0, 1, 2, 0, 1])
NAMES = np.array(["bed", "chair", "sofa"])


def save(place: Path, **arrays: object) -> Path:
    path = place / "grids.npz"
    np.savez_compressed(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
@pytest.mark.parametrize("name", ["x", "voxels", "arr_0", "X"])
def test_cells_and_named_labels_are_as_stored(dtype: type, name: str, tmp_path: Path) -> None:
    read = read_voxel_arrays(
        save(tmp_path, **{name: CELLS.astype(dtype)}, y=LABEL, classes=NAMES, more=np.zeros(3))
    )
    assert read.cells.dtype == bool
    assert np.array_equal(read.cells, CELLS)
    assert read.label is not None
    assert [read.names[i] for i in read.label] == [str(NAMES[i]) for i in LABEL]


def test_labels_may_be_missing_or_text(tmp_path: Path) -> None:
    assert read_voxel_arrays(save(tmp_path, x=CELLS))[1:] == (None, ())
    read = read_voxel_arrays(save(tmp_path, x=CELLS, label=NAMES[LABEL]))
    assert read.names == ("bed", "chair", "sofa")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": CELLS}, "must hold grids named x, data, voxels or arr_0, got a"),
        ({"x": CELLS[0]}, "must be grids, N×D×H×W of 0 and 1, got 3×4×5 of type bool"),
        ({"x": CELLS[:0]}, "got 0×3×4×5"),
        ({"x": CELLS.astype(float)}, "of type float64"),
        ({"x": 255 * CELLS.astype(np.uint8)}, r"must hold 0 .* only, got 0 to 255; threshold"),
        ({"x": -CELLS.astype(np.int8)}, "got -1 to 0"),
        ({"x": CELLS, "y": LABEL[:5]}, r"must be one per grid \(6\), got 5"),
        ({"x": CELLS, "y": LABEL, "classes": NAMES[:2]}, "must number its 2 classes from 0"),
        ({"x": np.array([None] * 6)}, "never unpickled"),
    ],
)
def test_what_are_no_grids_is_refused(
    arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        read_voxel_arrays(save(tmp_path, **arrays))


def test_files_that_are_missing_or_cut_off_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="got no file there"):
        read_voxel_arrays(tmp_path / "none.npz")
    path = save(tmp_path, x=CELLS, y=LABEL)
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="truncated or damaged"):
            read_voxel_arrays(path)
