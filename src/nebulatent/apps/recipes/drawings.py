"""Figures that several recipes share: dots of rows, lines over sizes, curves, covariances."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nebulatent.apps.pictures.canvas import (
    ACCENT,
    INK,
    MUTED,
    SHADE,
    WIDTH,
    colour_scale,
    name_legend,
    name_ticks,
    new_figure,
    numbers,
    tidy,
)
from nebulatent.apps.pictures.colours import colours
from nebulatent.apps.pictures.plots import covariance
from nebulatent.apps.recipes.recipe import Trainings
from nebulatent.apps.recipes.record import Record

PAPER = "#bd1f01"
LIMIT = 1.5  # of a covariance, in full colour


def row_dots(record: Record, measures: Sequence[str]) -> Figure:
    """A panel per measure: each seed as a dot, their mean as a bar, the paper's as a diamond."""
    rows = list(record.rows)
    figure = new_figure(0.8 + 0.27 * len(rows))
    axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for ax, measure in zip(axes, measures, strict=True):
        _dots(ax, record, measure)
    axes[0].set_yticks(range(len(rows)), [""] * len(rows))
    for place, row in enumerate(rows):
        mark = " (supervised)" if row.supervised else ""
        axes[0].annotate(
            row.name + mark,
            (0, place),
            xycoords=axes[0].get_yaxis_transform(),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            size=8.5,
            color=INK,
            parse_math=False,
        )
    axes[0].invert_yaxis()
    marks = [
        axes[0].plot([], [], "o", color=ACCENT, alpha=0.5, markersize=4)[0],
        axes[0].plot([], [], "|", color=INK, markersize=9, markeredgewidth=1.8)[0],
        axes[0].plot([], [], "D", color=PAPER, markersize=4.5)[0],
    ]
    names = ["a seed", "mean", "the paper"]
    legend = figure.legend(marks, numbers(3), loc="outside upper right", ncols=3)
    name_legend(legend, names)
    return figure


def _dots(ax: Axes, record: Record, measure: str) -> None:
    for place, row in enumerate(record.rows):
        ax.axhline(place, color=SHADE, linewidth=1, zorder=0)
        seeds = row.values.get(measure, ())
        ax.plot(seeds, [place] * len(seeds), "o", color=ACCENT, alpha=0.5, markersize=4)
        if seeds:
            mean = float(np.mean(seeds))
            ax.plot(mean, place, "|", color=INK, markersize=9, markeredgewidth=1.8)
        if measure in row.paper:
            ax.plot(row.paper[measure], place, "D", color=PAPER, markersize=4.5)
    tidy(ax, measure).spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.tick_params(axis="y", length=0)


