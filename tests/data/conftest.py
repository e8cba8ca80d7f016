"""Writers of small data sets, and the shape that every error message must have."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}

WriteIdx = Callable[[Path, np.ndarray], Path]


def _idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(">HBB", 0, IDX_CODES[array.dtype.str[1:]], array.ndim)
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return header + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="session")
def write_idx() -> WriteIdx:
    """Write an array as IDX, packed if the name says so."""

    def write(path: Path, array: np.ndarray) -> Path:
        content = _idx_bytes(array)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """Six grey images of 4×5."""
    return np.random.default_rng(0).integers(0, 256, (6, 4, 5)).astype(np.uint8)


@pytest.fixture
def mnist_like(tmp_path: Path, write_idx: WriteIdx, pixels: np.ndarray) -> Path:
    """A folder in MNIST's layout: 6 training and 3 test images."""
    labels = np.array([5, 0, 4, 1, 9, 2], dtype=np.uint8)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", pixels)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", labels)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", pixels[3:])
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", labels[3:])
    return tmp_path


@pytest.fixture(scope="session")
def is_sentence() -> Callable[[BaseException], bool]:
    """Whether a message is one sentence a person can read."""

    def check(error: BaseException) -> bool:
        text = str(error)
        return text.endswith(".") and "\n" not in text and 20 < len(text) < 600

    return check
