"""The latent map as a Plotly scatter that shows the sample under the pointer, offline.

Python writes the scatter as JSON; `report_page.js` draws it, switches the colouring and shows the
thumbnail. Plotly's JavaScript comes from the Python package `plotly` (extra `viz`); without it the
same map is a still picture.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nebulatent.apps.pictures.canvas import INK, LINE, brief
from nebulatent.apps.pictures.cloud_pictures import to_pictures
from nebulatent.apps.pictures.colours import (
    MAX_DISTINCT,
    Group,
    anchor_names,
    class_names,
    group_rows,
)
from nebulatent.apps.pictures.drawn import DRAWN, drawn
from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.pictures.galleries import scale_of
from nebulatent.apps.pictures.latent_map import Projection
from nebulatent.apps.pictures.thumbnails import (
    Sheet,
    picture_thumbnails,
    profile_thumbnails,
    to_sheet,
)

CLOUD_SIDE = 40  # pixels of a cloud's thumbnail
MAX_NUMBERED = 60  # beyond, numbers hide the codes; the pointer tells them
Spec = dict[str, Any]


class Colouring(NamedTuple):
    """One way to colour the same points.

    Arguments:
        by: What the colour tells ("anchor", "label").
        groups: Points of one colour, by their place among the points drawn.
    """

    by: str
    groups: Sequence[Group]


def colourings(run: RunFigures, rows: Int[np.ndarray, " rows"]) -> list[Colouring]:
    """By anchor and by label, as far as the run has them; else all points alike."""
    ways = []
    if run.anchors is not None and run.assign is not None:
        groups = group_rows(run.assign[rows], anchor_names(len(run.anchors)))
        ways.append(Colouring("anchor", groups))
    if run.label is not None:
        names = class_names(run.label, run.label_names)
        ways.append(Colouring("label", group_rows(run.label[rows], names)))
    return ways or [Colouring("sample", group_rows(np.zeros(len(rows), int), ["samples"]))]


def scatter(projection: Projection, ways: Sequence[Colouring]) -> Spec:
    """Traces and layout for `Plotly.newPlot`: a trace per group, the first colouring visible."""
    traces = [
        _group_trace(projection.codes, group, visible=way is ways[0], legend=len(way.groups) > 1)
        for way in ways
        for group in way.groups
    ]
    if len(projection.anchors):
        traces.append(_anchor_trace(projection.anchors, first=len(projection.codes)))
    legend = all(len(way.groups) <= MAX_DISTINCT for way in ways)
    return {"data": traces, "layout": _layout(legend=legend)}


def _group_trace(
    points: Float[np.ndarray, "codes 2"], group: Group, *, visible: bool, legend: bool
) -> Spec:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(brief(group.name)),
        "x": _short(points[group.rows, 0]),
        "y": _short(points[group.rows, 1]),
        "customdata": group.rows.tolist(),
        "hoverinfo": "none",
        "visible": visible,
        "showlegend": legend,
        "marker": {
            "color": group.colour,
            "symbol": group.mark,
            "size": float(np.clip(220 / len(points) ** 0.5, 5, 7.5)),
            "opacity": 0.8,
            "line": {"width": 0},
        },
    }


def _anchor_trace(points: Float[np.ndarray, "anchors 2"], *, first: int) -> Spec:
    numbered = len(points) <= MAX_NUMBERED
    size = float(np.clip(100 / len(points) ** 0.5, 8, 20))
    return {
        "type": "scatter",
        "mode": "markers+text" if numbered else "markers",
        "name": "anchors",
        "x": _short(points[:, 0]),
        "y": _short(points[:, 1]),
        "customdata": list(range(first, first + len(points))),
        "text": [str(i) for i in range(len(points))],
        "textfont": {"size": round(0.55 * size), "color": INK, "weight": "bold"},
        "hoverinfo": "none",
        "showlegend": False,
        "cliponaxis": False,
        "marker": {
            "color": "white" if numbered else "rgba(255, 255, 255, 0.3)",
            "size": size,
            "line": {"width": 1.5, "color": INK},
        },
    }


def _short(values: Float[np.ndarray, " points"]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _layout(*, legend: bool) -> Spec:
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": ""}
    return {
        "xaxis": {**axis, "showline": False},
        "yaxis": {**axis, "showline": False, "scaleanchor": "x"},
        "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
        "hovermode": "closest",
        "showlegend": legend,
        "legend": {"itemsizing": "constant", "bordercolor": LINE},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
    }


def sheets(run: RunFigures, rows: Int[np.ndarray, " rows"]) -> list[Sheet]:
    """Thumbnails of the samples drawn, then of the decoded anchors if there are any."""
    decoded = run.anchor_decoded
    shown = [run.x[rows]] + ([decoded] if decoded is not None and len(decoded) else [])
    if run.kind in DRAWN:
        pictures = (drawn(x, run.kind, side=CLOUD_SIDE) for x in shown)
        return [to_sheet(to_pictures(images)) for images in pictures]
    scale = scale_of(run.x) if run.kind == "vectors" else None
    return [
        to_sheet(picture_thumbnails(x) if scale is None else profile_thumbnails(scale(x)))
        for x in shown
    ]


def notes(run: RunFigures, rows: Int[np.ndarray, " rows"]) -> list[list[str]]:
    """What the pointer tells of each sample drawn, then of each anchor: a line per fact."""
    lines = [[run.ids[int(row)]] for row in rows]
    if run.assign is not None:
        for line, anchor in zip(lines, run.assign[rows], strict=True):
            line.append(f"anchor {anchor}")
    if run.label is not None:
        names = [*class_names(run.label, run.label_names), "unknown"]
        for line, label in zip(lines, run.label[rows], strict=True):
            line.append(f"label {names[max(label, -1)]}")
    if run.anchors is not None and run.assign is not None:
        counts = np.bincount(run.assign, minlength=len(run.anchors))
        lines += [[f"anchor {i}", f"{count:,} samples"] for i, count in enumerate(counts)]
    return lines


def interactive(
    run: RunFigures,
    projection: Projection,
    rows: Int[np.ndarray, " rows"],
    run_sheets: Sequence[Sheet],
) -> str:
    """The map as an HTML fragment; the page must carry Plotly, `report_page.js` and the sheets.

    Arguments:
        run: Names, anchors and labels of the samples.
        projection: Where the chosen samples and the anchors are drawn.
        rows: The chosen samples.
        run_sheets: Their thumbnails, as `sheets` returns them.
    """
    ways = colourings(run, rows)
    spec = scatter(projection, ways) | {
        "notes": notes(run, rows),
        "samples": len(rows),
        "groups": [len(way.groups) for way in ways],
        "sheets": [_cell_facts(sheet) for sheet in run_sheets],
    }
    buttons = "".join(
        f'<button type="button" aria-pressed="{str(way is ways[0]).lower()}">{way.by}</button>'
        for way in ways
    )
    hidden = "" if len(ways) > 1 else " hidden"
    alt = escape(f"Scatter of {len(rows)} codes of {run.name}, coloured by {ways[0].by}.")
    return (
        f'<div class="map"><div class="switch" role="group" aria-label="Colour by"{hidden}>'
        f"<span>Colour by</span>{buttons}</div>"
        f'<div class="plot" role="img" aria-label="{alt}"></div>'
        f'<script type="application/json">{script_json(spec)}</script></div>'
    )


def _cell_facts(sheet: Sheet) -> Spec:
    return {"name": sheet.name, **{k: v for k, v in sheet._asdict().items() if k != "uri"}}


def script_json(value: object) -> str:
    r"""JSON that cannot end the script element it stands in.

    Examples:
        >>> script_json("</script>")
        '"\\u003c/script>"'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


def plotly_javascript() -> str | None:
    """Plotly's own JavaScript, or None where the extra `viz` is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        return None
    return get_plotlyjs()
