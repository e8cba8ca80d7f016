"""ShapeNetPart in HDF5 (`hdf5_data`), and what its three layouts share.

`{train,val,test}_hdf5_file_list.txt` name the files; `data` is float32 (clouds, 2048, 3), `label`
uint8 (clouds, 1), `pid` uint8 (clouds, 2048). The other two layouts are in
:mod:`.shapenet_part_text`.

============ ======= ====================== =========================
category     parts   train / val / test     number of the first part
============ ======= ====================== =========================
Airplane     4       1958 / 391 / 341       0
Bag          2       54 / 8 / 14            4
Cap          2       39 / 5 / 11            6
Car          4       659 / 81 / 158         8
Chair        4       2658 / 396 / 704       12
Earphone     3       49 / 6 / 14            16
Guitar       3       550 / 78 / 159         19
Knife        2       277 / 35 / 80          22
Lamp         4       1118 / 143 / 286       24
Laptop       2       324 / 44 / 83          28
Motorbike    6       125 / 26 / 51          30
Mug          2       130 / 16 / 38          36
Pistol       3       209 / 30 / 44          38
Rocket       3       46 / 8 / 12            41
Skateboard   3       106 / 15 / 31          44
Table        3       3835 / 588 / 848       47
============ ======= ====================== =========================

Together 12 137 / 1870 / 2874 shapes and 50 parts. As in the benchmark, training has the validation
shapes too.

Source: Yi et al., A Scalable Active Framework for Region Annotation, SIGGRAPH Asia 2016; Qi et al.,
PointNet, CVPR 2017 (HDF5); spec/hosts.md section 19.4.
"""

from itertools import accumulate
from pathlib import Path

from nebulatent.data.clouds.hdf5_sets import h5_table, listed_files, open_h5_set
from nebulatent.data.table import Split, Table

PARTS = {
    "Airplane": 4,
    "Bag": 2,
    "Cap": 2,
    "Car": 4,
    "Chair": 4,
    "Earphone": 3,
    "Guitar": 3,
    "Knife": 2,
    "Lamp": 4,
    "Laptop": 2,
    "Motorbike": 6,
    "Mug": 2,
    "Pistol": 3,
    "Rocket": 3,
    "Skateboard": 3,
    "Table": 3,
}
FIRST = dict(zip(PARTS, accumulate(PARTS.values(), initial=0), strict=False))
PART_NAMES = tuple(f"{name} {part}" for name, count in PARTS.items() for part in range(count))
LISTS = {"train": ("train", "val"), "test": ("test",), "all": ("train", "val", "test")}


def is_shapenet_part_h5(folder: Path) -> bool:
    """Whether the folder has a list of this layout."""
    return any((folder / _listing(part)).is_file() for part in LISTS["all"])


def read_shapenet_part_h5(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Clouds and parts of one split, training with validation, training first if of both.

    Raises:
        FileNotFoundError: If a list, or a file that it names, is not there.
        ValueError: If a file is damaged.
    """
    parts = LISTS[split]
    paths = [path for part in parts for path in listed_files(folder / _listing(part))]
    note = f"ShapeNetPart in HDF5; read: {', '.join(parts)}."
    found = open_h5_set(paths)
    return h5_table(found, folder, tuple(PARTS), num_points, lazy, (note,), PART_NAMES)


def _listing(part: str) -> str:
    return f"{part}_hdf5_file_list.txt"
