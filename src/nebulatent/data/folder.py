"""A folder of pictures: sub-folders as labels, file names as ids, one common size.

Pictures that all have the same size, at most 128 pixels a side, keep it. Otherwise they become
squares of 32 or 64 pixels, whichever is nearer the median of their shorter sides, or of the side
asked for.

Our reading: shapes are reconciled by cutting the centre out, not by padding. The bars that padding
adds would be the largest difference between images of different shape, and a code learned
without labels would sort by shape of the frame before anything else.
"""

import os
from pathlib import Path
from statistics import median

import numpy as np

from nebulatent.data.limits import check_memory
from nebulatent.data.pictures import EXTENSIONS, Picture, decode, inspect
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table

HELD_OUT = ("test", "val", "valid", "validation")
LARGEST_KEPT = 128
SIDES = (32, 64)

Size = tuple[int, int]  # height, width


def is_split_folder(folder: Path) -> bool:
    """Whether the folder has sub-folders `train` and `test` (or `val`)."""
    return (folder / "train").is_dir() and _held_out(folder) is not None


def read_split_folder(folder: Path, split: Split, image_size: int | None) -> Table:
    """The pictures of an official split: `train`, `test`, or both, training first.

    Raises:
        ValueError: If there is no picture, or a file is not the picture its name says.
    """
    names = {"train": "train", "test": _held_out(folder) or ""}
    parts = [names[part] for part in (("train", "test") if split == "all" else (split,))]
    files = [path for part in parts for path in _files(folder / part)]
    inside = [path.relative_to(folder).parts[1:] for path in files if is_picture(path)]
    note = (
        f"Folders {names['train']} and {names['test']} are the split; read: {' and '.join(parts)}."
    )
    return _read(folder, files, _labels(inside), image_size, note)


def read_image_folder(folder: Path, image_size: int | None) -> Table:
    """All pictures of a folder and its sub-folders, sorted by path.

    Labels are the sub-folders of the innermost folder that holds all pictures, if each picture
    lies in one and there are at least two.

    Raises:
        ValueError: If there is no picture, or a file is not the picture its name says.
    """
    files = list(_files(folder))
    pictures = [path for path in files if is_picture(path)]
    common = os.path.commonpath([path.parent for path in pictures]) if pictures else folder
    inside = [path.relative_to(common).parts for path in pictures]
    return _read(folder, files, _labels(inside), image_size, NO_SPLIT)


def is_picture(path: Path) -> bool:
    """Whether the file's name says it is a picture."""
    return path.suffix.lower() in EXTENSIONS


def _held_out(folder: Path) -> str | None:
    return next((name for name in HELD_OUT if (folder / name).is_dir()), None)


def _files(folder: Path) -> list[Path]:
    """Files that are not hidden, sorted; linked folders are followed, each visited once."""
    seen, found = set(), []
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        folders[:] = [name for name in folders if not name.startswith(".") and real not in seen]
        if real not in seen:
            found += [Path(root, name) for name in files if not name.startswith(".")]
        seen.add(real)
    return sorted(found, key=lambda path: path.parts)


def _labels(inside: list[tuple[str, ...]]) -> list[str] | None:
    """First sub-folder of each path; None unless all lie in one, and in at least two."""
    names = [parts[0] for parts in inside if len(parts) > 1]
    return names if len(names) == len(inside) and len(set(names)) > 1 else None


def _read(
    folder: Path, files: list[Path], labels: list[str] | None, image_size: int | None, note: str
) -> Table:
    paths = [path for path in files if is_picture(path)]
    if not paths:
        raise ValueError(
            f"`{folder}` must hold pictures ({', '.join(EXTENSIONS)}), got {_listed(files)}."
        )
    pictures = [inspect(path) for path in paths]
    size, resized = _common_size(pictures, image_size)
    channels = max(picture.channels for picture in pictures)
    check_memory(len(paths) * channels * size[0] * size[1], str(folder))
    x = np.empty((len(paths), channels, *size), dtype=np.uint8)
    for row, picture in zip(x, pictures, strict=True):
        row[:] = decode(picture, size, channels)
    return build_table(
        x,
        source=str(folder),
        ids=[path.relative_to(folder).as_posix() for path in paths],
        labels=labels,
        notes=(note, *resized, *_notes(pictures, len(files))),
    )


def _common_size(pictures: list[Picture], image_size: int | None) -> tuple[Size, tuple[str, ...]]:
    sizes = {(picture.height, picture.width) for picture in pictures}
    first = min(sizes)
    if image_size is not None:
        size = (image_size, image_size)
    elif len(sizes) == 1 and max(first) <= LARGEST_KEPT:
        size = first
    else:
        middle = median(min(picture.height, picture.width) for picture in pictures)
        side = min(SIDES, key=lambda side: abs(side - middle))
        size = (side, side)
    if sizes == {size}:
        return size, ()
    sides = [side for known in sizes for side in known]
    came = f"{min(sides)} to {max(sides)} pixels a side"
    return size, (f"Cut to the centre and resized to {size[0]}×{size[1]}, from {came}.",)


def _notes(pictures: list[Picture], num_files: int) -> list[str]:
    grey = sum(picture.channels == 1 for picture in pictures)
    counts = {
        "grey pictures were turned into colour, as the others are.": grey % len(pictures),
        "pictures have transparency, composed over white.": sum(p.transparent for p in pictures),
        "pictures of 16 bits were reduced to 8.": sum(picture.deep for picture in pictures),
        "files are not pictures and were ignored.": num_files - len(pictures),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _listed(files: list[Path]) -> str:
    if not files:
        return "an empty folder"
    names = ", ".join(path.name for path in files[:3])
    return f"only other files ({names}{', …' if len(files) > 3 else ''})"
