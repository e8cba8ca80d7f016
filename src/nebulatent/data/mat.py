r"""MATLAB's `.mat` files of version 5 to 7 (`save` without `-v7.3`): their arrays of real numbers.

After a header of 128 bytes a file is a sequence of elements: type and length, four bytes each, then
so many bytes, filled up to a multiple of eight. A short element has both in four bytes and its
content in the next four. An element may be deflated; an array is an element of others:

| part of an array | content |
|---|---|
| flags | class of the numbers; whether they are complex, or false and true |
| sizes | one for each axis; the first varies fastest |
| name | |
| numbers | in the smallest type that holds them all |

SciPy reads these files too, but some damaged ones end the process (1.17.1: segmentation fault).

Source: The MathWorks, MAT-File Format, R2024a, chapter 1.
Our reading: cells, structures, text, sparse and complex arrays are passed over. MATLAB has no
vectors, so an array of one row or one column is read as one.
"""

import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Shaped

from nebulatent.data.limits import check_deflated, check_memory

HEADER = 128
MATRIX, DEFLATED = 14, 15
STORED = {  # what numbers are written in, by the number of an element's type
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
CLASSES = {  # what they are to MATLAB, by the number of an array's class
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
COMPLEX, LOGICAL = 0x8, 0x2
MOST_AXES, LONGEST_NAME = 32, 63
LARGEST = 2**48  # product of the sides that are not 0

Order = Literal["<", ">"]


class _Element(NamedTuple):
    kind: int
    content: memoryview


def read_mat(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Arrays of real numbers in a file, by name; those of one row or column have one axis.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or of another version, or its arrays exceed memory.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a .mat file, got no file there.")
    check_memory(path.stat().st_size, str(path))
    raw = memoryview(path.read_bytes())
    order = _order(raw, path)
    found, size = {}, 0
    for element in _elements(raw[HEADER:], order, path):
        if element.kind == DEFLATED:
            element = _inflated(element.content, order, path, size)
        if element.kind != MATRIX:
            raise _damaged(path)
        named = _array(element.content, order, path, size)
        if named is not None:
            found[named[0]] = named[1]
            size += named[1].nbytes
    return found


def _order(raw: memoryview, path: Path) -> Order:
    """Which byte of a number comes first.

    Raises:
        ValueError: If the file is none of version 5.
    """
    mark = bytes(raw[HEADER - 4 : HEADER])
    if mark == b"\x00\x01IM":
        return "<"
    if mark == b"\x01\x00MI":
        return ">"
    newer = bytes(raw[:10]) == b"MATLAB 7.3" or bytes(raw[:4]) == b"\x89HDF"
    got = "version 7.3" if newer else "another file"
    raise ValueError(
        f"`{path}` must be a .mat file of version 5 to 7, got {got}; save it again with "
        "save(FILE, NAMES, '-v7')."
    )


def _elements(raw: memoryview, order: Order, path: Path) -> Iterator[_Element]:
    """Elements one after another.

    Raises:
        ValueError: If one is longer than what is left.
    """
    at = 0
    while at < len(raw):
        tag = np.frombuffer(raw[at : at + 8].tobytes().ljust(8, b"\0"), f"{order}u4")
        kind, length, start = int(tag[0]), int(tag[1]), at + 8
        if short := kind >> 16:
            kind, length, start = kind & 0xFFFF, short, at + 4
        if start + length > len(raw) or (short and length > 4):
            raise _damaged(path)
        yield _Element(kind, raw[start : start + length])
        at = at + 8 if short else start + length + (0 if kind == DEFLATED else -length % 8)


def _inflated(packed: memoryview, order: Order, path: Path, size: int) -> _Element:
    """The one element that a deflated one holds; nothing is inflated beyond its length.

    Raises:
        ValueError: If it is damaged, or would not fit in memory beside `size` bytes.
    """
    inflate = zlib.decompressobj()
    try:
        tag = inflate.decompress(packed, 8)
        if len(tag) < 8:
            raise _damaged(path)
        kind, length = map(int, np.frombuffer(tag, f"{order}u4"))
        check_deflated(length, len(packed), str(path))
        check_memory(size + length, str(path))
        content = inflate.decompress(inflate.unconsumed_tail, length) if length else b""
    except zlib.error as error:
        raise _damaged(path) from error
    if len(content) < length:
        raise _damaged(path)
    return _Element(kind, memoryview(content))


def _array(
    raw: memoryview, order: Order, path: Path, size: int
) -> tuple[str, Shaped[np.ndarray, "..."]] | None:
    """Name and numbers of an array; None if they are not real numbers, or have no name.

    Raises:
        ValueError: If its parts contradict one another, or it would not fit in memory beside `size`
            bytes.
    """
    parts = _elements(raw, order, path)
    flags = _numbers(next(parts, None), order, path)
    if not flags.size or flags.dtype.kind == "f":
        raise _damaged(path)
    kind, marks = int(flags[0]) & 0xFF, int(flags[0]) >> 8
    if kind not in CLASSES or marks & COMPLEX:
        return None
    sides, named = _numbers(next(parts, None), order, path), next(parts, None)
    stored = _numbers(next(parts, None), order, path)
    if sides.dtype.kind != "i" or not 2 <= len(sides) <= MOST_AXES or named is None:
        raise _damaged(path)
    sizes = [int(side) for side in sides]
    name = bytes(named.content[:LONGEST_NAME]).decode("ascii", "replace")
    if not name:  # what MATLAB keeps of functions
        return None
    if min(sizes) < 0 or math.prod(filter(None, sizes)) > LARGEST or not name.isidentifier():
        raise _damaged(path)
    if math.prod(sizes) != len(stored):
        raise ValueError(
            f"`{name}` in `{path}` must hold {'×'.join(map(str, sizes))} numbers as it says, got "
            f"{len(stored)}; the file is damaged."
        )
    wanted = np.dtype(np.bool_ if marks & LOGICAL else CLASSES[kind])
    check_memory(size + len(stored) * wanted.itemsize, f"{path}, {name}")
    with np.errstate(invalid="ignore"):  # a damaged file may store numbers that the class lacks
        values = stored.astype(wanted)
    array = values.reshape(sizes, order="F")
    return name, array.reshape(-1) if len(sizes) == 2 and 1 in sizes else array


def _numbers(element: _Element | None, order: Order, path: Path) -> Shaped[np.ndarray, " numbers"]:
    """The numbers of an element.

    Raises:
        ValueError: If it is missing or holds something else.
    """
    if element is None or element.kind not in STORED:
        raise _damaged(path)
    dtype = np.dtype(order + STORED[element.kind])
    if len(element.content) % dtype.itemsize:
        raise _damaged(path)
    return np.frombuffer(element.content, dtype)


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"`{path}` must be a complete .mat file, got one that is truncated or damaged; copy or "
        "save it again."
    )
