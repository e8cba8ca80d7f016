"""What the header of a NumPy array says, checked before anything is read or allocated."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

MAX_SIZE = 1 << 62  # of one axis
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class Header(NamedTuple):
    """What precedes the numbers of an array.

    Arguments:
        shape: Sizes of the axes.
        dtype: Type of a number, as stored.
        start: Bytes of the header.
        by_row: Whether the last axis varies fastest; else the first (Fortran's order).
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    start: int
    by_row: bool

    @property
    def size(self) -> int:
        """Bytes of header and numbers together."""
        return self.start + math.prod(self.shape) * self.dtype.itemsize


def read_header(opened: Callable[[], IO[bytes]], source: str) -> Header:
    """The header at the beginning of a stream.

    Raises:
        ValueError: If there is none, or what follows is not plain numbers or text.
    """
    try:
        with opened() as stream:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, by_column, dtype = read(stream)
            start = stream.tell()
    except DAMAGED as error:
        raise ValueError(
            f"`{source}` must begin with a NumPy header, got something else: it is truncated, "
            "damaged or another kind of file (pickles are never read); save it again with NumPy."
        ) from error
    header = Header(shape, dtype, start, not by_column)
    _check_plain_numbers(header, source)
    return header


def _check_plain_numbers(header: Header, source: str) -> None:
    if header.dtype.hasobject:
        raise ValueError(
            f"`{source}` must hold plain arrays, got Python objects (a pickle), which are refused "
            "and never unpickled; save numbers, or text with .astype(str), or leave that array out."
        )
    if header.dtype.kind not in "buifSU" or any(not 0 <= size < MAX_SIZE for size in header.shape):
        raise ValueError(
            f"`{source}` must hold real numbers (or text, for labels and ids), got type "
            f"'{header.dtype.kind}' with {len(header.shape)} axes; convert it before saving."
        )
