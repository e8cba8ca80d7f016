"""Text with one point a line: `.xyz`, `.txt`, `.pts`.

Numbers are parted by blanks, commas or semicolons; the first three are x, y, z. Three more are
taken as a normal if all have length 1, as a colour if they are whole numbers from 0 to 255; Leica's
`.pts` has the intensity before the colour. A first line with one whole number is the number of
points. `#` and `//` begin comments.
"""

import numpy as np
from jaxtyping import Float, UInt8

from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry
from nebulatent.data.geometry.text import split_lines, to_columns

UNIT = 0.02  # how much the length of a normal may differ from 1: files round


def read_xyz(content: bytes, source: str) -> Geometry:
    """The cloud of a text of points.

    Raises:
        ValueError: If a line holds something else than numbers, or fewer than three.
    """
    columns = read_table(content, source)
    more = columns[:, 4:7] if columns.shape[1] == 7 else columns[:, 3:6]
    return Geometry(
        columns[:, :3],
        NO_TRIANGLES,
        more if _are_normals(more) else None,
        _colours(more),
    )


def read_table(content: bytes, source: str) -> Float[np.ndarray, "points columns"]:
    """All columns of a text of points.

    Raises:
        ValueError: If a line holds something else than numbers, or fewer than three.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").translate(bytes.maketrans(b",;", b"  "))
    lines = split_lines(text)
    if b"//" in text:
        lines = [line for line in lines if not line.lstrip().startswith(b"//")]
    if lines and lines[0].strip().isdigit():
        count, lines = lines[0].strip()[:20].decode(), lines[1:]
        if int(count) != len(lines):
            raise ValueError(
                f"`{source}` must hold the {count} points its first line claims, got {len(lines)} "
                "lines: it is truncated or damaged; copy it again."
            )
    return to_columns(lines, source, "points")


def _are_normals(columns: Float[np.ndarray, "points more"]) -> bool:
    if columns.shape[1] != 3 or not (np.abs(columns) <= 1 + UNIT).all():
        return False
    return bool((np.abs(np.linalg.norm(columns, axis=1) - 1) < UNIT).all())


def _colours(columns: Float[np.ndarray, "points more"]) -> UInt8[np.ndarray, "points 3"] | None:
    if columns.shape[1] != 3 or _are_normals(columns):
        return None
    fit = (columns >= 0) & (columns <= 255) & (np.rint(columns) == columns)
    return columns.astype(np.uint8) if fit.all() else None
