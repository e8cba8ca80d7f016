"""One look for every figure: ink, lines, type, and a PNG at the end.

Figures are built on `matplotlib.figure.Figure` alone: no pyplot, no rcParams, nothing global, so
that a notebook's own settings neither change ours nor are changed.
"""

import base64
import io
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend

INK = "#1c2230"
MUTED = "#5b6475"
LINE = "#d8dde6"
SHADE = "#f1f3f7"
ACCENT = "#4353c4"

WIDTH = 9.2
DPI = 150
DIVERGING = "RdBu_r"


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty white figure; sizes in inches, as wide as the report's column unless said."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def tidy(ax: Axes, title: str = "") -> Axes:
    """Quiet axes: two thin spines, small grey ticks, the title in ink above the left corner."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(colors=MUTED, labelsize=8, length=3, width=0.8, color=LINE)
    ax.xaxis.label.set(color=MUTED, size=8.5)
    ax.yaxis.label.set(color=MUTED, size=8.5)
    if title:
        ax.set_title(
            title, loc="left", fontsize=9.5, color=INK, fontweight="bold", parse_math=False
        )
    return ax


def bare(ax: Axes, title: str = "") -> Axes:
    """Axes whose numbers mean nothing to a reader: no spines, no ticks."""
    tidy(ax, title).spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set(xticks=[], yticks=[])
    return ax


def name_ticks(axis: Axis, places: Sequence[float], names: Sequence[str], **text: Any) -> None:  # noqa: ANN401
    """Ticks with names that were given by users: neither mathematics nor longer than a line."""
    axis.set_ticks(places, labels=[brief(name) for name in names], parse_math=False, **text)


def colour_scale(axes: Sequence[Axes], image: AxesImage, label: str = "") -> None:
    """A slim colour bar beside axes that share it."""
    bar = axes[0].figure.colorbar(image, ax=axes, fraction=0.03, pad=0.02, aspect=24)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(colors=MUTED, labelsize=8, length=0)
    bar.set_label(label, color=MUTED, size=8.5)


def numbers(count: int) -> list[str]:
    """Stand-ins for a legend's names, which matplotlib would read: a leading "_" hides an entry."""
    return [str(i) for i in range(count)]


def name_legend(legend: Legend, names: Sequence[str], title: str = "") -> None:
    """Give a legend made with `numbers` its users' names, and our look."""
    legend.set_frame_on(False)
    legend.set_title(title)
    legend.get_title().set(color=MUTED, size=8.5)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set(text=brief(name), color=INK, size=8.5, parse_math=False)


def brief(name: str, length: int = 22) -> str:
    """A user's name on one line, cut to `length` characters.

    Examples:
        >>> brief("a name that is far too long for a tick")
        'a name that is far to…'
    """
    line = " ".join(name.encode("utf-8", "replace").decode("utf-8").split())
    return line if len(line) <= length else line[: length - 1] + "…"


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Names in scripts that the bundled font lacks are drawn as boxes; that is no one's error.
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def png_uri(png: bytes) -> str:
    """A PNG as text that an HTML page can carry."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
