"""The Princeton Shape Benchmark: `db/<n>/m<id>/m<id>.off`, classes in `.cla` files.

A `.cla` file begins with `PSB 1` and the numbers of classes and models. Then, for each class, a
line `name parent count` and its models' numbers, one a line. Classes nest; a model belongs to one,
often a leaf, and the label here is that class. Read is `classification/v1/base`, the finest.

========= ========= ========
split     classes   models
========= ========= ========
train     90        907
test      92        907
========= ========= ========

Classes are those with at least one model; `train.cla` has 129 of which 39 only hold other classes.
Models without a mesh in `db` are left out, and counted.

Source: Shilane, Min, Kazhdan, Funkhouser, The Princeton Shape Benchmark, SMI 2004.
"""

import re
from pathlib import Path

from nebulatent.data.clouds.folder import shape_table
from nebulatent.data.geometry.text import shown
from nebulatent.data.table import Split, Table

BASE = Path("classification/v1/base")
HEAD = re.compile(r"\s*PSB\s+1\s+(\d{1,9})\s+(\d{1,9})\s")
LARGEST = 1 << 24  # bytes of a .cla file


def find_psb(folder: Path) -> Path | None:
    """The folder that holds `db` and `classification`: this one, the one above, or one inside."""
    places = (folder, folder / "benchmark", folder.parent if folder.name == "db" else folder)
    return next((p for p in places if (p / BASE).is_dir() and (p / "db").is_dir()), None)


def read_psb(folder: Path, split: Split, num_points: int | None, lazy: bool | None = None) -> Table:
    """Clouds drawn from the meshes of one split, training first if of both.

    Raises:
        FileNotFoundError: If the split's file of classes is not there.
        ValueError: If a file is damaged.
    """
    root = find_psb(folder) or folder
    paths, labels, missing = [], [], 0
    for part in ("train", "test") if split == "all" else (split,):
        for number, label in read_cla(root / BASE / f"{part}.cla").items():
            path = root / "db" / str(number // 100) / f"m{number}" / f"m{number}.off"
            missing += not path.is_file()
            if path.is_file():
                paths.append(path)
                labels.append(label)
    note = f"Princeton Shape Benchmark, classes of {BASE.as_posix()}/{split}.cla."
    left_out = (f"{missing} models have no mesh in db and were left out.",) if missing else ()
    return shape_table(root / "db", paths, labels, num_points, lazy, (note, *left_out))


def read_cla(path: Path) -> dict[int, str]:
    """The class of each model, in the order of the file.

    Raises:
        FileNotFoundError: If the file is not there.
        ValueError: If it is not a complete file of classes.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"`{path}` must be a file of classes, got nothing of that name; choose another split."
        )
    if path.stat().st_size > LARGEST:
        raise ValueError(f"`{path}` must have at most {LARGEST} bytes, got {path.stat().st_size}.")
    text = path.read_bytes().decode("utf-8", "replace")
    head = HEAD.match(text)
    if not head:
        raise ValueError(f"`{path}` must begin with PSB 1, got '{shown(text[:20].encode())}'.")
    classes, kinds, name = {}, 0, ""
    for line in filter(None, map(str.strip, text[head.end() :].splitlines())):
        if line.isascii() and line.isdigit() and name:
            classes[int(line[:9])] = name
        elif len(words := line.rsplit(None, 2)) == 3 and words[2].isdigit():
            name, kinds = words[0], kinds + 1
        else:
            raise ValueError(
                f"`{path}` must hold classes and models, got '{shown(line.encode())}'."
            )
    if (kinds, len(classes)) != (int(head[1]), int(head[2])):
        raise ValueError(
            f"`{path}` must hold the {head[1]} classes and {head[2]} models its header claims, got "
            f"{kinds} and {len(classes)}: it is truncated or damaged; copy it again."
        )
    return classes