def size_lines(
    record: Record, measures: Sequence[str], series: Mapping[str, Mapping[str, float]], label: str
) -> Figure:
    """A panel per measure: a line per series over sizes, a band of ± one deviation over seeds.

    Arguments:
        record: What was found; the paper's numbers are dashed.
        measures: One panel each.
        series: Size of each row, by the name of its line; rows that were not run are left out.
        label: What the sizes are.
    """
    figure = new_figure(3.2, width=min(WIDTH, 4.6 * len(measures)))
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    looks = list(zip(series.items(), colours(len(series)), strict=True))
    for ax, measure in zip(axes, measures, strict=True):
        for (_, sizes), colour in looks:
            _line(ax, record, measure, sizes, colour)
        tidy(ax, measure).set_xlabel(label)
        ax.set_xscale("log")
        ticks = sorted({size for sizes in series.values() for size in sizes.values()})
        name_ticks(ax.xaxis, ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.grid(axis="y", color=SHADE)
    lines = [axes[0].plot([], [], color=colour, lw=2.5)[0] for _, colour in looks]
    lines.append(axes[0].plot([], [], color=MUTED, lw=1.2, ls="--")[0])
    names = [*series, "dashed: the paper"]
    name_legend(figure.legend(lines, numbers(len(lines)), loc="outside upper left", ncols=4), names)
    return figure


def _line(ax: Axes, record: Record, measure: str, sizes: Mapping[str, float], colour: str) -> None:
    rows = {row.name: row for row in record.rows}
    there = [name for name in sizes if name in rows and measure in rows[name].values]
    if not there:
        return
    x = np.array([sizes[name] for name in there])
    y = np.array([rows[name].values[measure] for name in there])
    mean, spread = y.mean(1), y.std(1, ddof=1) if y.shape[1] > 1 else np.zeros(len(y))
    ax.plot(x, mean, color=colour, marker="o", markersize=3.5, linewidth=1.8)
    ax.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
    printed = [(sizes[n], rows[n].paper[measure]) for n in there if measure in rows[n].paper]
    if printed:
        ax.plot(*zip(*printed, strict=True), color=colour, linewidth=1.2, linestyle="--")


def curve_panels(trained: Trainings, measures: Sequence[str], against: Sequence[str]) -> Figure:
    """A panel per measure over the steps of the training, mean and range over the seeds.

    Arguments:
        trained: Rows with curves; the first is the one to compare with.
        measures: Shown as they are.
        against: Shown as the difference from the first row with the same seed.
    """
    figure = new_figure(2.9)
    axes = figure.subplots(1, len(measures) + len(against), squeeze=False)[0]
    first, *others = trained
    looks = dict(zip(trained, colours(len(trained)), strict=True))
    for ax, measure in zip(axes, measures, strict=False):
        for name, colour in looks.items():
            _curve(ax, *_series(trained, name, measure), colour)
        tidy(ax, measure)
    for ax, measure in zip(axes[len(measures) :], against, strict=True):
        step, base = _series(trained, first, measure)
        ax.axhline(0, color=looks[first], linewidth=1.8)
        for name in others:
            _curve(ax, step, _series(trained, name, measure)[1] - base, looks[name])
        tidy(ax, f"{measure} − {first}'s")
    for ax in axes:
        ax.set_xlabel("step")
        ax.grid(axis="y", color=SHADE)
        ax.margins(y=0.05)
    lines = [axes[0].plot([], [], color=colour, lw=2.5)[0] for colour in looks.values()]
    legend = figure.legend(lines, numbers(len(lines)), loc="outside upper left", ncols=5)
    name_legend(legend, list(trained))
    return figure


def _series(
    trained: Trainings, name: str, measure: str
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "seeds points"]]:
    """Steps and values after the first third, which would squeeze what follows into a line."""
    curves = [seed.arrays["curves"] for seed in trained[name]]
    step = np.array(curves[0]["step"], float)
    # The last step is measured too, wherever it falls: a hook at the end of an even line.
    kept = (step % step[0] == 0) & (np.arange(len(step)) >= len(step) // 3)
    return step[kept], np.array([curve[measure] for curve in curves], float)[:, kept]


def _curve(
    ax: Axes,
    step: Float[np.ndarray, " points"],
    y: Float[np.ndarray, "seeds points"],
    colour: str,
) -> None:
    ax.plot(step, y.mean(0), color=colour, linewidth=1.8)
    ax.fill_between(step, y.min(0), y.max(0), color=colour, alpha=0.18, linewidth=0)


def covariances(
    matrices: Mapping[str, Float[np.ndarray, "latent latent"]], titles: Mapping[str, str]
) -> Figure:
    """Covariance matrices side by side on the identity's scale, titles above."""
    figure = new_figure(2.5 if len(matrices) < 6 else 4.6)
    rows = 1 if len(matrices) < 6 else 2
    axes = figure.subplots(rows, -(-len(matrices) // rows), squeeze=False).ravel()
    # One scale, that of the identity: codes on another scale are saturated, the others are seen.
    for ax, (name, matrix) in zip(axes, matrices.items(), strict=False):
        covariance(ax, matrix, titles[name], limit=LIMIT).set_xlabel("")
    for ax in axes[len(matrices) :]:
        ax.set_axis_off()
    colour_scale(axes.tolist(), axes[0].images[0], "covariance (beyond: saturated)")
    return figure
