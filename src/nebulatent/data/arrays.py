"""NumPy's `.npy` and `.npz` files, never unpickled, their headers checked before they are read.

In an `.npz` the samples are the entry named `x`, `data`, `images`, `voxels` or `arr_0`, or else the
only one with two or more axes; labels are `y`, `label`, `labels`, `target` or `targets`, and their
names, if they are numbers, `classes` or `class_names`; ids are `ids`, `id`, `names` or `name`.
Names in the manner of Keras (`x_train`, `y_test`) and MedMNIST (`train_images`, `test_labels`)
give an official split. Letter case does not matter.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from nebulatent.data.grids import fit_grids
from nebulatent.data.layout import to_samples
from nebulatent.data.limits import check_deflated, check_memory, check_plain, check_stored
from nebulatent.data.mapped import MappedRows, lay_out
from nebulatent.data.npy_header import DAMAGED, Header, read_header
from nebulatent.data.rows import lazy_note, read_later
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table

SAMPLES = ("x", "data", "images", "voxels", "arr_0")
LABELS = ("y", "label", "labels", "target", "targets")
IDS = ("ids", "id", "names", "name")
CLASSES = ("classes", "class_names")
PARTS = ("train", "test")
MAX_NAME = 80  # characters; an entry whose name is longer is not looked at


class _Names(NamedTuple):
    x: list[str]  # entries of samples, one per part of the split
    labels: list[str]
    ids: list[str]
    classes: list[str]
    notes: tuple[str, ...]


def read_npy(path: Path, lazy: bool | None = None, resolution: int | None = None) -> Table:
    """The samples of an `.npy` file.

    Arguments:
        path: The file.
        lazy: Whether samples stay on disk until they are needed; None decides by the size of the
            file (and a large one in Fortran's order is read whole).
        resolution: Cells along each side of grids; None chooses by rule.

    Raises:
        ValueError: If the file is damaged, holds Python objects, or its axes are not of samples.
    """
    source = str(path)
    header = read_header(lambda: path.open("rb"), source)
    check_stored(header.size, path.stat().st_size, source)
    if lazy or (read_later(header.size, lazy) and header.by_row):
        x, notes = lay_out(MappedRows(path, header), source)
    else:
        check_memory(header.size, source)
        x, notes = to_samples(np.load(path, allow_pickle=False), source)
    x, fitted = fit_grids(x, resolution, source)
    return build_table(x, source=source, notes=(NO_SPLIT, *lazy_note(x), *notes, *fitted))


def read_npz(path: Path, split: Split, resolution: int | None = None) -> Table:
    """The samples of an `.npz` file, with labels and ids where it has them.

    Arguments:
        path: The file.
        split: Part, where there are official parts.
        resolution: Cells along each side of grids; None chooses by rule.

    Raises:
        FileNotFoundError: If the file has an official split, but not the one asked for.
        ValueError: If the file is damaged, holds Python objects, or it is not clear which entry
            holds the samples.
    """
    headers = read_headers(path)
    names = _choose(headers, split, path)
    arrays = load_entries(path, [*names.x, *names.labels, *names.ids, *names.classes])
    return _table(arrays, names, path, resolution)


def read_named(
    arrays: dict[str, Shaped[np.ndarray, "..."]], path: Path, split: Split, resolution: int | None
) -> Table:
    """The samples among the arrays of another kind of file, told by their names as in an `.npz`.

    Raises:
        FileNotFoundError, ValueError: As :func:`read_npz`.
    """
    headers = {name: Header(x.shape, x.dtype, 0, by_row=True) for name, x in arrays.items()}
    return _table(arrays, _choose(headers, split, path), path, resolution)


def _table(
    arrays: dict[str, Shaped[np.ndarray, "..."]], names: _Names, path: Path, resolution: int | None
) -> Table:
    x, notes = to_samples(_join(arrays, names.x, path), str(path))
    x, fitted = fit_grids(x, resolution, str(path))
    return build_table(
        x,
        source=str(path),
        ids=[str(name) for name in _join(arrays, names.ids, path).ravel()] if names.ids else (),
        labels=_labels(arrays, names, path) if names.labels else None,
        notes=(*names.notes, *notes, *fitted),
    )


def read_headers(path: Path) -> dict[str, Header]:
    """Headers of all entries of an `.npz` file, each checked against the bytes that are there.

    Raises:
        ValueError: If the file is damaged, or an entry holds Python objects.
    """
    with _open(path) as archive:
        headers = {
            entry: _read_entry(archive, info, f"{path}, entry '{entry}'")
            for info in archive.infolist()
            if (entry := info.filename.removesuffix(".npy")) != info.filename
            and entry.isprintable()
            and len(entry) <= MAX_NAME
        }
    check_memory(sum(header.size for header in headers.values()), str(path))
    return headers


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise _damaged(path) from error


def _read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: str) -> Header:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"`{source}` must be stored or deflated, got another compression.")
    check_deflated(info.file_size, info.compress_size, source)
    header = read_header(lambda: archive.open(info), source)
    check_plain(header.size, info.file_size, source)
    return header


def load_entries(path: Path, names: Iterable[str]) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Entries of an `.npz` file, by name; `read_headers` has checked what they claim.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except DAMAGED as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"`{path}` must be a complete .npz file, got one that is truncated or damaged; copy or "
        "create it again."
    )


def _labels(
    arrays: dict[str, Shaped[np.ndarray, "..."]], names: _Names, path: Path
) -> Shaped[np.ndarray, "labels ..."]:
    """Labels as stored, or the names of those that number an array of names."""
    labels = _join(arrays, names.labels, path)
    if not names.classes or labels.dtype.kind not in "iu":
        return labels
    classes = arrays[names.classes[0]]
    if classes.ndim != 1 or not labels.size or not 0 <= labels.min() <= labels.max() < len(classes):
        raise ValueError(
            f"labels in `{path}` must number its {classes.size} classes from 0, got "
            f"{np.unique(labels)[:5].tolist()}; correct them or leave the names out."
        )
    return classes[labels]


def _join(
    arrays: dict[str, Shaped[np.ndarray, "..."]], names: list[str], path: Path
) -> Shaped[np.ndarray, "..."]:
    if len(names) == 1:
        return arrays[names[0]]
    try:
        return np.concatenate([arrays[name] for name in names])
    except ValueError as error:
        shapes = " and ".join(str(arrays[name].shape) for name in names)
        raise ValueError(
            f"{' and '.join(names)} in `{path}` must hold samples of one shape, got {shapes}."
        ) from error


def _choose(headers: dict[str, Header], split: Split, path: Path) -> _Names:
    official = {part: _find(headers, _split_names(SAMPLES, part)) for part in PARTS}
    if not any(official.values()):
        return _choose_whole(headers, path)
    wanted = [p for p in (PARTS if split == "all" else (split,)) if official[p]]
    if not wanted:
        raise FileNotFoundError(
            f"`{path}` must hold the {split} samples (x_{split}), got only {_listed(headers)}; "
            "choose another split."
        )
    x = [name for part in wanted for name in official[part]]
    labels = [name for part in wanted for name in _find(headers, _split_names(LABELS, part))]
    ids = [name for part in wanted for name in _find(headers, _split_names(IDS, part))]
    return _named(headers, x, labels, ids)


def _choose_whole(headers: dict[str, Header], path: Path) -> _Names:
    x = _find(headers, SAMPLES)
    if not x:
        x = [name for name, header in headers.items() if len(header.shape) >= 2]
    if len(x) != 1:
        raise ValueError(
            f"`{path}` must hold one array of samples named x, or a single one with two or more "
            f"axes, got {_listed(headers) or 'no array'}; rename or remove entries."
        )
    names = _named(headers, x, _find(headers, LABELS), _find(headers, IDS))
    return names._replace(notes=(*names.notes, NO_SPLIT))


def _named(headers: dict[str, Header], x: list[str], labels: list[str], ids: list[str]) -> _Names:
    # Labels or ids of only one of two parts are of no use to the whole.
    labels = labels if len(labels) == len(x) else []
    ids = ids if len(ids) == len(x) else []
    classes = _find(headers, CLASSES) if labels else []
    used = {*x, *labels, *ids, *classes}
    said = f"Samples are {' and '.join(x)}"
    said += f", labels {' and '.join(labels)}" if labels else ""
    said += f", ids {' and '.join(ids)}" if ids else ""
    left = [name for name in headers if name not in used]
    said += f"; not read: {', '.join(left)}." if left else "."
    return _Names(x, labels, ids, classes, (said,))


def _find(headers: dict[str, Header], names: Iterable[str]) -> list[str]:
    """The first of the names that is there, as a list of one or none."""
    present = {name.lower(): name for name in headers}
    return next(([present[name]] for name in names if name in present), [])


def _split_names(names: Iterable[str], part: str) -> list[str]:
    return [pattern for name in names for pattern in (f"{name}_{part}", f"{part}_{name}")]


def _listed(headers: dict[str, Header]) -> str:
    return ", ".join(f"{name} ({'×'.join(map(str, h.shape))})" for name, h in headers.items())
