"""Arrays that lie one by one in larger files, as rows: the `.npy` members of tars."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, Shaped

from nebulatent.data.limits import check_stored
from nebulatent.data.mapped import LaidOutRows, lay_out
from nebulatent.data.npy_header import Header, read_header
from nebulatent.data.parts import Part, read_part, read_rows
from nebulatent.data.rows import Index, positions

HEADER_BYTES = 1 << 14  # NumPy reads none that is longer


class PartRows:
    """Arrays of one shape and type, one a row, in the axes in which they are stored.

    Arguments:
        parts: The numbers of each array, without its header.
        shape: Shape of one array.
        dtype: Type of their numbers, as stored.
    """

    def __init__(self, parts: Sequence[Part], shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._paths = list(dict.fromkeys(part.path for part in parts))
        number = {path: i for i, path in enumerate(self._paths)}
        self._file = np.array([number[part.path] for part in parts])
        self._offset = np.array([part.offset for part in parts])
        self.shape, self.dtype, self.ndim = (len(parts), *shape), dtype, 1 + len(shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Index) -> Shaped[np.ndarray, "rows *shape"]:
        numbers = positions(rows, len(self))
        stored = np.empty((len(numbers), *self.shape[1:]), dtype=self.dtype)
        files, offsets = self._file[numbers], self._offset[numbers]
        for file in np.unique(files):
            stored[files == file] = self._read(file, offsets[files == file])
        return stored

    def _read(
        self, file: int, offsets: Int[np.ndarray, " rows"]
    ) -> Shaped[np.ndarray, "rows *shape"]:
        rows = np.empty((len(offsets), *self.shape[1:]), dtype=self.dtype)
        read_rows(self._paths[file], offsets, rows)
        return rows


def array_rows(members: Sequence[Part], source: str) -> tuple[LaidOutRows, tuple[str, ...]]:
    """Samples of `.npy` members, and notes for people.

    Raises:
        ValueError: If a member is no array of plain numbers, or they differ in shape or type.
    """
    headers = [_header(part) for part in members]
    first = headers[0]
    for part, header in zip(members, headers, strict=True):
        if (header.shape, header.dtype) != (first.shape, first.dtype):
            raise ValueError(
                f"`{part}` must have the shape and type of the first sample "
                f"({first.dtype}{list(first.shape)}), got {header.dtype}{list(header.shape)}."
            )
    parts = [
        part._replace(offset=part.offset + header.start)
        for part, header in zip(members, headers, strict=True)
    ]
    return lay_out(PartRows(parts, first.shape, first.dtype), source)


def _header(part: Part) -> Header:
    begin = part._replace(size=min(part.size, HEADER_BYTES))
    header = read_header(lambda: read_part(begin), str(part))
    check_stored(header.size, part.size, str(part))
    if not header.by_row:
        raise ValueError(
            f"`{part}` must store row after row, got Fortran's order; save np.ascontiguousarray "
            "of it."
        )
    return header
