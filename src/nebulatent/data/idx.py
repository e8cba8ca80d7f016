r"""MNIST's IDX format: one file, and a folder of them with its official splits.

A file is, in big-endian bytes: two zeros, a type code, the number of axes :math:`r`, then
:math:`r` sizes of four bytes, then the numbers. It may be packed with gzip; whether it is, is
told from its first bytes, not from its name (browsers unpack silently).

============ ======================= ==========================================
split        images                  labels
============ ======================= ==========================================
train        train-images-idx3-ubyte train-labels-idx1-ubyte
test         t10k-images-idx3-ubyte  t10k-labels-idx1-ubyte
all          both, training first    both
============ ======================= ==========================================

Each may end in `.gz`. A folder with one set of another name gives that set for every split.
"""

import gzip
import math
import re
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from nebulatent.data.layout import to_samples
from nebulatent.data.limits import check_deflated, check_plain
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGES = re.compile(r"(?P<name>.*?)[-_.]?images[-.]idx3-ubyte(\.gz)?")
CHUNK = 1 << 20
MAX_AXES = 4


def read_idx(path: Path) -> Shaped[np.ndarray, "..."]:
    """The array of one IDX file.

    Raises:
        ValueError: If the file is not complete IDX, plain or packed with gzip.
    """
    stored = path.stat().st_size
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            return _read_stream(file, path, stored, packed=False)
        try:
            with gzip.open(file) as stream:
                return _read_stream(stream, path, stored, packed=True)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"`{path}` must be a complete gzip file, got one that is truncated or damaged; "
                "copy it again."
            ) from error


def _read_stream(
    stream: BufferedIOBase, path: Path, stored: int, *, packed: bool
) -> Shaped[np.ndarray, "..."]:
    dtype, shape = _read_header(stream, path)
    header, body = 4 + 4 * len(shape), math.prod(shape) * dtype.itemsize
    (check_deflated if packed else check_plain)(header + body, stored, str(path))
    numbers = _read_bytes(stream, body)
    if len(numbers) < body or stream.read(1):
        got = f"only {len(numbers)}" if len(numbers) < body else "more"
        raise ValueError(
            f"`{path}` must hold the {body} bytes of numbers its header claims, got {got}: the "
            "file is truncated or damaged; copy it again."
        )
    array = np.frombuffer(numbers, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: BufferedIOBase, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = _read_bytes(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise ValueError(
            f"`{path}` must begin with IDX's magic number (00 00, type, axes), got "
            f"'{magic.hex(' ')}'; it is another kind of file or damaged."
        )
    if not 1 <= magic[3] <= MAX_AXES:
        raise ValueError(f"`{path}` must have 1 to {MAX_AXES} axes, got {magic[3]}.")
    sizes = _read_bytes(stream, 4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(
            f"`{path}` must hold {magic[3]} sizes in its header, got only {len(sizes)} bytes: the "
            "file is truncated; copy it again."
        )
    return np.dtype(TYPES[magic[2]]), tuple(int(n) for n in np.frombuffer(sizes, dtype=">u4"))


def _read_bytes(stream: BufferedIOBase, count: int) -> bytearray:
    """At most `count` bytes, allocated only as they arrive."""
    got = bytearray()
    while len(got) < count and (chunk := stream.read(min(CHUNK, count - len(got)))):
        got += chunk
    return got


def find_idx_sets(folder: Path) -> dict[str, Path]:
    """Image files of a folder by the name of their set ("train", "t10k", …), plain before gzip."""
    sets: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = IMAGES.fullmatch(path.name)
        if match and path.is_file() and not path.name.startswith("."):
            sets.setdefault(match["name"], path)
    return sets


def read_idx_folder(folder: Path, split: Split) -> Table:
    """The images of one split of a folder, with their labels where the folder has them.

    Raises:
        FileNotFoundError: If the split is not there.
        ValueError: If it is not clear which files are meant, or a file is damaged.
    """
    return _read_sets(*_choose(find_idx_sets(folder), split, folder))


def read_idx_set(images: Path) -> Table:
    """One file of images, with the file of labels beside it if there is one."""
    return _read_sets([images], (NO_SPLIT,))


def _choose(
    sets: dict[str, Path], split: Split, folder: Path
) -> tuple[list[Path], tuple[str, ...]]:
    parts = {part: [n for n in sets if _part(n) == part] for part in ("train", "test", "")}
    official = parts["train"] or parts["test"]
    wanted = ("train", "test") if split == "all" else (split,)
    chosen = [name for part in (wanted if official else ("",)) for name in parts[part]]
    if not chosen:
        raise FileNotFoundError(
            f"`{folder}` must hold the {split} images ({_stem(split)}-images-idx3-ubyte, plain or "
            f".gz), got only {_names(sets)}; choose another split."
        )
    if len({_part(name) for name in chosen}) < len(chosen):
        raise ValueError(
            f"`{folder}` must hold one set of images per split, got {_names(sets)}; move each set "
            "to a folder of its own."
        )
    note = () if official else (NO_SPLIT,)
    return [sets[name] for name in chosen], note


def _part(name: str) -> str:
    if name.endswith("train"):
        return "train"
    return "test" if name.endswith(("t10k", "test")) else ""


def _stem(split: Split) -> str:
    return "t10k" if split == "test" else "train"


def _names(sets: dict[str, Path]) -> str:
    return ", ".join(path.name for path in sets.values())


def _read_sets(paths: list[Path], notes: tuple[str, ...]) -> Table:
    source = " and ".join(str(path) for path in paths)
    arrays = [_read_images(path) for path in paths]
    if len({array.shape[1:] for array in arrays}) > 1:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{source} must hold images of one size, got shapes {shapes}.")
    labels = [read_idx(path) for image in paths if (path := _label_file(image))]
    if labels and len(labels) < len(arrays):
        notes = (*notes, "Labels were left out: only a part of the images has a label file.")
    x, more = to_samples(arrays[0] if len(arrays) == 1 else np.concatenate(arrays), source)
    return build_table(
        x,
        source=source,
        labels=np.concatenate(labels) if len(labels) == len(arrays) else None,
        notes=(*notes, *more),
    )


def _read_images(path: Path) -> Shaped[np.ndarray, "samples height width"]:
    images = read_idx(path)
    if images.ndim != 3:
        raise ValueError(
            f"`{path}` must hold images (3 axes: count, height, width), got {images.ndim} axes."
        )
    return images


def _label_file(images: Path) -> Path | None:
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for candidate in (images.with_name(name), images.with_name(name + ".gz")):
        if candidate.is_file():
            return candidate
    return None
