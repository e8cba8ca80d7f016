"""PCD, the Point Cloud Library's format: `.pcd`, text, binary or compressed.

Lines of a word and values (`FIELDS x y z rgb`, `SIZE`, `TYPE`, `COUNT`, `WIDTH`, `HEIGHT`,
`POINTS`), then `DATA` and the points. Compressed, fields lie one after the other, packed with LZF
(:mod:`.lzf`). `rgb` is a colour packed into the bits of a float. A point whose position is not a
number marks a hole in the sensor's picture, by the format, and is left out.
"""

import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8

from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry
from nebulatent.data.geometry.lzf import RATIO, unpack_lzf
from nebulatent.data.geometry.text import shown, split_lines, to_columns

DATA = re.compile(rb"(?:^|\n)DATA[ \t]+(ascii|binary_compressed|binary)[ \t]*(\r\n|\n)")
MAX_HEADER = 1 << 14
MAX_VALUES = 1 << 10  # of one field of a point (a histogram has some hundreds)
KINDS = {"F": "f", "I": "i", "U": "u"}
SIZES = {"F": (4, 8), "I": (1, 2, 4, 8), "U": (1, 2, 4, 8)}


class _Header(NamedTuple):
    record: np.dtype  # of one point
    number: int
    form: str  # ascii, binary or binary_compressed
    start: int


def read_pcd(content: bytes, source: str) -> Geometry:
    """The cloud of a PCD file.

    Raises:
        ValueError: If the file is damaged or truncated, or has no x, y, z.
    """
    header = _read_header(content, source)
    body = content[header.start :]
    read = {"ascii": _read_text, "binary": _read_binary}.get(header.form, _read_compressed)
    fields = read(header, body, source)
    points = np.stack([fields[name].astype(np.float64) for name in "xyz"], axis=1)
    kept = ~np.isnan(points).any(axis=1)
    normals = ("normal_x", "normal_y", "normal_z")
    has_normals = all(name in fields and fields[name].ndim == 1 for name in normals)
    return Geometry(
        points[kept],
        NO_TRIANGLES,
        np.stack([fields[name][kept] for name in normals], axis=1) if has_normals else None,
        _colours(fields["rgb"][kept]) if "rgb" in fields else None,
    )


def _read_header(content: bytes, source: str) -> _Header:
    data = DATA.search(content[:MAX_HEADER])
    lines = split_lines(content[: data.start() + 1]) if data else []
    words = {w[0]: w[1:] for line in lines if (w := line.decode("ascii", "replace").split())}
    record = _record(words)
    count = (words.get("POINTS") or [""])[0]
    if data is None or record is None or not (count.isascii() and count.isdigit()):
        raise ValueError(
            f"`{source}` must have a header of PCD with FIELDS x y z, SIZE, TYPE, POINTS and DATA, "
            f"got '{shown(content)}'; it is another kind of file or damaged."
        )
    return _Header(record, int(count[:18]), data[1].decode(), data.end())


def _record(words: dict[str, list[str]]) -> np.dtype | None:
    """Type of a point; None if the header does not describe one."""
    names, sizes, kinds = (words.get(key, []) for key in ("FIELDS", "SIZE", "TYPE"))
    counts = words.get("COUNT", ["1"] * len(names))
    if not len(names) == len(sizes) == len(kinds) == len(counts) or not {*"xyz"} <= {*names}:
        return None
    fields = []
    for number, (name, size, kind, values) in enumerate(
        zip(names, sizes, kinds, counts, strict=True)
    ):
        if kind not in KINDS or size not in map(str, SIZES[kind]) or not values.isdecimal():
            return None
        # `_` is a gap and may be there many times.
        plain = name if name != "_" and name not in names[:number] else f"_{number}"
        if len(values) > 4 or int(values) > MAX_VALUES or (name in "xyz" and values != "1"):
            return None
        shape = () if int(values) == 1 else (int(values),)
        fields.append((plain, f"<{KINDS[kind]}{size}", shape))
    return np.dtype(fields)


def _read_text(header: _Header, body: bytes, source: str) -> dict[str, Shaped[np.ndarray, "..."]]:
    lines = split_lines(body)
    _check_count(len(lines), header.number, "lines", source)
    table = to_columns(lines, source, "points")
    widths = [header.record[name].shape or (1,) for name in header.record.names or ()]
    _check_count(table.shape[1], sum(width[0] for width in widths), "numbers a point", source)
    fields, place = {}, 0
    for name, width in zip(header.record.names or (), widths, strict=True):
        columns = table[:, place] if width == (1,) else table[:, place : place + width[0]]
        fields[name], place = columns, place + width[0]
    if "rgb" in fields and header.record["rgb"].kind == "f":
        with np.errstate(over="ignore"):
            fields["rgb"] = fields["rgb"].astype(np.float32)
    return fields


def _read_binary(header: _Header, body: bytes, source: str) -> dict[str, Shaped[np.ndarray, "..."]]:
    _check_count(len(body), header.number * header.record.itemsize, "bytes", source)
    rows = np.frombuffer(body, header.record, header.number)
    return {name: rows[name] for name in header.record.names or ()}


def _read_compressed(
    header: _Header, body: bytes, source: str
) -> dict[str, Shaped[np.ndarray, "..."]]:
    packed, size = (int.from_bytes(body[at : at + 4], "little") for at in (0, 4))
    _check_count(len(body), 8 + packed, "bytes", source)
    _check_count(size, header.number * header.record.itemsize, "unpacked bytes", source)
    if size > RATIO * packed:
        _check_count(packed, size // RATIO + 1, "packed bytes (at least)", source)
    unpacked, place, fields = unpack_lzf(body[8:], size, source), 0, {}
    for name in header.record.names or ():
        known = np.dtype((header.record[name].base, header.record[name].shape))
        fields[name] = np.frombuffer(unpacked, known, header.number, place)
        place += header.number * known.itemsize
    return fields


def _check_count(got: int, claimed: int, what: str, source: str) -> None:
    if got != claimed:
        raise ValueError(
            f"`{source}` must hold the {claimed} {what} its header claims, got {got}: it is "
            "truncated or damaged; copy it again."
        )


def _colours(packed: Shaped[np.ndarray, " points"]) -> UInt8[np.ndarray, "points 3"] | None:
    """Red, green and blue from the bits of a number of four bytes."""
    if packed.ndim != 1 or packed.dtype.itemsize not in (4, 8):
        return None
    bits = packed if packed.dtype.itemsize == 4 else packed.astype(np.int64).astype(np.uint32)
    bits = np.ascontiguousarray(bits).view(np.uint32)
    return np.stack([bits >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
