"""Bytes at known places of a file, read when they are needed.

Reads, not a memory map: the pages of a map count as this process's memory for as long as it lives,
and a file that is cut short under a map kills the process, where a read gives a sentence. Nothing
stays open between calls, so that readers can be copied into the workers of a data loader.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped, UInt8


class Part(NamedTuple):
    """Bytes inside a larger file.

    Arguments:
        path: The file.
        offset: Of the first byte.
        size: Number of bytes.
        name: What they are called inside the file, for messages.
    """

    path: Path
    offset: int
    size: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}, member {self.name}"


def read_part(part: Part) -> io.BytesIO:
    """The bytes of a part.

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the file has become too short.
    """
    stored = np.empty((1, part.size), dtype=np.uint8)
    read_rows(part.path, np.array([part.offset]), stored)
    return io.BytesIO(stored.data)


def read_rows(
    path: Path, offsets: Int[np.ndarray, " rows"], rows: Shaped[np.ndarray, "rows *shape"]
) -> None:
    """Fill each row with the bytes at its offset; neighbours are read in one go.

    Arguments:
        path: The file.
        offsets: Where each row begins in the file.
        rows: Contiguous memory to fill, as the values are stored.

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the file has become too short.
    """
    if not rows.size:
        return
    stored = rows.reshape(len(rows), -1).view(np.uint8)
    apart = np.flatnonzero(np.diff(offsets) != stored.shape[1]) + 1
    with _still_there(path), path.open("rb", buffering=0) as file:
        for start, run in zip([0, *apart], np.split(stored, apart), strict=True):
            file.seek(int(offsets[start]))
            _fill(file, run, path)


def _fill(file: io.FileIO, run: UInt8[np.ndarray, "rows bytes"], path: Path) -> None:
    rest = run.reshape(-1).data
    while rest:
        count = file.readinto(rest)
        if not count:
            raise ValueError(
                f"`{path}` must stay as it was when it was opened, got an end {len(rest)} bytes "
                "early: it was cut short since; restore it and go on."
            )
        rest = rest[count:]


@contextmanager
def _still_there(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(gone(path)) from error


def gone(path: Path | Part) -> str:
    """The sentence for a file that was there before."""
    return (
        f"`{path}` must stay in place while it is read, got nothing of that name: it was moved or "
        "deleted since; put it back and go on."
    )
