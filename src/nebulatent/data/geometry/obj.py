"""OBJ, Wavefront's text format: `.obj`.

Lines `v x y z` are points (perhaps with a colour behind), lines `f a b c …` faces. A corner is a
number of a point counted from 1, or from the latest point backwards if negative, and may name a
texture coordinate and a normal behind slashes (`7/1/3`), which are not read. All objects and
groups of a file are one mesh; materials and other files are never opened.
"""

import numpy as np
from jaxtyping import Float, Int, UInt8

from nebulatent.data.geometry.geometry import Geometry, fans
from nebulatent.data.geometry.text import shown, split_lines, to_columns, to_numbers, to_whole


def read_obj(content: bytes, source: str) -> Geometry:
    """The mesh of an OBJ file; a cloud if it has no faces.

    Raises:
        ValueError: If the file has no points, or a line of a point or face is damaged.
    """
    points, faces, seen = _sort_lines(content)
    if not points:
        raise ValueError(
            f"`{source}` must hold points in lines that begin with v, got none; it is another kind "
            "of file or damaged."
        )
    columns = _columns(points, source)
    return Geometry(columns[:, :3], _triangles(faces, seen, source), colours=_colours(columns))


def _sort_lines(content: bytes) -> tuple[list[bytes], list[bytes], list[int]]:
    """What follows `v`, what follows `f`, and for each of these the points so far."""
    points, faces, seen = [], [], []
    for line in split_lines(content.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")):
        line = line.lstrip()
        if line[:1] == b"v" and line[1:2].isspace():
            points.append(line[2:])
        elif line[:1] == b"f" and line[1:2].isspace():
            faces.append(line[2:])
            seen.append(len(points))
    return points, faces, seen


def _columns(points: list[bytes], source: str) -> Float[np.ndarray, "points columns"]:
    if len({len(line.split()) for line in points}) > 1:  # a colour or a weight at some points only
        points = [b" ".join(line.split(None, 3)[:3]) for line in points]
    return to_columns(points, source, "points")


def _colours(columns: Float[np.ndarray, "points columns"]) -> UInt8[np.ndarray, "points 3"] | None:
    """Colours from 0 to 1, which some programs write behind the position."""
    colours = columns[:, 3:]
    if colours.shape[1] != 3 or not ((colours >= 0) & (colours <= 1)).all():
        return None
    return np.rint(colours * 255).astype(np.uint8)


def _triangles(faces: list[bytes], seen: list[int], source: str) -> Int[np.ndarray, "triangles 3"]:
    words = [line.split() for line in faces]
    sizes = np.array([len(corners) for corners in words], dtype=np.int64)
    text = b" ".join(word.partition(b"/")[0] for corners in words for word in corners)
    corners = to_whole(to_numbers(text, source, "faces"), source, "faces")
    if len(corners) != sizes.sum() or not corners.all():
        wrong = next((f for f in faces if any(w[:1] in b"/0" for w in f.split())), b"nothing")
        raise ValueError(
            f"`{source}` must count the points of its faces from 1, got '{shown(wrong)}'."
        )
    latest = np.repeat(np.array(seen, dtype=np.int64), sizes)
    return fans(sizes, np.where(corners < 0, corners + latest, corners - 1))
