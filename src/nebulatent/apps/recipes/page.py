"""Records → one page of results, never typed."""

import shutil
from collections.abc import Sequence
from pathlib import Path

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


def find_records(folders: Sequence[Path]) -> list[tuple[Path, Record]]:
    """The records in some folders, in the order of `NAMES`.

    Raises:
        FileNotFoundError: If a folder is missing or holds none.
        ValueError: If two folders hold the same recipe, or a record is damaged.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        here = {name: record_path(folder, name) for name in NAMES}
        here = {name: path for name, path in here.items() if path.is_file()}
        if not here:
            raise FileNotFoundError(
                f"`{folder}` must be a folder with results, got none; run `nebulatent reproduce`."
            )
        twice = sorted(here.keys() & found.keys())
        if twice:
            raise ValueError(f"`{twice[0]}` must be in one of the folders, got it in two.")
        found |= here
    return [(found[name], load_record(found[name])) for name in NAMES if name in found]


def write_page(out: Path, folders: Sequence[Path]) -> Path:
    """Write the page, with its figures in a folder `pictures` beside it."""
    check_output(out, (".md",))
    records = find_records(folders)
    verdicts = [
        f"| {cell(f'{claim.where}: {claim.says}')} | {cell(claim.sentence)} | {record.name} |"
        for _, record in records
        for claim in record.claims
    ]
    sections = [
        markdown(record, f"{PICTURES}/{record.name}.png").rstrip("\n") for _, record in records
    ]
    (out.parent / PICTURES).mkdir(exist_ok=True)
    for path, record in records:
        shutil.copyfile(path.with_suffix(".png"), out.parent / PICTURES / f"{record.name}.png")
    write_text(out, HEAD + "\n".join(verdicts) + "\n\n" + "\n\n".join(sections) + "\n")
    return out
