"""Records → one page of results, never typed."""

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nebulatent.apps.outputs import check_output
from nebulatent.apps.recipes.names import NAMES
from nebulatent.apps.recipes.record import Record, load_record, record_path
from nebulatent.apps.recipes.tables import cell, markdown
from nebulatent.apps.runs.runs import write_text

PICTURES = "pictures"
HEAD = """# Results

The tables and figures of the papers, measured with this package beside the numbers that were
printed. This page is made by `nebulatent results`; the numbers come from `nebulatent reproduce`.
What a measure means is in [Conventions](conventions.md).

| claim | verdict | recipe |
|---|---|---|
"""


class Found(NamedTuple):
    """A record, and what tells it from others of its recipe.

    Arguments:
        path: Its file.
        record: What it says.
        label: The recipe, with the data where there are several records of it.
    """

    path: Path
    record: Record
    label: str


def find_records(folders: Sequence[Path]) -> list[Found]:
    """The records in some folders, in the order of `NAMES`, then of the folders.

    Raises:
        FileNotFoundError: If a folder is missing or holds none.
        ValueError: If two folders hold the same recipe on the same data, or a record is damaged.
    """
    found: dict[tuple[str, str], tuple[Path, Record]] = {}
    for folder in folders:
        here = [path for name in NAMES if (path := record_path(folder, name)).is_file()]
        if not here:
            raise FileNotFoundError(
                f"`{folder}` must be a folder with results, got none; run `nebulatent reproduce`."
            )
        for path in here:
            record = load_record(path)
            if (record.name, record.data) in found:
                what = f"`{record.name}` on {record.data}"
                raise ValueError(f"{what} must be in one of the folders, got it in two.")
            found[record.name, record.data] = path, record
    often = Counter(name for name, _ in found)
    return [
        Found(path, record, f"{name}, {data}" if often[name] > 1 else name)
        for (name, data), (path, record) in sorted(
            found.items(), key=lambda f: NAMES.index(f[0][0])
        )
    ]


def write_page(out: Path, folders: Sequence[Path]) -> Path:
    """Write the page, with its figures in a folder `pictures` beside it."""
    check_output(out, (".md",))
    records = find_records(folders)
    verdicts = [
        f"| {cell(f'{claim.where}: {claim.says}')} | {cell(claim.sentence)} | {label} |"
        for _, record, label in records
        for claim in record.claims
    ]
    (out.parent / PICTURES).mkdir(exist_ok=True)
    sections = []
    for path, record, label in records:
        picture = f"{PICTURES}/{_file_name(label)}.png"
        shutil.copyfile(path.with_suffix(".png"), out.parent / picture)
        title = record.title + label.removeprefix(record.name)
        sections.append(markdown(replace(record, title=title), picture).rstrip("\n"))
    write_text(out, HEAD + "\n".join(verdicts) + "\n\n" + "\n\n".join(sections) + "\n")
    return out


def _file_name(label: str) -> str:
    """A label without what file names must not have.

    Examples:
        >>> _file_name("parae-table1, builtin:shapes")
        'parae-table1-builtin-shapes'
    """
    return "-".join(re.findall(r"[\w-]+", label))
