"""Tables of numbers as text: `.csv`, `.tsv`, `.txt`.

The delimiter is the one of comma, semicolon and tab that the first line has most of, else white
space. The first line is a header if a cell of it is not a number, or if it counts 0, 1, 2, … (what
pandas writes for unnamed columns). One column named label, class, target or y (the first of these
there is; letter case does not matter) gives labels, one named id, ids or name, or a first column
without a name, gives ids; every other column must hold numbers.
"""

import csv
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from jaxtyping import Float32

from nebulatent.data.table import NO_SPLIT, Table, build_table

LABELS = ("label", "class", "target", "y")
IDS = ("id", "ids", "name")
DELIMITERS = ",;\t"
ROWS = 4096  # turned into numbers at a time

Row = tuple[int, list[str]]  # number of the line, its cells


class _Columns(NamedTuple):
    names: list[str]
    label: int | None
    ids: int | None
    features: list[int]
    notes: tuple[str, ...]


def read_csv(path: Path) -> Table:
    """The numbers of a text file, with labels and ids where it has such columns.

    Raises:
        ValueError: If the file is empty or not text, a cell is not a number, or a line has more
            or fewer cells than the first.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read_rows(_rows(file), path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`{path}` must be text in UTF-8, got bytes that are not; save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise ValueError(
            f"`{path}` must be a table of text, got a line that is not one ({error}); "
            "save it again as CSV."
        ) from error


def _rows(file: TextIO) -> Iterator[Row]:
    """Lines that are not blank, with their numbers in the file."""
    first = file.readline()
    file.seek(0)
    delimiter = max(DELIMITERS, key=first.count)
    if delimiter not in first:
        cells = ((number, line.split()) for number, line in enumerate(file, start=1))
        return (row for row in cells if row[1])
    reader = csv.reader(file, delimiter=delimiter)
    return ((reader.line_num, cells) for cells in reader if any(map(str.strip, cells)))


def _read_rows(rows: Iterator[Row], path: Path) -> Table:
    first = next(rows, None)
    if first is None:
        raise ValueError(f"`{path}` must hold a table of numbers, got an empty file.")
    header = _is_header(first[1])
    columns = _columns(first[1], header=header)
    if not columns.features:
        raise ValueError(f"`{path}` must have a column of numbers, got {', '.join(columns.names)}.")
    rows = rows if header else chain([first], rows)
    blocks, labels, ids = [np.empty((0, len(columns.features)), dtype=np.float32)], [], []
    while block := list(islice(rows, ROWS)):
        blocks.append(_numbers(block, columns, path))
        labels += _texts(block, columns.label, columns, path)
        ids += _texts(block, columns.ids, columns, path)
    return build_table(
        np.concatenate(blocks),
        source=str(path),
        ids=ids,
        labels=labels or None,
        columns=[columns.names[i] for i in columns.features],
        notes=(*columns.notes, NO_SPLIT),
    )


def _is_header(cells: list[str]) -> bool:
    counting = len(cells) > 1 and cells == [str(i) for i in range(len(cells))]
    return counting or not all(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(first: list[str], *, header: bool) -> _Columns:
    names = [cell.strip() for cell in first] if header else [str(i) for i in range(len(first))]
    if not header:
        return _Columns(names, None, None, list(range(len(names))), ("The table has no header.",))
    lower = [name.lower() for name in names]
    label = next((lower.index(name) for name in LABELS if name in lower), None)
    ids = next((lower.index(name) for name in IDS if name in lower), None)
    if ids is None and lower[0] == "":
        ids = 0
    features = [i for i in range(len(names)) if i not in (label, ids)]
    notes = [
        f"Column '{names[i]}' gives the {what}."
        for i, what in ((label, "labels"), (ids, "ids"))
        if i is not None
    ]
    return _Columns(names, label, ids, features, tuple(notes))


def _numbers(
    block: list[Row], columns: _Columns, path: Path
) -> Float32[np.ndarray, "rows columns"]:
    width = len(columns.names)
    for line, cells in block:
        if len(cells) != width:
            raise ValueError(
                f"line {line} of `{path}` must have {width} cells like the first line, got "
                f"{len(cells)}."
            )
    plain = len(columns.features) == width
    cells = [row if plain else [row[i] for i in columns.features] for _, row in block]
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError as error:
        raise ValueError(_not_a_number(block, columns, path)) from error
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, refused by the table
        return numbers.astype(np.float32)


def _not_a_number(block: list[Row], columns: _Columns, path: Path) -> str:
    line, column, cell = next(
        (line, i, cells[i])
        for line, cells in block
        for i in columns.features
        if not _is_number(cells[i])
    )
    got = f"'{cell[:40]}'" if cell.strip() else "an empty cell"
    return (
        f"line {line} of `{path}` must hold a number in column '{columns.names[column]}', got "
        f"{got}; correct it, or name a column of text label or id."
    )


def _texts(block: list[Row], column: int | None, columns: _Columns, path: Path) -> list[str]:
    if column is None:
        return []
    texts = [cells[column].strip() for _, cells in block]
    if "" in texts:
        line = block[texts.index("")][0]
        raise ValueError(
            f"line {line} of `{path}` must have a value in column '{columns.names[column]}', got "
            "an empty cell; fill it, or leave that line or column out."
        )
    return texts
