"""The rows of an `.npy` file, read where they lie."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from nebulatent.data.layout import Layout, choose_layout
from nebulatent.data.npy_header import Header
from nebulatent.data.parts import read_rows
from nebulatent.data.rows import Index, Rows, blocks, positions


class MappedRows:
    """Rows of an `.npy` file in the types and axes in which it stores them.

    Arguments:
        path: The file.
        header: What its header says, checked against its size.

    Raises:
        ValueError: If the file does not store row after row.
    """

    def __init__(self, path: Path, header: Header) -> None:
        if not header.by_row:
            raise ValueError(
                f"`{path}` must store row after row to be read row by row, got Fortran's order; "
                "save np.ascontiguousarray of it, or read it with lazy=False."
            )
        self._path, self._start = path, header.start
        self.shape, self.dtype, self.ndim = header.shape, header.dtype, len(header.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Index) -> Shaped[np.ndarray, "rows *shape"]:
        numbers = positions(rows, len(self))
        stored = np.empty((len(numbers), *self.shape[1:]), dtype=self.dtype)
        read_rows(self._path, self._start + numbers * stored[:1].nbytes, stored)
        return stored


class LaidOutRows:
    """Stored rows, brought into the layout of a table as they are read.

    Arguments:
        stored: Rows as stored.
        layout: What becomes of them.
    """

    def __init__(self, stored: Rows, layout: Layout) -> None:
        self._stored, self._layout = stored, layout
        self.shape, self.dtype = (len(stored), *layout.shape), layout.dtype
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, rows: Index) -> Shaped[np.ndarray, "rows *shape"]:
        return self._layout.apply(self._stored[rows])


def lay_out(stored: Rows, source: str) -> tuple[LaidOutRows, tuple[str, ...]]:
    """Samples of stored rows, and notes for people.

    Raises:
        ValueError: If the axes are not of samples.
    """
    layout = choose_layout(stored.shape, stored.dtype, lambda: blocks(stored), source)
    return LaidOutRows(stored, layout), layout.notes
