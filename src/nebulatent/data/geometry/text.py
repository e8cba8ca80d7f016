"""Numbers in text, read without believing what the text says of itself.

The cost is proportional to the bytes that are there: at most one array of eight bytes a number and
one entry a line, whatever a header claims.
"""

import re
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from nebulatent.data.geometry.geometry import fans

COMMENT = re.compile(rb"#[^\r\n]*")
LARGEST = 2.0**53  # beyond, floats skip whole numbers
MAX_COLUMNS = 1 << 12
SHOWN = 40  # characters of a wrong line in a message


def split_lines(content: bytes) -> list[bytes]:
    """Lines that hold something beside a comment."""
    if b"#" in content:
        content = COMMENT.sub(b"", content)
    return [line for line in content.splitlines() if line and not line.isspace()]


def to_numbers(text: bytes, source: str, what: str) -> Float[np.ndarray, " numbers"]:
    """All numbers of a text.

    Raises:
        ValueError: If anything else is in it.
    """
    numbers = _parsed(text)
    if numbers is None:
        line = next((line for line in text.splitlines() if _parsed(line) is None), text)
        raise ValueError(f"`{source}` must hold numbers in its {what}, got '{shown(line)}'.")
    return numbers


def to_columns(
    lines: Sequence[bytes], source: str, what: str
) -> Float[np.ndarray, "lines columns"]:
    """Numbers of lines that all hold as many, at least three.

    Raises:
        ValueError: If they do not.
    """
    widths = [len(line.split()) for line in lines]
    columns = widths[0] if widths else 0
    if not 3 <= columns <= MAX_COLUMNS or any(width != columns for width in widths):
        wrong = (
            line for line, width in zip(lines, widths, strict=True) if width != max(columns, 3)
        )
        raise ValueError(
            f"`{source}` must hold as many numbers in each of its {len(lines)} {what} (x, y, z and "
            f"perhaps more), got '{shown(next(wrong, b'nothing'))}'; it is damaged or truncated."
        )
    return to_numbers(b"\n".join(lines), source, what).reshape(len(lines), columns)


def to_triangles(
    lines: Sequence[bytes], source: str, skip: int = 0
) -> Int[np.ndarray, "triangles 3"]:
    """Triangles of lines that each hold a number of corners, the corners, and perhaps more.

    Arguments:
        lines: One polygon each.
        source: The file, for messages.
        skip: Numbers before the number of corners.

    Raises:
        ValueError: If a line does not hold what it says.
    """
    if not skip and (quick := _only_triangles(lines)) is not None:
        return quick
    sizes, corners = [], []
    for line in lines:
        words = line.split()[skip:]
        size = int(words[0]) if words and words[0].isdigit() and len(words[0]) < 10 else -1
        if not 0 <= size < len(words):
            raise ValueError(
                f"`{source}` must hold a number of corners and the corners in each face, got "
                f"'{shown(line)}'; it is damaged or truncated."
            )
        sizes.append(size)
        corners += words[1 : size + 1]
    numbers = to_numbers(b" ".join(corners), source, "faces")
    return fans(np.array(sizes, dtype=np.int64), to_whole(numbers, source, "faces"))


def to_whole(
    numbers: Float[np.ndarray, " numbers"], source: str, what: str
) -> Int[np.ndarray, " numbers"]:
    """The numbers as integers.

    Raises:
        ValueError: If one is not whole.
    """
    whole = (np.abs(numbers) < LARGEST) & (np.rint(numbers) == numbers)
    if not whole.all():
        raise ValueError(
            f"`{source}` must hold whole numbers in its {what}, got {numbers[~whole][0]:g}."
        )
    return numbers.astype(np.int64)


def shown(line: bytes) -> str:
    """The beginning of a line, fit for a message."""
    text = line[:SHOWN].decode("ascii", "replace").strip()
    printable = "".join(c if c.isprintable() and c not in "`\ufffd" else "?" for c in text)
    return printable + ("…" if len(line) > SHOWN else "")


def _only_triangles(lines: Sequence[bytes]) -> Int[np.ndarray, "triangles 3"] | None:
    numbers = _parsed(b"\n".join(lines))
    if numbers is None or len(numbers) != 4 * len(lines):
        return None
    rows = numbers.reshape(-1, 4)
    quick = (rows[:, 0] == 3).all() and (np.abs(rows) < LARGEST).all()
    return rows[:, 1:].astype(np.int64) if quick and (np.rint(rows) == rows).all() else None


def _parsed(text: bytes) -> Float[np.ndarray, " numbers"] | None:
    if text.isspace():
        text = b""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # before NumPy 2.3, text that is no number only warned
        try:
            return np.fromstring(text, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
