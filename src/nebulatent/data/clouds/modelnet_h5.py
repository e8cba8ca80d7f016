"""ModelNet40 as clouds in HDF5: the folder `modelnet40_ply_hdf5_2048`.

`train_files.txt` and `test_files.txt` name the files, `shape_names.txt` the classes in the order of
their numbers. `data` is float32 (clouds, 2048, 3), `label` uint8 (clouds, 1).

========= ======== =========
split     clouds   classes
========= ======== =========
train     9840     40
test      2468     40
========= ======== =========

Five files of 2048 hold 9840 training clouds, three fewer than there are meshes.

Source: Qi et al., PointNet, CVPR 2017 (the authors' preparation); spec/hosts.md section 19.1.
"""

from pathlib import Path

from nebulatent.data.clouds.hdf5_sets import h5_table, listed_files, open_h5_set, read_lines
from nebulatent.data.table import Split, Table

CLASSES = "shape_names.txt"


def is_modelnet_h5(folder: Path) -> bool:
    """Whether the folder has the lists of this layout."""
    return (folder / CLASSES).is_file() and any(
        (folder / f"{part}_files.txt").is_file() for part in ("train", "test")
    )


def read_modelnet_h5(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Clouds of one split, training first if of both.

    Raises:
        FileNotFoundError: If a list, or a file that it names, is not there.
        ValueError: If a file is damaged.
    """
    parts = ("train", "test") if split == "all" else (split,)
    paths = [path for part in parts for path in listed_files(folder / f"{part}_files.txt")]
    note = f"ModelNet in HDF5; read: {' and '.join(parts)}."
    names = read_lines(folder / CLASSES)
    return h5_table(open_h5_set(paths), folder, names, num_points, lazy, (note,))
