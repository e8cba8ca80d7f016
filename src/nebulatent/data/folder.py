"""A folder of pictures: sub-folders as labels, file names as ids, one common size.

What size pictures of different sizes become is said in :mod:`.picture_rows`.
"""

import os
from pathlib import Path

from nebulatent.data.geometry.files import EXTENSIONS as SHAPES
from nebulatent.data.picture_rows import to_rows
from nebulatent.data.pictures import EXTENSIONS, inspect
from nebulatent.data.rows import held, lazy_note
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table

HELD_OUT = ("test", "val", "valid", "validation")


def is_split_folder(folder: Path) -> bool:
    """Whether the folder has sub-folders `train` and `test` (or `val`)."""
    return (folder / "train").is_dir() and held_out_name(folder) is not None


def read_split_folder(
    folder: Path, split: Split, image_size: int | None, lazy: bool | None = None
) -> Table:
    """The pictures of an official split: `train`, `test`, or both, training first.

    Raises:
        ValueError: If there is no picture, or a file is not the picture its name says.
    """
    names = {"train": "train", "test": held_out_name(folder) or ""}
    parts = [names[part] for part in (("train", "test") if split == "all" else (split,))]
    files = [path for part in parts for path in list_files(folder / part)]
    inside = [path.relative_to(folder).parts[1:] for path in files if is_picture(path)]
    note = (
        f"Folders {names['train']} and {names['test']} are the split; read: {' and '.join(parts)}."
    )
    return _read(folder, files, folder_labels(inside), image_size, lazy, note)


def read_image_folder(folder: Path, image_size: int | None, lazy: bool | None = None) -> Table:
    """All pictures of a folder and its sub-folders, sorted by path.

    Labels are the sub-folders of the innermost folder that holds all pictures, if each picture
    lies in one and there are at least two.

    Raises:
        ValueError: If there is no picture, or a file is not the picture its name says.
    """
    files = list(list_files(folder))
    pictures = [path for path in files if is_picture(path)]
    common = os.path.commonpath([path.parent for path in pictures]) if pictures else folder
    inside = [path.relative_to(common).parts for path in pictures]
    return _read(folder, files, folder_labels(inside), image_size, lazy, NO_SPLIT)


def is_picture(path: Path) -> bool:
    """Whether the file's name says it is a picture."""
    return path.suffix.lower() in EXTENSIONS


def held_out_name(folder: Path) -> str | None:
    """Name of the folder's sub-folder of held-out samples, if it has one."""
    return next((name for name in HELD_OUT if (folder / name).is_dir()), None)


def list_files(folder: Path) -> list[Path]:
    """Files that are not hidden, sorted; linked folders are followed, each visited once."""
    seen, found = set(), []
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        folders[:] = [name for name in folders if not name.startswith(".") and real not in seen]
        if real not in seen:
            found += [Path(root, name) for name in files if not name.startswith(".")]
        seen.add(real)
    return sorted(found, key=lambda path: path.parts)


def folder_labels(inside: list[tuple[str, ...]]) -> list[str] | None:
    """First sub-folder of each path; None unless all lie in one, and in at least two."""
    names = [parts[0] for parts in inside if len(parts) > 1]
    return names if len(names) == len(inside) and len(set(names)) > 1 else None


def _read(
    folder: Path,
    files: list[Path],
    labels: list[str] | None,
    image_size: int | None,
    lazy: bool | None,
    note: str,
) -> Table:
    paths = [path for path in files if is_picture(path)]
    if not paths:
        raise ValueError(
            f"`{folder}` must hold pictures ({', '.join(EXTENSIONS)}) or meshes and clouds "
            f"({', '.join(SHAPES)}), got {_listed(files)}."
        )
    rows, notes = to_rows([inspect(path) for path in paths], image_size)
    x = held(rows, lazy, str(folder))
    others = len(files) - len(paths)
    ignored = (f"{others} files are not pictures and were ignored.",) if others else ()
    return build_table(
        x,
        source=str(folder),
        ids=[path.relative_to(folder).as_posix() for path in paths],
        labels=labels,
        notes=(note, *lazy_note(x), *notes, *ignored),
    )


def _listed(files: list[Path]) -> str:
    if not files:
        return "an empty folder"
    names = ", ".join(path.name for path in files[:3])
    return f"only other files ({names}{', …' if len(files) > 3 else ''})"
