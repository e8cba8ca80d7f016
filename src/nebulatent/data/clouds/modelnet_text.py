"""ModelNet10 and ModelNet40 resampled, with normals: the folder `modelnet40_normal_resampled`.

`<class>/<class>_<number>.txt` holds 10 000 rows `x,y,z,nx,ny,nz`; `modelnet40_{train,test}.txt`
name the shapes, `modelnet40_shape_names.txt` the classes; the same for `modelnet10`. Read is the
set of 40 classes where both are listed. By the protocol the first points are taken, not drawn.

====== ========= ======= ======
set    classes   train   test
====== ========= ======= ======
10     10        3991    908
40     40        9843    2468
====== ========= ======= ======

Source: Qi et al., PointNet++, NeurIPS 2017 (the authors' preparation); spec/hosts.md section 19.2.
"""

from pathlib import Path

from nebulatent.data.clouds.hdf5_sets import read_lines
from nebulatent.data.clouds.points import NUM_POINTS, UNIT_SPHERE
from nebulatent.data.clouds.rows import ShapeRows, first_points
from nebulatent.data.rows import held, lazy_note
from nebulatent.data.table import Split, Table, build_table

SETS = ("modelnet40", "modelnet10")


def is_modelnet_text(folder: Path) -> bool:
    """Whether the folder has the lists of this layout."""
    return any((folder / f"{name}_shape_names.txt").is_file() for name in SETS)


def read_modelnet_text(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """The first points of each shape of one split, training first if of both.

    Raises:
        FileNotFoundError: If a list, or a file that it names, is not there.
        ValueError: If a file is damaged, or has fewer points.
    """
    name = next(name for name in SETS if (folder / f"{name}_shape_names.txt").is_file())
    classes = set(read_lines(folder / f"{name}_shape_names.txt"))
    parts = ("train", "test") if split == "all" else (split,)
    shapes = [shape for part in parts for shape in read_lines(folder / f"{name}_{part}.txt")]
    labels = [shape.rpartition("_")[0] for shape in shapes]
    for shape, label in zip(shapes, labels, strict=True):
        if label not in classes or "/" in shape:
            raise ValueError(
                f"`{folder}` must list shapes as <class>_<number>, of the classes in "
                f"{name}_shape_names.txt, got '{shape[:40]}'."
            )
    ids = [f"{label}/{shape}.txt" for shape, label in zip(shapes, labels, strict=True)]
    rows = ShapeRows([folder / path for path in ids], num_points or NUM_POINTS, first_points)
    x = held(rows, lazy, str(folder))
    note = f"{name}, resampled; read: {' and '.join(parts)}, the first points of each shape."
    notes = (note, *lazy_note(x), UNIT_SPHERE)
    return build_table(x, source=str(folder), ids=ids, labels=labels, notes=notes)
