"""Samples in an order, read when they are asked for: what a data set asks of its values.

A NumPy array is `Rows` that are all in memory. Others read from disk only what is asked for, so
that a data set need not fit in memory; what they give for any rows equals, bit for bit, the array
that reading everything would give.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, overload, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int, Shaped

from nebulatent.data.limits import check_memory

BLOCK_BYTES = 1 << 24  # of samples looked at together in one pass over all
LAZY_BYTES = 1 << 30  # beyond, samples stay on disk
TAKEN_BYTES = 1 << 26  # of a part that is held in memory although the whole is not

Numbers = Int[np.ndarray, " rows"]
Index = slice | Numbers


@runtime_checkable
class Rows(Protocol):
    """Samples in an order.

    An index is a slice or an array of row numbers; the result is always an array in memory.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, …), then (features), (points, coordinates) or (channels, height, width)."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Type of a value."""
        ...

    @property
    def ndim(self) -> int:
        """Number of axes."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Index, /) -> Shaped[np.ndarray, "rows *shape"]: ...


class TakenRows:
    """Some rows of others, in an order of their own.

    Arguments:
        rows: The others.
        numbers: Which of them, not negative.
    """

    def __init__(self, rows: Rows, numbers: Numbers) -> None:
        self._rows, self._numbers = rows, numbers
        self.shape, self.dtype, self.ndim = (len(numbers), *rows.shape[1:]), rows.dtype, rows.ndim

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, rows: Index) -> Shaped[np.ndarray, "rows *shape"]:
        return self._rows[self._numbers[positions(rows, len(self))]]


class Scaled:
    """Stored numbers as shares of the largest, made when a batch asks for them.

    Arguments:
        stored: Bytes, or false and true; samples on the first axis.
        largest: What becomes 1.

    Examples:
        >>> Scaled(np.array([[0, 51, 255]], np.uint8), 255)[:]
        array([[0. , 0.2, 1. ]], dtype=float32)
    """

    def __init__(self, stored: Rows, largest: int) -> None:
        self._stored, self._largest = stored, np.float32(largest)
        self.shape, self.ndim, self.dtype = stored.shape, stored.ndim, np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, rows: Index) -> Float32[np.ndarray, "..."]:
        return np.asarray(self._stored[rows], dtype=np.float32) / self._largest


class RowNumbers(Sequence[str]):
    """Numbers of rows as text, made when they are asked for: ids that need no memory.

    Arguments:
        numbers: The numbers.

    Examples:
        >>> ids = RowNumbers(range(10**9))
        >>> ids[7], len(ids)
        ('7', 1000000000)
    """

    def __init__(self, numbers: Sequence[int] | Numbers) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> "RowNumbers": ...

    def __getitem__(self, row: int | slice) -> "str | RowNumbers":
        if isinstance(row, slice):
            return RowNumbers(self._numbers[row])
        return str(self._numbers[row])

    def take(self, rows: Numbers) -> "RowNumbers":
        """The ids of these rows."""
        return RowNumbers(np.asarray(self._numbers)[rows])


def positions(rows: Index, count: int) -> Numbers:
    """The row numbers that an index means, each in 0..count - 1.

    Raises:
        IndexError: If it is neither a slice nor a list of numbers of rows that exist.

    Examples:
        >>> positions(slice(1, None), 3), positions(np.array([-1, 0]), 3)
        (array([1, 2]), array([2, 0]))
    """
    if isinstance(rows, slice):
        return np.arange(*rows.indices(count))
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise IndexError(
            f"`rows` must be a slice or an array of row numbers, got an array of shape "
            f"{numbers.shape} and type {numbers.dtype}."
        )
    numbers = numbers.astype(np.int64)
    numbers[numbers < 0] += count
    if numbers.size and not (0 <= numbers.min() and numbers.max() < count):
        raise IndexError(f"`rows` must lie in 0..{count - 1}, got {np.asarray(rows).tolist()[:3]}.")
    return numbers


def num_bytes(x: Rows) -> int:
    """Memory that all rows together would take."""
    return math.prod(x.shape) * x.dtype.itemsize


def blocks(x: Rows) -> Iterator[Shaped[np.ndarray, "rows *shape"]]:
    """All rows in order, some at a time."""
    step = max(1, BLOCK_BYTES * len(x) // max(1, num_bytes(x)))
    for start in range(0, len(x), step):
        yield x[start : start + step]


def read_later(size: int, lazy: bool | None) -> bool:
    """Whether samples stay on disk: as was asked for, else if there are many bytes of them."""
    return size > LAZY_BYTES if lazy is None else lazy


def held(x: Rows, lazy: bool | None, source: str) -> Rows:
    """The rows as they are if they stay on disk, else all of them in memory.

    Raises:
        ValueError: If they should be held in memory and do not fit.
    """
    size = num_bytes(x)
    if read_later(size, lazy):
        return x
    check_memory(size, source)
    return x[:]


def take_rows(x: Rows, rows: Numbers) -> Rows:
    """These rows: in memory if all are, or if they are few."""
    numbers = positions(rows, len(x))
    if isinstance(x, np.ndarray) or num_bytes(x) // max(1, len(x)) * len(numbers) <= TAKEN_BYTES:
        return x[numbers]
    return TakenRows(x, numbers)


def lazy_note(x: Rows) -> tuple[str, ...]:
    """What people should know of rows that stay on disk."""
    if isinstance(x, np.ndarray):
        return ()
    return (f"Samples stay on disk and are read as they are needed ({num_bytes(x) / 1e9:.2g} GB).",)
