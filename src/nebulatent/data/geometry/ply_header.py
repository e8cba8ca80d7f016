"""The header of a PLY file: elements, how many there are of each, and their properties.

Everything is checked against the bytes that follow before any of them is read.
"""

import re
from typing import NamedTuple

import numpy as np

from nebulatent.data.geometry.text import shown

TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
MAX_HEADER, MAX_PROPERTIES = 1 << 16, 1 << 9
END = re.compile(rb"\nend_header[ \t]*(\r\n|\r|\n)")


class Property(NamedTuple):
    """One value, or a list of them, of each element.

    Arguments:
        name: Its name.
        dtype: Type of a value.
        length: Type of the number before a list; None for one value.
    """

    name: str
    dtype: np.dtype
    length: np.dtype | None


class Element(NamedTuple):
    """What there are many of.

    Arguments:
        name: Its name.
        number: How many, as the header claims.
        properties: Of each, in the order of the file.
    """

    name: str
    number: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        """Whether elements differ in size."""
        return any(p.length for p in self.properties)

    @property
    def least_bytes(self) -> int:
        """Bytes of one element whose lists are empty."""
        return sum((p.length or p.dtype).itemsize for p in self.properties)


class PlyHeader(NamedTuple):
    """What precedes the values.

    Arguments:
        order: `"<"` or `">"`, or empty for text.
        elements: In the order of the file.
        start: Bytes of the header.
    """

    order: str
    elements: tuple[Element, ...]
    start: int


def read_ply_header(content: bytes, source: str) -> PlyHeader:
    """The header, its claims checked against the size of the file.

    Raises:
        ValueError: If it is damaged, or claims more than the file can hold.
    """
    end = END.search(content[:MAX_HEADER])
    if not content.startswith(b"ply") or not end:
        raise ValueError(
            f"`{source}` must begin with the word ply and a header that ends in end_header, got "
            f"'{shown(content[:20])}'; it is another kind of file or damaged."
        )
    text = content[3 : end.start()].decode("ascii", "replace")
    lines = [words for line in text.splitlines() if (words := line.split())]
    lines = [words for words in lines if words[0] not in ("comment", "obj_info")]
    if not lines or lines[0][0] != "format" or lines[0][1:2] == [] or lines[0][1] not in ORDERS:
        got = shown(" ".join(lines[0]).encode()) if lines else "nothing"
        raise ValueError(f"`{source}` must name PLY's format (ascii or binary), got '{got}'.")
    order = ORDERS[lines[0][1]]
    header = PlyHeader(order, _elements(lines[1:], order, source), end.end())
    _check_claims(header, content, source)
    return header


def _elements(lines: list[list[str]], order: str, source: str) -> tuple[Element, ...]:
    elements: list[Element] = []
    for line in lines:
        if line[0] == "element" and len(line) == 3 and line[2].isascii() and line[2].isdigit():
            elements.append(Element(line[1], int(line[2][:18]), ()))
        elif line[0] == "property" and elements and (known := _property(line, order)):
            if len(elements[-1].properties) == MAX_PROPERTIES:
                raise ValueError(
                    f"`{source}` must have at most {MAX_PROPERTIES} properties an element, got "
                    "more; save it without those of no use here."
                )
            last = elements[-1]
            elements[-1] = last._replace(properties=(*last.properties, known))
        else:
            raise ValueError(
                f"`{source}` must hold elements and properties in its header, got "
                f"'{shown(' '.join(line).encode())}'; it is damaged."
            )
    return tuple(elements)


def _property(line: list[str], order: str) -> Property | None:
    types = [np.dtype(order + TYPES[word]) for word in line[1:-1] if word in TYPES]
    if len(line) == 3 and len(types) == 1:
        return Property(line[2], types[0], None)
    if len(line) == 5 and line[1] == "list" and len(types) == 2 and types[0].kind in "iu":
        return Property(line[4], types[1], types[0])
    return None


def _check_claims(header: PlyHeader, content: bytes, source: str) -> None:
    there = len(content) - header.start
    # In text each element is a line, of at least a digit and a line break, the last without.
    least = [e.number * (max(1, e.least_bytes) if header.order else 2) for e in header.elements]
    if sum(least) > there + (not header.order):
        claims = ", ".join(f"{e.number} {shown(e.name.encode())}" for e in header.elements[:4])
        raise ValueError(
            f"`{source}` must hold the {claims} its header claims (at least {sum(least)} bytes), "
            f"got {there} bytes: it is truncated or damaged; copy it again."
        )
