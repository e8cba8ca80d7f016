"""Accuracy along scales: a panel for each scale, a line for each kind of features.

Levels stand side by side at equal distances, whatever their numbers; bars are one standard
deviation of a draw either way.
"""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import (
    SHADE,
    WIDTH,
    name_legend,
    name_ticks,
    new_figure,
    numbers,
    tidy,
)
from nebulatent.apps.pictures.colours import colours
from nebulatent.evaluation.levels import Curve, same_levels

COLUMNS = 3
Curves = Mapping[str, Mapping[str, Curve]]


def curve_panels(curves: Curves) -> Figure:
    """All curves: by scale, then by kind of features.

    Raises:
        ValueError: If there is none, or the curves of a scale have different levels.
    """
    if not curves:
        raise ValueError("`curves` must be of at least one scale, got none.")
    columns = min(COLUMNS, len(curves))
    height = -(-len(curves) // columns)
    figure = new_figure(0.5 + 2.3 * height, width=max(WIDTH / 2, WIDTH / COLUMNS * columns))
    axes = figure.subplots(height, columns, squeeze=False).ravel()
    for ax, (name, kinds) in zip(axes, curves.items(), strict=False):
        curve_lines(ax, name, kinds)
    for ax in axes[len(curves) :]:
        ax.set_axis_off()
    kinds = list(next(iter(curves.values())))
    lines = [axes[0].plot([], [], color=c, linewidth=2.5)[0] for c in colours(len(kinds))]
    place = "outside upper left"
    name_legend(figure.legend(lines, numbers(len(kinds)), loc=place, ncols=len(kinds)), kinds)
    return figure


def curve_lines(ax: Axes, name: str, kinds: Mapping[str, Curve]) -> Axes:
    """The curves of one scale, one line for each kind of features."""
    levels = same_levels(list(kinds.values()))
    places = list(range(len(levels)))
    for curve, colour in zip(kinds.values(), colours(len(kinds)), strict=True):
        mean = [level.mean for level in curve.levels]
        std = [level.std for level in curve.levels]
        ax.errorbar(
            places, mean, std, color=colour, linewidth=1.8, elinewidth=1, marker="o", markersize=3.5
        )
    name_ticks(ax.xaxis, places, [level.text for level in levels])
    ax.set(xlabel=next(iter(kinds.values())).unit, ylim=(0, 1))
    ax.grid(axis="y", color=SHADE, linewidth=1)
    ax.set_axisbelow(True)
    return tidy(ax, name)
