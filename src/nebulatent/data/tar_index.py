"""What lies where in a tar file: its headers, read once, checked, and nothing ever extracted.

Names in a tar are only names here: no member is written anywhere, so that `/etc/passwd` or `../a`
are harmless. Links, devices and sparse members, which are not the bytes they seem, are refused. A
tar must end in a block of zeros, as every complete one does: Python's reader takes a damaged header
for the end and would silently lose what follows.

Source: POSIX.1-2001, pax interchange format; a header, and any member, begins at a multiple of 512.
"""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from nebulatent.data.npy_header import DAMAGED
from nebulatent.data.parts import Part

UNREADABLE = (*DAMAGED, tarfile.TarError, MemoryError)
BLOCK = 512
NAME = re.compile(r"(?P<key>(?:.*/)?[^/.]+)\.(?P<extension>[^/]+)", re.DOTALL)


class Member(NamedTuple):
    """A file in a tar.

    Arguments:
        key: Its name up to the first dot: what the members of one sample have in common.
        extension: The rest of its name, in small letters, without that dot.
        part: Where its bytes are.
    """

    key: str
    extension: str
    part: Part


def tar_members(path: Path) -> Iterator[Member]:
    """The files of a tar in order; hidden ones and those without extension are left out.

    Raises:
        ValueError: If it is not a complete, uncompressed tar of plain files and folders.
    """
    size, end = path.stat().st_size, 0
    with path.open("rb") as file, _open(file, path) as tar:
        while info := _next(tar, path):
            if not (info.isdir() or info.isreg()) or info.issparse():
                raise ValueError(
                    f"`{path}` must hold plain files and folders, got '{info.name[:80]}', which is "
                    "a link, a device or sparse; pack the files themselves."
                )
            length = info.size if info.isreg() else 0
            if length < 0 or info.offset < end or info.offset_data + length > size:
                raise _damaged(path)
            end = info.offset_data + length
            tar.members.clear()  # pyright: ignore  # or it would remember every header
            match = NAME.fullmatch(info.name)
            if match and info.isreg():
                part = Part(path, info.offset_data, info.size, info.name)
                yield Member(match["key"].removeprefix("./"), match["extension"].lower(), part)
        file.seek(tar.offset)
        if file.read(BLOCK) != bytes(BLOCK):
            raise _damaged(path)


def _open(file: IO[bytes], path: Path) -> tarfile.TarFile:
    try:
        return tarfile.TarFile(fileobj=file, mode="r")
    except UNREADABLE as error:
        raise _damaged(path) from error


def _next(tar: tarfile.TarFile, path: Path) -> tarfile.TarInfo | None:
    try:
        return tar.next()
    except UNREADABLE as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ValueError:
    return ValueError(
        f"`{path}` must be a complete tar file, not compressed, got one that is truncated, damaged "
        "or of another kind; copy or create it again."
    )
