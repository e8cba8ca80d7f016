"""Samples in tar files, in the public layout of the webdataset library, read where they lie.

A sample is what a run of members with the same key holds: `key.png` (or another picture) or
`key.npy`, and its label as text in `key.cls` if it has one; other members are not read. The tars of
a folder are one data set, in the order of their names; if some are named `…train…` and others
`…test…` or `…val…`, that is the split.

Our reading: the tars are indexed once and then read at any place, in any order, so that shuffling
is a true permutation and a run can go on at any sample. The webdataset library is not used: it
reads tars as streams and shuffles within a buffer, which depends on the number of workers and
cannot go on in the middle of an epoch without reading again all that came before.

Source: https://github.com/webdataset/webdataset, "The WebDataset Format".
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from nebulatent.data.part_rows import array_rows
from nebulatent.data.parts import Part, read_part
from nebulatent.data.picture_rows import to_rows
from nebulatent.data.pictures import EXTENSIONS, inspect
from nebulatent.data.rows import Rows, held, lazy_note
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table
from nebulatent.data.tar_index import Member, tar_members

TAR = ".tar"
PICTURES = frozenset(extension.removeprefix(".") for extension in EXTENSIONS)
ARRAY = "npy"
LABEL = "cls"
LABEL_BYTES = 1000
PARTS = {"train": "train", "test": "test", "val": "test", "valid": "test", "validation": "test"}


class _Sample(NamedTuple):
    key: str
    x: Part
    is_array: bool
    label: str | None
    others: tuple[str, ...]  # extensions of members that are not read


def find_shards(folder: Path) -> list[Path]:
    """The tars of a folder that holds tars, in order; none if it holds pictures or folders too."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if any(path.is_dir() or path.suffix.lower() in EXTENSIONS for path in paths):
        return []
    return [path for path in paths if path.suffix.lower() == TAR]


def read_shard_folder(
    folder: Path, split: Split, image_size: int | None, lazy: bool | None = None
) -> Table:
    """The samples of one split of a folder of tars.

    Raises:
        FileNotFoundError: If the split is not there.
        ValueError: If a tar is damaged, or its members are not samples.
    """
    shards = find_shards(folder)
    parts = {path: _part(path) for path in shards}
    if not any(parts.values()):
        return _read(shards, str(folder), image_size, lazy, NO_SPLIT)
    wanted = ("train", "test") if split == "all" else (split,)
    chosen = [path for part in wanted for path in shards if parts[path] == part]
    if not chosen:
        raise FileNotFoundError(
            f"`{folder}` must hold the {split} samples (a tar with '{split}' in its name), got "
            f"{shards[0].name}{' and others' if len(shards) > 1 else ''}; choose another split."
        )
    note = f"Names of the tars are the split; read: {len(chosen)} of {len(shards)}."
    return _read(chosen, str(folder), image_size, lazy, note)


def read_shard(path: Path, image_size: int | None, lazy: bool | None = None) -> Table:
    """The samples of one tar.

    Raises:
        ValueError: If the tar is damaged, or its members are not samples.
    """
    return _read([path], str(path), image_size, lazy, NO_SPLIT)


def _part(path: Path) -> str:
    words = re.split(r"[^a-z]+", path.stem.lower())
    return next((PARTS[word] for word in words if word in PARTS), "")


def _read(
    shards: list[Path], source: str, image_size: int | None, lazy: bool | None, note: str
) -> Table:
    samples = [sample for path in shards for sample in _samples(path)]
    if not samples:
        raise ValueError(
            f"`{source}` must hold samples, got no member named KEY.png, KEY.jpg or KEY.npy."
        )
    rows, notes = _rows(samples, source, image_size)
    x = held(rows, lazy, source)
    labels = [sample.label for sample in samples if sample.label is not None]
    return build_table(
        x,
        source=source,
        ids=_ids(samples),
        labels=labels if len(labels) == len(samples) else None,
        notes=(note, *lazy_note(x), *notes, *_notes(samples, len(labels))),
    )


def _samples(path: Path) -> Iterator[_Sample]:
    for key, members in groupby(tar_members(path), key=lambda member: member.key):
        yield _sample(key, list(members), path)


def _sample(key: str, members: Sequence[Member], path: Path) -> _Sample:
    parts = {member.extension: member.part for member in members}
    found = [name for name in parts if name in PICTURES or name == ARRAY]
    names = ", ".join(sorted(member.extension for member in members)[:5])
    if len(parts) < len(members):
        raise ValueError(
            f"sample '{key[:80]}' in `{path}` must have one member of each kind, got {names}; "
            "give each sample a name of its own."
        )
    if len(found) != 1:
        raise ValueError(
            f"sample '{key[:80]}' in `{path}` must have one picture or .npy array, got only "
            f"members {names}; keep the members of a sample side by side, named alike up to the "
            "first dot."
        )
    label = _label(parts[LABEL]) if LABEL in parts else None
    others = tuple(name for name in parts if name not in (*found, LABEL))
    return _Sample(key, parts[found[0]], found[0] == ARRAY, label, others)


def _label(part: Part) -> str:
    try:
        if part.size <= LABEL_BYTES and (text := read_part(part).read().decode().strip()):
            return text
    except UnicodeDecodeError:
        pass
    raise ValueError(
        f"`{part}` must hold a label as text of at most {LABEL_BYTES} bytes, got {part.size} bytes "
        "that are not; correct the member or leave it out."
    )


def _rows(
    samples: Sequence[_Sample], source: str, image_size: int | None
) -> tuple[Rows, tuple[str, ...]]:
    arrays = sum(sample.is_array for sample in samples)
    if arrays == len(samples):
        return array_rows([sample.x for sample in samples], source)
    if arrays:
        raise ValueError(
            f"`{source}` must hold pictures or .npy arrays, got {arrays} arrays and "
            f"{len(samples) - arrays} pictures; pack them into tars of their own."
        )
    return to_rows([inspect(sample.x) for sample in samples], image_size)


def _ids(samples: Sequence[_Sample]) -> list[str]:
    """The keys, with the name of the tar if keys alone would not be unique."""
    keys = [sample.key for sample in samples]
    if len(set(keys)) == len(keys):
        return keys
    return [f"{sample.x.path.stem}/{sample.key}" for sample in samples]


def _notes(samples: Sequence[_Sample], num_labels: int) -> list[str]:
    others = Counter(name for sample in samples for name in sample.others)
    notes = [f"Members not read: {', '.join(sorted(others))} ({others.total()})."] if others else []
    if 0 < num_labels < len(samples):
        notes.append("Labels were left out: only a part of the samples has a .cls member.")
    return notes
