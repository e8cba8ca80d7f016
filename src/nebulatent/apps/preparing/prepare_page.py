"""The gallery of what was prepared: one page, one strip a shape."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from nebulatent.apps.outputs import whole_file
from nebulatent.apps.preparing.prepare_shape import RECORDS, STRIPS, Settings

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem;
  color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
figure { margin: 0 0 .75rem; } figcaption { color: #555; font-size: .85rem; }
img { display: block; max-width: 100%; height: auto; border-bottom: 1px solid #eee; }
.bad { border-left: 4px solid #b3261e; padding-left: 1rem; }
"""


class Record(NamedTuple):
    """What the record of a shape tells of it.

    Arguments:
        label: Its class.
        name: Its own name.
        triangles: Of the mesh.
        closed: Whether the mesh bounds a solid.
        filled: Cells.
    """

    label: str
    name: str
    triangles: int
    closed: bool
    filled: int


def write_gallery(
    out: Path, settings: Settings, source: str, bad: Mapping[str, str], names: Sequence[str]
) -> Path:
    """Write `gallery.html`: strips by class, then what could not be prepared.

    Arguments:
        out: Folder of what was prepared.
        settings: With which.
        source: What it was prepared from.
        bad: Sentences about the meshes that could not be.
        names: Shapes to show, each `CLASS/ID`.
    """
    records = [_record(out, name) for name in names]
    counts = Counter(record.label for record in records)
    sections = [
        f"<h2>{escape(label)}: {count}</h2>"
        + "\n".join(_figure(record) for record in records if record.label == label)
        for label, count in sorted(counts.items())
    ]
    open_ = sum(not record.closed for record in records)
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Prepared shapes</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body><h1>{len(records)} shapes from {escape(source)}</h1>
<p>Each row: the first view, the cells that this view sees, the cells of the whole
({settings.voxels}³, {escape(settings.fill)}), then the other views at {settings.elevation:g}°
elevation. {open_} of the meshes have holes: of these the cells are what the surface touches or
encloses.</p>
{_complaints(bad)}
{"".join(sections)}
</body></html>
"""
    with whole_file(out / "gallery.html") as place:
        place.write_text(text, encoding="utf-8", errors="replace")
    return out / "gallery.html"


def _record(out: Path, name: str) -> Record:
    found = json.loads((out / RECORDS / f"{name}.json").read_text(encoding="utf-8"))
    return Record(*(found[field] for field in Record._fields))


def _figure(record: Record) -> str:
    link, name = quote(f"{STRIPS}/{record.label}/{record.name}.png"), escape(record.name)
    closed = "closed" if record.closed else "with holes"
    return (
        f'<figure><img loading="lazy" src="{link}" alt="{name}: views and voxels"><figcaption>'
        f"{name}: {record.triangles:,} triangles, {closed}, {record.filled:,} cells"
        "</figcaption></figure>"
    )


def _complaints(bad: Mapping[str, str]) -> str:
    if not bad:
        return ""
    items = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in sorted(bad.items()))
    return f'<div class="bad"><p>{len(bad)} could not be prepared.</p><ul>{items}</ul></div>'
