"""OFF, the Object File Format of Geomview: `.off`.

A word, three counts (points, faces, edges), one line a point, one line a face: the number of its
corners, then their points counted from 0, then perhaps a colour. The word is `OFF`, with letters
before it that say what a point has beside its position: `N` a normal, `C` a colour, `ST` a texture
coordinate. `#` begins a comment.

Our reading: thousands of ModelNet40's files lack the line break after the word (`OFF1568 1032 0`),
and some lines end in carriage returns; both are read. The number of edges is often 0 and says
nothing, so it is not looked at.
"""

import re

import numpy as np
from jaxtyping import Float, UInt8

from nebulatent.data.geometry.geometry import Geometry
from nebulatent.data.geometry.text import shown, split_lines, to_columns, to_triangles

WORD = re.compile(rb"\s*(ST)?(C)?(N)?(4|n)?OFF(?![A-Za-z])[ \t]*(BINARY)?")
COUNTS = re.compile(rb"\s*(\d{1,15})\s+(\d{1,15})(\s+\d{1,15})?\s*")


def read_off(content: bytes, source: str) -> Geometry:
    """The mesh of an OFF file; a cloud if it has no faces.

    Raises:
        ValueError: If the file is not complete OFF text in three dimensions.
    """
    word = WORD.match(content.lstrip(b"\xef\xbb\xbf"))
    if not word or word[4] or word[5]:
        raise ValueError(
            f"`{source}` must begin with the word OFF (text, three dimensions), got "
            f"'{shown(content[:20])}'; it is another kind of file or damaged."
        )
    lines = split_lines(content.lstrip(b"\xef\xbb\xbf")[word.end() :])
    counts = COUNTS.fullmatch(lines[0]) if lines else None
    if not counts:
        got = shown(lines[0]) if lines else "nothing"
        raise ValueError(f"`{source}` must say how many points and faces it has, got '{got}'.")
    num_points, num_faces = int(counts[1]), int(counts[2])
    if num_points + num_faces != len(lines) - 1:
        raise ValueError(
            f"`{source}` must hold the {num_points} points and {num_faces} faces its header "
            f"claims, one a line, got {len(lines) - 1} lines: it is truncated or damaged; copy it "
            "again."
        )
    columns = to_columns(lines[1 : num_points + 1], source, "points")
    after = 6 if word[3] else 3
    return Geometry(
        columns[:, :3],
        to_triangles(lines[num_points + 1 :], source),
        columns[:, 3:6] if word[3] and columns.shape[1] >= 6 else None,
        _colours(columns[:, after : after + 3]) if word[2] else None,
    )


def _colours(columns: Float[np.ndarray, "points channels"]) -> UInt8[np.ndarray, "points 3"] | None:
    """Colours from 0 to 255; those of a file may also go from 0 to 1."""
    if columns.shape[1] < 3 or not (np.isfinite(columns).all() and columns.min() >= 0):
        return None
    full = 1.0 if columns.max() <= 1 else 255.0
    return np.rint(np.minimum(columns / full, 1) * 255).astype(np.uint8)
