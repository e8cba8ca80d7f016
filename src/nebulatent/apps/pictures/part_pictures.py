"""Clouds coloured by part, true and predicted beside each other, and the IoU of each category.

A colour stands for a part within its category; the same part has the same colour in all rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes

from nebulatent.apps.pictures.canvas import INK, SHADE, bare, name_ticks, tidy
from nebulatent.apps.pictures.cloud_pictures import draw_cloud, to_pictures, view
from nebulatent.apps.pictures.colours import colours
from nebulatent.apps.pictures.galleries import gap, mosaic


def draw_parts(
    points: Float[np.ndarray, "points 3"],
    parts: Int[np.ndarray, " points"],
    own: Sequence[int],
) -> UInt8[np.ndarray, "side side 3"]:
    """A cloud with a colour for each part of its category.

    Arguments:
        points: The cloud.
        parts: The part of each point.
        own: All parts of its category, also those that this cloud lacks.
    """
    # Colours go to the parts that are there, in their order. So each part is there, in a point
    # behind the farthest one, which is drawn over it.
    hidden = points[[int((points @ view()[2]).argmin())] * len(own)]
    every = np.concatenate([np.asarray(own), parts])
    return to_pictures(draw_cloud(np.concatenate([hidden, points]), every))


def part_grid(
    ax: Axes,
    points: Float[np.ndarray, "clouds points 3"],
    rows: Mapping[str, Int[np.ndarray, "clouds points"]],
    own: Sequence[Sequence[int]],
    names: Sequence[str],
) -> Axes:
    """A column per cloud, a row per opinion on its parts.

    Arguments:
        ax: Where to draw.
        points: The clouds.
        rows: The part of each point, by who says so; the truth first.
        own: Parts of each cloud's category.
        names: Of the clouds.
    """
    tiles = np.stack(
        [
            [draw_parts(*cloud) for cloud in zip(points, parts, own, strict=True)]
            for parts in rows.values()
        ]
    )
    height, width = tiles.shape[2:4]
    ax.imshow(mosaic(tiles))
    bare(ax)
    down, across = (
        (size - 1) / 2 + np.arange(count) * (size + gap(height, width))
        for size, count in ((height, len(tiles)), (width, tiles.shape[1]))
    )
    name_ticks(ax.yaxis, down.tolist(), list(rows), color=INK, size=8.5)
    name_ticks(ax.xaxis, across.tolist(), names, color=INK, size=8.5)
    ax.xaxis.tick_top()
    return ax


def category_dots(
    ax: Axes, values: Mapping[str, Sequence[Sequence[float]]], names: Sequence[str], title: str
) -> Axes:
    """A line per category: the mean over seeds of each row as a dot, its seeds as small ones.

    Arguments:
        ax: Where to draw.
        values: Of each category, one per seed, by row.
        names: Of the categories.
        title: What the values are.
    """
    apart = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else [0.0]
    places = np.arange(len(names))
    for place in range(len(names)):
        ax.axhline(place, color=SHADE, linewidth=1, zorder=0)
    for (row, seeds), colour, shift in zip(
        values.items(), colours(len(values)), apart, strict=True
    ):
        table = np.array(seeds)
        for seed in table.T:
            ax.plot(seed, places + shift, "o", color=colour, alpha=0.35, markersize=2.5)
        ax.plot(table.mean(1), places + shift, "o", color=colour, markersize=4.5, label=row)
    tidy(ax, title).spines["left"].set_visible(False)
    name_ticks(ax.yaxis, places.tolist(), names, color=INK, size=8.5)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    return ax
