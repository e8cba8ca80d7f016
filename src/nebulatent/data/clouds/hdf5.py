"""Arrays of HDF5 files, their headers checked before anything is read.

Only plain arrays are read: an array that refers to other files, is put together from others, or is
packed by a filter that a plug-in would have to unpack, is refused, and so are Python objects. The
bytes that an array claims must be there; packed with gzip, not more than it can pack.

h5py (extra `mesh`) is imported when the first file is read. Nothing stays open between calls.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from nebulatent.data.limits import DEFLATE_RATIO
from nebulatent.data.parts import gone
from nebulatent.data.rows import Index, positions

if TYPE_CHECKING:
    import h5py

MAGIC = b"\x89HDF\r\n\x1a\n"
PLAIN_FILTERS = {1, 2, 3}  # gzip, shuffle, checksum: those that every HDF5 library has
MAX_ARRAYS = 64  # of one file, others are not looked at
MAX_NAME = 80  # characters
SPARE = 1 << 20  # bytes by which a chunk may exceed its array


class H5Array(NamedTuple):
    """What a file says of one of its arrays.

    Arguments:
        path: The file.
        name: Of the array.
        shape: Sizes of its axes.
        dtype: Type of a number.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"{self.path}, array '{self.name}'"


class H5Rows:
    """Rows of arrays of the same name in several files, one file after the other.

    Arguments:
        arrays: At least one.

    Raises:
        ValueError: If they do not fit together.
    """

    def __init__(self, arrays: Sequence[H5Array]) -> None:
        first = arrays[0]
        for array in arrays:
            if array.shape[1:] != first.shape[1:] or array.dtype != first.dtype:
                raise ValueError(
                    f"`{array}` must have the shape and type of `{first}` but for the number of "
                    f"rows, got {array.dtype}{list(array.shape)} and "
                    f"{first.dtype}{list(first.shape)}."
                )
        self._arrays = arrays
        self._ends = np.cumsum([array.shape[0] for array in arrays])
        self.shape, self.dtype = (int(self._ends[-1]), *first.shape[1:]), first.dtype
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Index) -> Shaped[np.ndarray, "rows *shape"]:
        numbers = positions(rows, len(self))
        x = np.empty((len(numbers), *self.shape[1:]), dtype=self.dtype)
        which = np.searchsorted(self._ends, numbers, side="right")
        for file in np.unique(which):
            array, mine = self._arrays[file], which == file
            start = self._ends[file] - array.shape[0]
            x[mine] = _read_rows(array, numbers[mine] - start)
        return x


def read_h5_arrays(path: Path) -> dict[str, H5Array]:
    """The arrays of numbers at the top of a file, by name in small letters.

    Raises:
        ValueError: If the file is damaged, or one of its arrays is none that is read.
    """
    with _opened(path) as file:
        names = list(itertools.islice(file, MAX_ARRAYS))
        arrays = [found for name in names if (found := _look(file, name, path)) is not None]
    for array, storage in arrays:
        _check_storage(array, storage)
    return {array.name.lower(): array for array, _ in arrays}


def read_whole(array: H5Array) -> Shaped[np.ndarray, "rows *shape"]:
    """All of an array."""
    return H5Rows([array])[:]


def _read_rows(array: H5Array, numbers: Int[np.ndarray, " rows"]) -> Shaped[np.ndarray, "..."]:
    # h5py wants rows in order, each once.
    ordered, back = np.unique(numbers, return_inverse=True)
    if len(ordered) and ordered[-1] - ordered[0] + 1 == len(ordered):
        ordered = slice(int(ordered[0]), int(ordered[-1]) + 1)
    with _opened(array.path) as file:
        dataset = _dataset(file, array.name)
        same = dataset is not None and (dataset.shape, dataset.dtype) == (array.shape, array.dtype)
        rows = dataset[ordered][back] if same and dataset is not None else None
    if rows is None:
        raise ValueError(f"`{array}` must stay as it was, got other numbers; restore it.")
    return rows


def _dataset(file: "h5py.File", name: str) -> "h5py.Dataset | None":
    """An array; None if there is none, or its name leads elsewhere, even to other files."""
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return None
    dataset = file[name]
    return dataset if isinstance(dataset, h5py.Dataset) else None


class _Storage(NamedTuple):
    """Where the bytes of an array are.

    Arguments:
        stored: How many are in the file.
        filters: Numbers of the filters that packed them.
        chunk: Values that are unpacked at once.
        elsewhere: Whether they are in other files, or those of other arrays.
    """

    stored: int
    filters: frozenset[int]
    chunk: int
    elsewhere: bool


def _look(file: "h5py.File", name: str, path: Path) -> tuple[H5Array, _Storage] | None:
    """What is said of an array of numbers; None if the name is of none."""
    dataset = _dataset(file, name) if name.isprintable() and len(name) <= MAX_NAME else None
    if dataset is None or dataset.dtype.kind not in "biuf":
        return None
    plist = dataset.id.get_create_plist()
    filters = frozenset(plist.get_filter(number)[0] for number in range(plist.get_nfilters()))
    return H5Array(path, name, dataset.shape or (), dataset.dtype), _Storage(
        dataset.id.get_storage_size(),
        filters,
        math.prod(dataset.chunks or (0,)),
        bool(dataset.external) or dataset.is_virtual,
    )


def _check_storage(array: H5Array, storage: _Storage) -> None:
    if storage.elsewhere or not storage.filters <= PLAIN_FILTERS:
        raise ValueError(
            f"`{array}` must lie in this file, plain or packed with gzip, got another way of "
            "storing it; save it again."
        )
    claimed = math.prod(array.shape) * array.dtype.itemsize
    most = DEFLATE_RATIO * (storage.stored + 1) if storage.filters else storage.stored
    if claimed > most:
        raise ValueError(
            f"`{array}` must hold the {claimed} bytes its header claims, got {storage.stored}: it "
            "is truncated or was never filled; copy or create it again."
        )
    # A chunk is unpacked whole, whatever is asked of it.
    if (chunk := storage.chunk * array.dtype.itemsize) > 2 * claimed + SPARE:
        raise ValueError(
            f"`{array}` must be stored in chunks not larger than itself, got {chunk} bytes; save "
            "it again."
        )


@contextmanager
def _opened(path: Path) -> Iterator["h5py.File"]:
    """Open a file; whatever the library raises becomes one sentence that names the file."""
    try:
        import h5py
    except ImportError as error:
        raise ValueError(
            f"`{path}` must be read with h5py, got no such package; install nebulatent[mesh]."
        ) from error
    if not path.is_file():
        raise FileNotFoundError(gone(path))
    with path.open("rb") as start:
        magic = start.read(len(MAGIC))
    try:
        if magic != MAGIC:
            raise OSError("no HDF5")
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except Exception as error:  # damaged files make the library raise nearly anything
        raise ValueError(
            f"`{path}` must be a complete HDF5 file of plain arrays, got one that is truncated, "
            "damaged or of another kind; copy it again."
        ) from error
