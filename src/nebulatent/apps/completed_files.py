"""Completed grids as files: cells, a picture, or a page on which they can be turned."""

from html import escape
from pathlib import Path
from string import Template

import numpy as np

from nebulatent.apps.pictures.canvas import to_png
from nebulatent.apps.pictures.drawn import drawn
from nebulatent.apps.pictures.galleries import MAX_SHOWN, reconstruction_pictures
from nebulatent.apps.pictures.turning import Cells, Shape, turning
from nebulatent.apps.pictures.turning_shapes import GRID_COLOUR
from nebulatent.apps.reports.report import POLICY, shipped
from nebulatent.apps.reports.report_sections import CLOUD_COLUMNS
from nebulatent.data.binvox import Voxels, read_binvox, write_binvox
from nebulatent.data.grid_files import BINVOX
from nebulatent.data.rows import Rows
from nebulatent.data.table import Table
from nebulatent.data.voxel_pairs import PackedGrids

PICTURE, PAGE = ".png", ".html"
SUFFIXES = (BINVOX, ".npz", ".npy", PICTURE, PAGE)


def num_shown(table: Table, out: Path) -> int:
    """How many of the scans a file holds: of many a picture or a page shows the first ones."""
    return min(table.num_samples, MAX_SHOWN if out.suffix in (PICTURE, PAGE) else 10**18)


def check_count(table: Table, out: Path) -> None:
    """Refuse several grids where a file holds one.

    Raises:
        ValueError: If there are.
    """
    if out.suffix == BINVOX and table.num_samples > 1:
        raise ValueError(
            f"`--out` must end in .npz or .npy for {table.num_samples} scans, got `{out}`, which "
            "holds one grid."
        )


def write_completed(table: Table, answer: PackedGrids, source: Path, suffix: str, to: Path) -> None:
    """Write completed grids.

    Arguments:
        table: The partial grids, and where they are known the whole ones.
        answer: What they were completed to.
        source: File of the scan; one in binvox says where its grid lies.
        suffix: What kind of file is wanted.
        to: Where to write it.
    """
    if suffix == BINVOX:
        write_binvox(to, _placed(answer, source))
    elif suffix == ".npy":
        with to.open("wb") as file:
            np.save(file, _bytes(answer))
    elif suffix == ".npz":
        with to.open("wb") as file:
            np.savez_compressed(
                file, x=_bytes(answer), partial=_bytes(table.x), ids=np.array(table.ids)
            )
    else:
        rows = {"seen": table.x, "completed": answer, "whole": table.whole}
        shown = {name: part[:MAX_SHOWN] for name, part in rows.items() if part is not None}
        if suffix == PICTURE:
            to.write_bytes(_picture(shown))
        else:
            to.write_text(_page(shown, table, source), encoding="utf-8", errors="replace")


def _bytes(grids: Rows) -> np.ndarray:
    return grids[:][:, 0].astype(np.uint8)


def _placed(answer: PackedGrids, source: Path) -> Voxels:
    """A grid that covers the cube of its scan."""
    cells = answer[:1][0, 0]
    if source.suffix.lower() != BINVOX:
        return Voxels(cells)
    return read_binvox(source)._replace(grid=cells)


def _picture(shown: dict[str, np.ndarray]) -> bytes:
    images = [drawn(grids.astype(np.float32), "voxels") for grids in shown.values()]
    return to_png(reconstruction_pictures(*images, columns=CLOUD_COLUMNS, names=tuple(shown)))


def _page(shown: dict[str, np.ndarray], table: Table, source: Path) -> str:
    """One file that needs no network, in the report's style."""
    shapes = [
        Shape("scans", table.ids[row], {k: Cells(v[row, 0], GRID_COLOUR) for k, v in shown.items()})
        for row in range(len(shown["seen"]))
    ]
    title = "Completed scans"
    return Template(shipped("report_page.html")).substitute(
        policy=POLICY,
        title=title,
        style=shipped("report_page.css"),
        lead=f"{len(shapes)} of {table.num_samples} scans; drag one to turn it.",
        contents="",
        main=turning(shapes),
        command=escape(f"nebulatent complete RUN {source} --out FILE.html"),
        scripts=f"<script>{shipped('turning.js')}</script>",
    )
