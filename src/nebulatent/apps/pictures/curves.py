"""Training curves: one small panel per term (Fig. 5 of Wang et al., TPAMI 2022).

Values are unweighted means over an epoch, so that runs with other weights compare. The same term on
samples kept from training is a dashed line in its panel; weights are no curves.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nebulatent.apps.pictures.canvas import (
    ACCENT,
    MUTED,
    SHADE,
    WIDTH,
    brief,
    name_legend,
    new_figure,
    numbers,
    tidy,
)
from nebulatent.apps.pictures.colours import colours

History = Sequence[Mapping[str, float]]
FIRST = ("reconstruction", "kl", "nebula", "pair", "triplet")
LAST = ("total", "score", "anchors_in_use", "perplexity", "gradient_norm", "lr")
HELD_OUT = "validation_"
HIDDEN = ("weight_", HELD_OUT)
PLACE = ("epoch", "stage")


def term_names(history: History) -> list[str]:
    """Every curve of a history: the ELBO's terms first; what is no term comes last."""
    every = dict.fromkeys(name for row in history for name in row if name not in PLACE)
    names = [name for name in every if not name.startswith(HIDDEN)]
    order = [*FIRST, *(name for name in names if name not in FIRST + LAST), *LAST]
    return sorted(names, key=order.index)


def term_series(history: History, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and values of one term, NaN where it is missing or not finite."""
    epochs = np.array([row.get("epoch", i) for i, row in enumerate(history)], float)
    values = np.array([row.get(name, np.nan) for row in history], float)
    return epochs, np.where(np.isfinite(values), values, np.nan)


def warm_up_end(history: History) -> float | None:
    """The first epoch in which the last term begins, or None if all begin at once."""
    begins = []
    for name in term_names(history):
        epochs, values = term_series(history, name)
        begins.extend(epochs[np.isfinite(values)][:1].tolist())
    return max(begins) if len(set(begins)) > 1 else None


def term_curve(ax: Axes, histories: Mapping[str, History], name: str) -> Axes:
    """One term's unweighted value per epoch, one line per run that has it."""
    for history, colour in zip(histories.values(), run_colours(len(histories)), strict=True):
        epochs, values = term_series(history, name)
        mark = "o" if np.isfinite(values).sum() < 2 else ""
        ax.plot(epochs, values, color=colour, linewidth=1.8, marker=mark, markersize=4)
        if any(HELD_OUT + name in row for row in history):
            ax.plot(*term_series(history, HELD_OUT + name), color=colour, linewidth=1.2, ls="--")
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=name == "anchors_in_use"))
    ax.grid(axis="y", color=SHADE, linewidth=1)
    ax.set_axisbelow(True)
    return tidy(ax, brief(name.replace("_", " "), 28))


def run_colours(count: int) -> list[str]:
    """The accent for a single run, the palette for several."""
    return [ACCENT] if count == 1 else colours(count)


def term_curves(histories: Mapping[str, History], *, columns: int = 4) -> Figure:
    """A small panel per term, unweighted; the warm-up of a single run is shaded."""
    rows = [row for history in histories.values() for row in history]
    names = term_names(rows)
    height = max(1, -(-len(names) // columns))
    columns = max(1, -(-len(names) // height))
    figure = new_figure(0.3 + 1.8 * height, width=WIDTH / 4 * max(columns, 3))
    figure.get_layout_engine().set(h_pad=0.1, w_pad=0.06)  # pyright: ignore
    axes = figure.subplots(height, columns, sharex=True, squeeze=False).ravel()
    for ax, name in zip(axes, names, strict=False):
        term_curve(ax, histories, name)
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    for ax in axes[max(0, len(names) - columns) : len(names)]:
        ax.set_xlabel("epoch")
        ax.xaxis.set_tick_params(labelbottom=True)
    if len(histories) > 1:
        _name_runs(figure, list(histories))
    else:
        _shade_warm_up(axes[: len(names)].tolist(), names, rows)
    return figure


def _name_runs(figure: Figure, names: Sequence[str]) -> None:
    lines = [figure.axes[0].plot([], [], color=c, lw=2.5)[0] for c in run_colours(len(names))]
    name_legend(figure.legend(lines, numbers(len(names)), loc="outside upper left", ncols=6), names)


def _shade_warm_up(axes: Sequence[Axes], names: Sequence[str], history: History) -> None:
    end = warm_up_end(history)
    if end is None:
        return
    start = min(row.get("epoch", 0) for row in history)
    for ax, name in zip(axes, names, strict=True):
        ax.axvspan(start, end, color=SHADE, linewidth=0, zorder=0)
        if name not in history[0]:
            ax.text(
                (start + end) / 2,
                0.5,
                "warm-up",
                transform=ax.get_xaxis_transform(),
                size=7.5,
                color=MUTED,
                rotation=90,
                ha="center",
                va="center",
            )
