"""The values of a binary PLY file, element after element.

Elements whose lists are all as long as those of the first, which is what most files hold, are read
in one go; others are walked through one by one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from nebulatent.data.geometry.ply_header import Element


class Lists(NamedTuple):
    """The first list of each element.

    Arguments:
        sizes: How long each is.
        values: One list after the other.
        end: Where the next kind of element begins.
    """

    sizes: Int[np.ndarray, " elements"]
    values: Shaped[np.ndarray, " values"]
    end: int


class _Measured(NamedTuple):
    sizes: list[int]  # of each list
    places: list[int]  # where each list begins
    end: int


def read_records(
    element: Element, content: bytes, place: int, source: str
) -> tuple[Shaped[np.ndarray, " elements"], int]:
    """Elements without lists, their properties named p0, p1, …, and where the next kind begins.

    Raises:
        ValueError: If the file ends before.
    """
    dtype = _record(element, ())
    end = _check_end(place + element.number * dtype.itemsize, content, source)
    if not dtype.itemsize:
        return np.zeros(element.number, dtype), end
    return np.frombuffer(content, dtype, element.number, place), end


def read_lists(element: Element, content: bytes, place: int, source: str) -> Lists:
    """The first lists of all elements, of which there is at least one.

    Raises:
        ValueError: If a list is longer than the file, or its length negative.
    """
    first = _measure(element, content, place, source)
    dtype = _record(element, first.sizes)
    end = place + element.number * dtype.itemsize
    if end <= len(content):
        rows = np.frombuffer(content, dtype, element.number, place)
        if all((rows[f"n{i}"] == size).all() for i, size in enumerate(first.sizes)):
            sizes = np.full(element.number, first.sizes[0], dtype=np.int64)
            return Lists(sizes, rows["list0"].ravel(), end)
    return _read_one_by_one(element, content, place, source)


def _read_one_by_one(element: Element, content: bytes, place: int, source: str) -> Lists:
    kind = next(p.dtype for p in element.properties if p.length)
    sizes, pieces = np.zeros(element.number, dtype=np.int64), []
    for row in range(element.number):
        measured = _measure(element, content, place, source)
        sizes[row], start, place = measured.sizes[0], measured.places[0], measured.end
        pieces.append(content[start : start + measured.sizes[0] * kind.itemsize])
    return Lists(sizes, np.frombuffer(b"".join(pieces), kind), place)


def _measure(element: Element, content: bytes, place: int, source: str) -> _Measured:
    """Lengths and places of the lists of one element."""
    sizes, places = [], []
    for known in element.properties:
        if known.length:
            number, place = (
                content[place : place + known.length.itemsize],
                place + known.length.itemsize,
            )
            order = "big" if known.length.str[0] == ">" else "little"
            size = int.from_bytes(number, order, signed=known.length.kind == "i")
            if size < 0:
                raise ValueError(
                    f"`{source}` must hold lists of at least 0 values, got a length of {size}; it "
                    "is damaged."
                )
            sizes.append(size)
            places.append(place)
            place += size * known.dtype.itemsize
        else:
            place += known.dtype.itemsize
    return _Measured(sizes, places, _check_end(place, content, source))


def _record(element: Element, sizes: Sequence[int]) -> np.dtype:
    """Type of an element whose lists have these lengths."""
    fields, lists = [], iter(enumerate(sizes))
    for place, known in enumerate(element.properties):
        if known.length:
            number, size = next(lists)
            fields += [(f"n{number}", known.length), (f"list{number}", known.dtype, (size,))]
        else:
            fields.append((f"p{place}", known.dtype))
    return np.dtype(fields)


def _check_end(end: int, content: bytes, source: str) -> int:
    if end > len(content):
        raise ValueError(
            f"`{source}` must hold the elements its header claims, got an end at byte "
            f"{len(content)} before byte {end}: it is truncated or damaged; copy it again."
        )
    return end
