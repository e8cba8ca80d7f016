"""Originals and what a run rebuilds of them, in the report."""

from matplotlib.figure import Figure

from nebulatent.apps.pictures import galleries
from nebulatent.apps.pictures.cloud_pictures import draw_clouds, nearest_parts
from nebulatent.apps.pictures.drawn import magnified
from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.reports import words
from nebulatent.apps.reports.report_sections import CLOUD_COLUMNS, as_shown, part, picture


def reconstructions(run: RunFigures) -> str:
    """Reconstructions beside their originals."""
    if not len(run.recon):
        return ""
    x = run.x[: len(run.recon)]
    alt = f"{min(len(x), galleries.MAX_SHOWN)} samples and their reconstructions by {run.name}."
    if run.kind == "images":
        figure = galleries.reconstruction_pictures(x, run.recon)
        return part("Reconstructions", words.RECONSTRUCTIONS, picture(figure, alt))
    if run.kind == "points":
        return part("Reconstructions", words.CLOUDS, picture(_rebuilt_clouds(run), alt))
    if run.whole is not None:
        alt = f"{len(run.whole)} partial grids, completed by {run.name}, and the whole ones."
        return part("Completions", words.COMPLETIONS, picture(_completed_grids(run), alt))
    if run.kind == "voxels":
        how = words.GRIDS if run.views is None else f"{words.GRIDS} {words.PICTURES}"
        return part("Reconstructions", how, picture(_rebuilt_grids(run), alt))
    figure = galleries.reconstruction_profiles(x, run.recon, galleries.scale_of(run.x))
    return part("Reconstructions", words.RECONSTRUCTION_PROFILES, picture(figure, alt))


def _rebuilt_grids(run: RunFigures) -> Figure:
    """Grids and their copies, from the grids, from pictures of the shapes or from both."""
    rows = {"original": as_shown(run, run.x[: len(run.recon)])}
    if run.views is not None:
        rows = {"a picture": magnified(run.views[:, 0])} | rows
    alone = run.views is not None and run.recon_views is None
    plain = "reconstruction" if run.views is None else "from grid"
    rows["from pictures" if alone else plain] = as_shown(run, run.recon)
    if run.recon_views is not None:
        rows["from pictures"] = as_shown(run, run.recon_views)
    return galleries.reconstruction_pictures(
        *rows.values(), columns=CLOUD_COLUMNS, names=tuple(rows)
    )


def _completed_grids(run: RunFigures) -> Figure:
    """What was seen, what it was completed to, and the whole."""
    rows = {"seen": run.x[: len(run.recon)], "completed": run.recon, "whole": run.whole}
    drawn = [as_shown(run, grids) for grids in rows.values() if grids is not None]
    return galleries.reconstruction_pictures(*drawn, columns=CLOUD_COLUMNS, names=tuple(rows))


def _rebuilt_clouds(run: RunFigures) -> Figure:
    """Clouds and their copies, coloured by part where parts are known, else by depth."""
    x, parts = run.x[: len(run.recon)], run.parts
    copied = None if parts is None else nearest_parts(x, parts, run.recon)
    pair = draw_clouds(x, parts), draw_clouds(run.recon, copied)
    return galleries.reconstruction_pictures(*pair, columns=CLOUD_COLUMNS)
