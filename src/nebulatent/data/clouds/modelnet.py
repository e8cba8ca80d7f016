"""ModelNet10 and ModelNet40 as their authors hand them out: `<class>/{train,test}/<name>.off`.

====== ========= ======= ======
set    classes   train   test
====== ========= ======= ======
10     10        3991    908
40     40        9843    2468
====== ========= ======= ======

Source: Wu et al., 3D ShapeNets, CVPR 2015; counts of the archives ModelNet10.zip, ModelNet40.zip.
"""

from pathlib import Path

from nebulatent.data.clouds.folder import shape_table
from nebulatent.data.table import Split, Table

PARTS = ("train", "test")
COUNTS = {10: {"train": 3991, "test": 908}, 40: {"train": 9843, "test": 2468}}


def is_modelnet(folder: Path) -> bool:
    """Whether sub-folders are classes that hold a `train` or `test` of `.off` files."""
    return any(_meshes(kind, part) for kind in _classes(folder) for part in PARTS)


def read_modelnet(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Clouds drawn from the meshes of one split, training first if of both.

    Raises:
        FileNotFoundError: If the split is not there.
        ValueError: If a file is damaged.
    """
    parts = PARTS if split == "all" else (split,)
    paths = [path for part in parts for kind in _classes(folder) for path in _meshes(kind, part)]
    if not paths:
        raise FileNotFoundError(
            f"`{folder}` must hold meshes in <class>/{split}, got none; choose another split."
        )
    classes = len([kind for kind in _classes(folder) if any(_meshes(kind, p) for p in PARTS)])
    official = sum(COUNTS.get(classes, {}).get(part, 0) for part in parts)
    note = f"ModelNet's folders; read: {' and '.join(parts)}."
    short = f" The official {split} has {official}." if 0 < official != len(paths) else ""
    labels = [path.parts[-3] for path in paths]
    return shape_table(folder, paths, labels, num_points, lazy, (note + short,))


def _classes(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _meshes(kind: Path, part: str) -> list[Path]:
    inside = kind / part
    if not inside.is_dir():
        return []
    return sorted(p for p in inside.iterdir() if p.suffix.lower() == ".off" and p.name[0] != ".")
