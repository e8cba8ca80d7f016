"""PLY, the Stanford format: `.ply`, text or binary of either byte order.

The element `vertex` gives points (`x`, `y`, `z`; `nx`, `ny`, `nz`; `red`, `green`, `blue`), the
element `face` polygons (its list `vertex_indices` or `vertex_index`). Other elements and properties
are passed over. A mesh stored in strips of triangles is refused: read as points alone it would be
another shape.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry, fans
from nebulatent.data.geometry.ply_binary import read_lists, read_records
from nebulatent.data.geometry.ply_header import Element, PlyHeader, read_ply_header
from nebulatent.data.geometry.text import split_lines, to_columns, to_triangles

POSITION, NORMAL, COLOUR = ("x", "y", "z"), ("nx", "ny", "nz"), ("red", "green", "blue")
CORNERS = ("vertex_indices", "vertex_index")

Columns = dict[str, Shaped[np.ndarray, " elements"]]


class _Found(NamedTuple):
    columns: Columns
    triangles: Int[np.ndarray, "triangles 3"]


def read_ply(content: bytes, source: str) -> Geometry:
    """The mesh or cloud of a PLY file.

    Raises:
        ValueError: If the file is damaged or truncated, or has no points.
    """
    header = read_ply_header(content, source)
    names = {element.name for element in header.elements if element.number}
    if "vertex" not in names or "tristrips" in names:
        what = "faces, not strips" if "vertex" in names else "an element vertex with x, y and z"
        raise ValueError(f"`{source}` must hold {what}, got others; save it as a mesh of faces.")
    found = (_read_binary if header.order else _read_text)(header, content, source)
    points = _stacked(found.columns, POSITION)
    if points is None:
        raise ValueError(f"`{source}` must hold x, y and z of its points, got other properties.")
    return Geometry(
        points.astype(np.float64),
        found.triangles,
        _stacked(found.columns, NORMAL),
        _bytes(_stacked(found.columns, COLOUR)),
    )


def _stacked(columns: Columns, names: tuple[str, ...]) -> Float[np.ndarray, "elements 3"] | None:
    if any(name not in columns for name in names):
        return None
    return np.stack([columns[name] for name in names], axis=1)


def _bytes(
    colours: Float[np.ndarray, "elements 3"] | None,
) -> UInt8[np.ndarray, "elements 3"] | None:
    """Colours from 0 to 255, which text stores as floats and some programs from 0 to 1."""
    if colours is None or not ((colours >= 0) & (colours <= 255)).all():
        return None
    full = 255 if colours.max() <= 1 and (np.rint(colours) != colours).any() else 1
    return np.rint(colours * full).astype(np.uint8)


def _read_text(header: PlyHeader, content: bytes, source: str) -> _Found:
    lines = split_lines(content[header.start :])
    claimed = sum(element.number for element in header.elements)
    if claimed != len(lines):
        raise ValueError(
            f"`{source}` must hold the {claimed} lines its header claims, got {len(lines)}: it is "
            "truncated or damaged; copy it again."
        )
    columns, triangles, done = {}, NO_TRIANGLES, 0
    for element in header.elements:
        mine, done = lines[done : done + element.number], done + element.number
        if element.name == "vertex":
            columns = _text_columns(element, mine, source)
        elif element.name == "face" and mine:
            triangles = to_triangles(mine, source, skip=_corners_at(element, source))
    return _Found(columns, triangles)


def _text_columns(element: Element, lines: list[bytes], source: str) -> Columns:
    names = [p.name for p in element.properties]
    table = to_columns(lines, source, "points")
    if element.has_lists or table.shape[1] != len(names):
        raise ValueError(
            f"`{source}` must hold the {len(names)} numbers of each point that its header claims, "
            f"got {table.shape[1]}; it is damaged."
        )
    return dict(zip(names, table.T, strict=True))


def _corners_at(element: Element, source: str) -> int:
    """Place of the list of corners among the properties of a face."""
    for place, known in enumerate(element.properties):
        if known.length and known.name in CORNERS and known.dtype.kind in "iu":
            return place
        if known.length:
            break
    raise ValueError(
        f"`{source}` must hold in each face a list of whole numbers named {' or '.join(CORNERS)}, "
        "and no list before it, got others; save it as a mesh of faces."
    )


def _read_binary(header: PlyHeader, content: bytes, source: str) -> _Found:
    columns, triangles, place = {}, NO_TRIANGLES, header.start
    for element in header.elements:
        if element.has_lists and element.number:
            if element.name == "vertex":
                raise ValueError(f"`{source}` must hold no lists at its points, got some.")
            sizes, corners, place = read_lists(element, content, place, source)
            if element.name == "face":
                _corners_at(element, source)
                triangles = fans(sizes, corners.astype(np.int64))
        elif not element.has_lists:
            rows, place = read_records(element, content, place, source)
            if element.name == "vertex":
                columns = {p.name: rows[f"p{i}"] for i, p in enumerate(element.properties)}
    if place != len(content):
        raise ValueError(
            f"`{source}` must end after the {place} bytes its header claims, got {len(content)}: "
            "the header is wrong or the file damaged; copy it again."
        )
    return _Found(columns, triangles)
