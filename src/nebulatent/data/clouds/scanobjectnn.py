"""ScanObjectNN: scanned things of 15 classes, in HDF5.

Folders `main_split`, `split1`, … (and the same with `_nobg`, without background) hold for each
variant a file of training clouds `training_objectdataset<variant>.h5` and one of test clouds
`test_objectdataset<variant>.h5`, with `data` float32 (clouds, 2048, 3), `label`, and a `mask` of
the background, which is not read. Given a folder with several variants, the plain one is read,
`OBJ_BG` or `OBJ_ONLY` as the folder is; given one file, that file; given the folder above, as it is
unpacked, `main_split`.

===================================== ======= ======
variant                               train   test
===================================== ======= ======
`objectdataset`                       2309    581
`objectdataset_augmented25_norot`     11416   2882
`objectdataset_augmented25rot`        11416   2882
`objectdataset_augmentedrot`          11416   2882
`objectdataset_augmentedrot_scale75`  11416   2882
===================================== ======= ======

The last, `PB_T50_RS`, is the hardest and the one papers report.

Source: Uy, Pham, Hua, Nguyen, Yeung, Revisiting Point Cloud Classification, ICCV 2019.
"""

from pathlib import Path

from nebulatent.data.clouds.hdf5_sets import h5_table, open_h5_set
from nebulatent.data.table import Split, Table

CLASSES = (
    "bag bin box cabinet chair desk display door shelf table bed pillow sink sofa toilet"
).split()
MAIN = "main_split"
STEMS = {"train": "training_objectdataset", "test": "test_objectdataset"}


def is_scanobjectnn(folder: Path) -> bool:
    """Whether the folder holds files of this layout."""
    return any(any(_inside(folder).glob(f"{stem}*.h5")) for stem in STEMS.values())


def read_scanobjectnn(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Clouds of one split, training first if of both.

    Raises:
        FileNotFoundError: If the split is not there.
        ValueError: If a file is damaged.
    """
    folder = _inside(folder)
    parts = ("train", "test") if split == "all" else (split,)
    variants = sorted(
        path.name.removeprefix(STEMS[parts[0]]) for path in folder.glob(f"{STEMS[parts[0]]}*.h5")
    )
    if not variants:
        raise FileNotFoundError(
            f"`{folder}` must hold {STEMS[parts[0]]}.h5 or a variant of it, got none; choose "
            "another split."
        )
    variant = variants[0] if len(variants) == 1 or ".h5" not in variants else ".h5"
    paths = [folder / f"{STEMS[part]}{variant}" for part in parts]
    note = f"ScanObjectNN, {', '.join(f'{folder.name}/{path.name}' for path in paths)}."
    left = [name for name in variants if name != variant]
    more = (f"Other variants are there: {', '.join(left)}; move one to a folder of its own.",)
    notes = (note, *(more if left else ()))
    return h5_table(open_h5_set(paths), folder, CLASSES, num_points, lazy, notes)


def _inside(folder: Path) -> Path:
    """The folder of the official division, if this is the one above."""
    return folder / MAIN if (folder / MAIN).is_dir() else folder
