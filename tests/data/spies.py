"""Rows that tell what was read of them."""

import numpy as np

from nebulatent.data.rows import Index, positions


class SpyRows:
    """An array in the guise of rows on disk."""

    def __init__(self, x: np.ndarray) -> None:
        self._x = x
        self.shape, self.dtype, self.ndim = x.shape, x.dtype, x.ndim
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, rows: Index) -> np.ndarray:
        numbers = positions(rows, len(self))
        self.read += numbers.tolist()
        return self._x[numbers]
