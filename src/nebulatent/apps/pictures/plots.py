"""Curves, maps and bars: arrays and axes in, the axes out.

The covariance of Fig. 3 of Wang et al., TPAMI 2022, the map of the codes and the samples of each
anchor. Training curves are in `curves`, samples in `galleries`.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from nebulatent.apps.pictures.canvas import (
    DIVERGING,
    INK,
    MUTED,
    WIDTH,
    bare,
    brief,
    colour_scale,
    name_legend,
    name_ticks,
    new_figure,
    numbers,
    tidy,
)
from nebulatent.apps.pictures.colours import MAX_DISTINCT, Group, colours, group_rows

MAX_NAMED_BARS = 24
MAX_LEGEND_ROWS = 10
MPL_MARKS = {"circle": "o", "diamond": "D"}
HALO = (withStroke(linewidth=2.5, foreground="white"),)


def latent_map(
    ax: Axes,
    points: Float[np.ndarray, "codes 2"],
    groups: Sequence[Group],
    anchors: Float[np.ndarray, "anchors 2"],
    *,
    named: bool = False,
) -> Axes:
    """Codes as points coloured by group, anchors as numbered discs.

    Arguments:
        ax: Where to draw.
        points: Codes in two dimensions.
        groups: Rows that share a colour.
        anchors: Anchors in the same two dimensions; may be empty.
        named: Whether to write each group's name at its median point.
    """
    size = float(np.clip(6000 / len(points), 4, 30))
    for group in groups:
        x, y = points[group.rows].T
        ax.scatter(
            x, y, s=size, c=group.colour, marker=MPL_MARKS[group.mark], alpha=0.75, linewidths=0
        )
    disc = float(np.clip(60 / max(len(anchors), 1) ** 0.5, 6, 11))
    for i, (x, y) in enumerate(anchors if not named else ()):
        ax.plot(x, y, "o", markersize=disc, color="white", markeredgecolor=INK, zorder=3)
        ax.text(
            x, y, str(i), size=0.6 * disc, color=INK, ha="center", va="center_baseline", zorder=4
        )
    for group in groups if named and len(groups) <= MAX_DISTINCT else ():
        x, y = np.median(points[group.rows], axis=0)
        text = ax.text(
            x, y, brief(group.name), size=9, color=INK, ha="center", va="center", parse_math=False
        )
        text.set(path_effects=HALO, fontweight="bold")
    ax.set_aspect("equal", adjustable="datalim")
    return bare(ax)


def covariance(
    ax: Axes, matrix: Float[np.ndarray, "latent latent"], title: str = "", *, limit: float = 1.0
) -> Axes:
    """Covariance of the codes as a heat map (Fig. 3): white at 0, full colour at `limit`."""
    ax.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(10, integer=True))
    ax.set_xlabel("component of the code")
    tidy(ax, title).spines[:].set_visible(False)
    return ax


def covariance_beside_ideal(matrix: Float[np.ndarray, "latent latent"]) -> Figure:
    """The covariance next to the identity, which a standard normal prior asks for."""
    figure = new_figure(3.4, width=WIDTH * 0.85)
    left, right = figure.subplots(1, 2)
    limit = max(1.0, float(np.abs(matrix).max()))
    covariance(left, matrix, "this run", limit=limit)
    covariance(right, np.eye(len(matrix)), "the ideal: independent, variance 1", limit=limit)
    left.set_ylabel("component of the code")
    colour_scale([left, right], right.images[0], "covariance")
    return figure


def occupancy(
    ax: Axes,
    assign: Int[np.ndarray, " codes"],
    num_anchors: int,
    label: Int[np.ndarray, " codes"] | None = None,
    names: Sequence[str] = (),
) -> Axes:
    """Samples per anchor as bars, in the colours of the classes where there are at most twenty."""
    places = np.arange(num_anchors)
    if label is not None and 0 < len(names) <= MAX_DISTINCT:
        _stack(ax, assign, num_anchors, group_rows(label, names))
    else:
        counts = np.bincount(assign, minlength=num_anchors)
        ax.bar(places, counts, color=colours(num_anchors), width=0.8)
    _name_bars(ax, np.bincount(assign, minlength=num_anchors))
    return ax


def _stack(ax: Axes, assign: np.ndarray, num_anchors: int, groups: Sequence[Group]) -> None:
    bottom = np.zeros(num_anchors)
    pieces = []
    for group in groups:
        counts = np.bincount(assign[group.rows], minlength=num_anchors)
        bars = ax.bar(
            np.arange(num_anchors),
            counts,
            bottom=bottom,
            width=0.8,
            color=group.colour,
            edgecolor="white",
            linewidth=0.6,
            hatch="////" if group.mark == "diamond" else None,
        )
        pieces.append(bars.patches[0])
        bottom = bottom + counts
    names = [group.name for group in groups]
    columns = -(-len(names) // MAX_LEGEND_ROWS)
    legend = ax.legend(
        pieces, numbers(len(names)), loc="upper left", bbox_to_anchor=(1, 1), ncols=columns
    )
    name_legend(legend, names, "label")


def _name_bars(ax: Axes, counts: np.ndarray) -> None:
    places = np.arange(0, len(counts), -(-len(counts) // MAX_NAMED_BARS))
    name_ticks(ax.xaxis, places.tolist(), [str(i) for i in places])
    for i, count in enumerate(counts if len(counts) <= MAX_NAMED_BARS else ()):
        ax.text(i, count, str(count), ha="center", va="bottom", size=7.5, color=MUTED).set(
            path_effects=HALO
        )
    ax.axhline(counts.mean(), color=MUTED, linewidth=0.8, linestyle=(0, (4, 4)), zorder=0)
    ax.set(xlabel="anchor", ylabel="samples")
    ax.margins(x=0.01, y=0.12)
    tidy(ax)
