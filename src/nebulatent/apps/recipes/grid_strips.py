"""Strips of grids as pictures: a title above each column, a name beside each line."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import INK, WIDTH, new_figure
from nebulatent.apps.pictures.galleries import name_columns, picture_grid
from nebulatent.apps.recipes.completion_pictures import draw_cells

PIXELS = 120
NAMED = 1.1  # inches for the names of lines
GAP = 0.3  # inches between blocks


def strip_blocks(
    blocks: Mapping[str, Bool[np.ndarray, "lines columns x y z"]], titles: Sequence[str]
) -> Figure:
    """Blocks of strips one above the other, each with its name at the left.

    Arguments:
        blocks: Grids by the name of their block; all with as many columns.
        titles: Above the columns, in the first block only.
    """
    lines = [block.shape[0] for block in blocks.values()]
    side = (WIDTH - NAMED) / len(titles)
    figure = new_figure(0.4 + side * sum(lines) + GAP * len(lines))
    axes = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=lines)[:, 0]
    for ax, (name, block) in zip(axes, blocks.items(), strict=True):
        tiles = np.stack([[draw_cells(cells, PIXELS) for cells in line] for line in block])
        picture_grid(ax, tiles)
        ax.set_ylabel(name, color=INK, size=8.5, rotation=0, ha="right", va="center")
    name_columns(axes[0], titles, PIXELS)
    return figure
