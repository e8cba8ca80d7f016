"""What a safetensors file says it holds, checked before any memory is taken for it.

A file is the length of its header (8 bytes, little-endian), the header (JSON), the tensors' bytes:

    {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}

The tensors must fill the rest of the file without gap or overlap, so that a file which was cut off
or made longer is known by its size alone.
"""

import math
import os
from typing import Any, BinaryIO, NamedTuple

import torch

from nebulatent.training.strict_json import parse_json

MAX_HEADER = 2**26
MAX_AXES = 64
DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
}


class Place(NamedTuple):
    """One tensor of a file, `start` and `end` counted in bytes from the end of the header."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    end: int


class Frame(NamedTuple):
    """Metadata and tensors of a file, the latter in the order in which they lie there."""

    metadata: dict[str, str]
    places: tuple[Place, ...]


def read_frame(file: BinaryIO) -> Frame:
    """Read and check the header; what follows in the file are the tensors.

    Raises:
        ValueError: If the file cannot be what its header says; the message is half a sentence.
    """
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        raise ValueError(f"a file of {size} bytes" if size else "an empty file")
    length = int.from_bytes(file.read(8), "little")
    if length > min(size - 8, MAX_HEADER):
        raise ValueError(
            f"{size} bytes whose header claims {length} (it may take {MAX_HEADER} at most)"
        )
    try:
        header = parse_json(file.read(length).decode())
    except ValueError as error:
        raise ValueError(f"a header that is {_after_codec(error)}") from error
    if not isinstance(header, dict):
        raise ValueError("a header that is no JSON object")
    metadata = _checked_metadata(header.pop("__metadata__", {}))
    places = sorted(
        (_place(name, entry) for name, entry in header.items()), key=lambda p: (p.start, p.end)
    )
    _check_cover(places, size - 8 - length)
    return Frame(metadata, tuple(places))


def shown(name: str) -> str:
    """A name from a file as part of a message: short, on one line, without control characters."""
    return repr(name if len(name) <= 80 else name[:77] + "...")[1:-1]


def _after_codec(error: ValueError) -> str:
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _checked_metadata(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("a header whose metadata are not texts")
    return metadata


def _place(name: str, entry: object) -> Place:
    where = f"a header with a wrong entry `{shown(name)}`"
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{where} (it must have dtype, shape and data_offsets)")
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise ValueError(f"{where} (its dtype is none of {', '.join(DTYPES)})")
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _sizes(shape) or len(shape) > MAX_AXES or not _sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{where} (its shape and offsets must be lists of sizes)")
    # An axis of size 0 must not hide others whose product no tensor could have.
    if math.prod(size or 1 for size in shape) >= 2**63:
        raise ValueError(f"{where} (its shape is too large)")
    start, end = offsets
    if end - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{where} (its offsets do not agree with its shape)")
    return Place(name, dtype, tuple(shape), start, end)


def _sizes(values: Any) -> bool:  # noqa: ANN401
    """Whether it is a list of whole numbers that could be sizes."""
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**63 for v in values)


def _check_cover(places: list[Place], stored: int) -> None:
    """Refuse gaps, overlaps, and a file of another size than its tensors."""
    ends = [0, *(place.end for place in places)]
    if any(place.start != end for place, end in zip(places, ends, strict=False)):
        raise ValueError("a header whose tensors overlap or leave gaps")
    if stored != ends[-1]:
        what = "truncated" if stored < ends[-1] else "longer than it says"
        raise ValueError(f"{stored} bytes of tensors where its header claims {ends[-1]} ({what})")
