"""One self-contained HTML file about one or more trained runs, for people.

The page holds its style, its scripts, its pictures and Plotly's JavaScript once; its content
security policy forbids every network request. `report_sections` writes what is said about a run,
`report_table` the results, `words` the words.
"""

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from nebulatent.apps.pictures.curves import term_curves
from nebulatent.apps.pictures.drawn import magnified
from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.pictures.galleries import journey, scale_of
from nebulatent.apps.pictures.interactive_map import plotly_javascript, sheets
from nebulatent.apps.pictures.latent_map import project, sample_rows
from nebulatent.apps.pictures.thumbnails import Sheet
from nebulatent.apps.reports import report_sections as sections
from nebulatent.apps.reports import words
from nebulatent.apps.reports.rebuilt import reconstructions
from nebulatent.apps.reports.report_table import Baseline, glossary, results_table
from nebulatent.data.table import Kind

NAMES: Mapping[Kind, tuple[str, str]] = {  # one sample, and several
    "images": ("image", "images"),
    "points": ("cloud of points", "clouds"),
    "voxels": ("grid of cells", "grids"),
    "vectors": ("sample", "samples"),
}
COUNTS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
WAIT = "<p>Results are measured when training is complete.</p>"
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    runs: Sequence[RunFigures],
    baselines: Sequence[Baseline] = (),
    command: str = "",
    seed: int = 0,
    status: str = "",
) -> Path:
    """Write the report; the file appears whole or not at all.

    Arguments:
        path: Where to write; its folder must exist.
        title: Heading of the page.
        runs: What to show, in this order.
        baselines: Columns of the results without figures: a name, and texts by measure.
        command: What produced the runs, shown at the end.
        seed: Fixes the flattening of the latent maps.
        status: What a reader must know first: that training is not complete.

    Returns:
        The path.

    Raises:
        ValueError: If there is no run, or two have the same name.
    """
    names = [run.name for run in runs]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`runs` must be at least one, with distinct names, got {names}.")
    page = report_html(
        title=title, runs=runs, baselines=baselines, command=command, seed=seed, status=status
    )
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(page, encoding="utf-8", errors="replace")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def report_html(
    *,
    title: str,
    runs: Sequence[RunFigures],
    baselines: Sequence[Baseline],
    command: str,
    seed: int,
    status: str = "",
) -> str:
    """The page as text."""
    plotly = plotly_javascript()
    style, main = [shipped("report_page.css")], [_introduction(runs), _results(runs, baselines)]
    for number, run in enumerate(runs):
        thumbnails = sheets(run, sample_rows(len(run.codes), seed=seed)) if plotly else None
        style += [_sheet_style(sheet) for sheet in thumbnails or ()]
        main.append(_run_section(run, number, thumbnails, seed=seed, shared=_share_data(runs)))
    main.append(f'<section><h2 id="glossary">Glossary</h2>{glossary(runs)}</section>')
    scripts = [plotly, shipped("report_page.js")] if plotly else []
    if any('class="turning"' in part for part in main):
        scripts.append(shipped("turning.js"))
    return Template(shipped("report_page.html")).substitute(
        policy=POLICY,
        title=escape(title),
        style="\n".join(dict.fromkeys(style)),
        lead=(f"<strong>{escape(status)}.</strong> " if status else "") + _lead(runs),
        contents=_contents(runs),
        main=fold_repeats("\n".join(main)),
        command=escape(command),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def shipped(name: str) -> str:
    """A file of the page that comes with the package."""
    return (files("nebulatent.apps.reports") / name).read_text(encoding="utf-8")


def _sheet_style(sheet: Sheet) -> str:
    return f'.{sheet.name} {{ background-image: url("{sheet.uri}"); }}'


def _share_data(runs: Sequence[RunFigures]) -> bool:
    return len({run.found for run in runs}) == 1


def _lead(runs: Sequence[RunFigures]) -> str:
    run = runs[0]
    what, many = NAMES[run.kind]
    models = "One model" if len(runs) == 1 else f"{COUNTS.get(len(runs), len(runs))} models"
    sizes = sorted({run.codes.shape[1] for run in runs})
    code = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    task = "and to rebuild it from that code"
    if run.mixtures is not None:
        task = "while it learned to divide each among Gaussians"
    elif run.whole is not None:
        task = "and to complete it, for it shows what one view sees"
    elif run.views is not None:
        read = "its pictures" if run.recon_views is None else "the grid or from its pictures"
        task = f"made from {read}, {task}"
    return (
        f"{models} learned to describe each {what}, {run.x[0].size:,} numbers, by a code of "
        f"{code}, {task}. This page shows what became of "
        f"{len(run.codes):,} of these {many}."
    )


def _contents(runs: Sequence[RunFigures]) -> str:
    links = [f'<li><a href="#run-{i}">{escape(run.name)}</a></li>' for i, run in enumerate(runs)]
    return (
        '<nav aria-label="Contents"><ul><li><a href="#results">Results</a></li>'
        f'{"".join(links)}<li><a href="#glossary">Glossary</a></li></ul></nav>'
    )


def _introduction(runs: Sequence[RunFigures]) -> str:
    run = runs[0]
    entries = words.WORDS if run.mixtures is None else words.MIXTURE_WORDS
    cards = "".join(f"<div><dt>{k}</dt><dd>{text}</dd></div>" for k, text in entries.items())
    way = ""
    if len(run.recon):
        scale = scale_of(run.x) if run.kind == "vectors" else None
        x, recon = (sections.as_shown(run, part[:1])[0] for part in (run.x, run.recon))
        size = run.x[0].size
        if run.views is not None and run.recon_views is None:
            x, size = magnified(run.views[0, 0]), run.views[0].size
        copied, how = "rebuilt copy", words.JOURNEY
        if run.whole is not None:
            copied, how = "completed", words.COMPLETION_JOURNEY
        figure = journey(x, run.codes[0], recon, scale, size, copied)
        way = sections.picture(figure, "A sample, its code, its reconstruction.", how)
    data = f"<h3>The data</h3>{sections.found(run.found)}" if _share_data(runs) else ""
    return (
        f'<section><h2>{COUNTS[len(entries)]} words to read this page</h2><dl class="words">{cards}'
        f"</dl>"
        f"{way}{data}</section>"
    )


def _results(runs: Sequence[RunFigures], baselines: Sequence[Baseline]) -> str:
    table = results_table(runs, baselines)
    curves = ""
    if len(runs) > 1 and any(run.history for run in runs):
        figure = term_curves({run.name: run.history for run in runs})
        alt = "Training curves of all runs, one panel per term."
        curves = sections.part(
            "Training, side by side", words.CURVES, sections.picture(figure, alt)
        )
    return f'<section><h2 id="results">Results</h2>{table or WAIT}{curves}</section>'


def _run_section(
    run: RunFigures, number: int, thumbnails: Sequence[Sheet] | None, *, seed: int, shared: bool
) -> str:
    rows = sample_rows(len(run.codes), seed=seed)
    projection = project(run.codes[rows], run.anchors, seed=seed)
    parts = [
        sections.facts(run),
        "" if shared else sections.found(run.found),
        sections.curves(run),
        sections.map_of_codes(run, projection, rows, thumbnails),
        sections.anchors(run),
        sections.covariance(run),
        reconstructions(run),
        sections.mixtures(run),
        sections.density_surfaces(run),
        sections.point_distances(run),
        sections.turning_shapes(run),
    ]
    return f'<section><h2 id="run-{number}">{escape(run.name)}</h2>{"".join(parts)}</section>'


def fold_repeats(html: str) -> str:
    """Advice on how to read a figure, open the first time and folded from then on.

    Examples:
        >>> fold_repeats('<p class="how">a</p> <p class="how">a</p>').split("> ")[1]
        '<details><summary>How to read this</summary><p class="how">a</p></details>'
    """
    seen: set[str] = set()

    def fold(match: re.Match[str]) -> str:
        advice = match.group(0)
        if advice in seen:
            return f"<details><summary>How to read this</summary>{advice}</details>"
        seen.add(advice)
        return advice

    return re.sub(r'<p class="how">.*?</p>', fold, html, flags=re.DOTALL)
