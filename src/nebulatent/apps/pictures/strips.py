"""Samples in rows, with a word on each column, and samples that change, as an animation.

What a sample looks like is said in one place, :func:`sample_pictures`.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import INK, MUTED, WIDTH, brief, new_figure
from nebulatent.apps.pictures.cloud_pictures import to_pictures
from nebulatent.apps.pictures.drawn import DRAWN, drawn, magnified
from nebulatent.apps.pictures.galleries import gap, picture_grid, pictures
from nebulatent.data.table import KINDS
from nebulatent.typing import Tensor

LEAST_SIDE = 112  # pixels of a picture; smaller ones are magnified by a whole number
TALLEST = 1.5  # inches of a picture
FRAME, REST = 90, 600  # milliseconds: of a frame, and of the first and the last
LONGEST, LETTER = 28, 0.07  # letters of the name of a row, and inches of a letter
HEAD = 0.75  # inches above and below the pictures
BAND = 9  # pictures in a line

Tiles = UInt8[np.ndarray, "*n height width 3"]
Strip = UInt8[np.ndarray, "rows columns height width 3"]


class Block(NamedTuple):
    """Columns that belong together.

    Arguments:
        title: What they are.
        tiles: Pictures, a row for each row of the strip.
        names: What each column is; may be empty.
    """

    title: str
    tiles: Strip
    names: Sequence[str] = ()


def sample_pictures(
    x: Float[np.ndarray, "samples ..."],
) -> UInt8[np.ndarray, "samples tall wide 3"]:
    """Images in [0, 1], clouds in the unit sphere and grids as pictures that can be seen.

    Of several pictures of a shape, the first.

    Raises:
        ValueError: If samples are vectors, which have no picture.
    """
    kind = KINDS[x.ndim]
    if kind == "images":
        return _magnified(pictures(x))
    if kind == "voxels" and len(set(x.shape[2:])) > 1:  # no cubes: pictures of shapes
        return to_pictures(magnified(x[:, 0]))
    if kind in DRAWN:
        return to_pictures(drawn(x, kind))
    raise ValueError(f"`x` must be images, clouds or grids, got samples of shape {x.shape[1:]}.")


def sample_tiles(samples: Sequence[Tensor]) -> Tiles:
    """Pictures of samples that may differ in size: clouds of other numbers of points."""
    return np.concatenate([sample_pictures(sample.numpy()) for sample in samples])


def _magnified(tiles: Tiles) -> Tiles:
    zoom = ceil(LEAST_SIDE / max(tiles.shape[-3:-1]))
    return tiles.repeat(zoom, axis=-3).repeat(zoom, axis=-2)


def strip_figure(blocks: Sequence[Block], rows: Sequence[str]) -> Figure:
    """Blocks side by side, a name for each row at the left.

    Arguments:
        blocks: All with the same number of rows and the same size of pictures.
        rows: Names, one for each row.
    """
    count, _, tall, wide, _ = blocks[0].tiles.shape
    columns = [block.tiles.shape[1] for block in blocks]
    ratios = [n + (n - 1) * gap(tall, wide) / wide for n in columns]
    margin = 0.3 + 0.15 * len(blocks) + LETTER * max(len(brief(name, LONGEST)) for name in rows)
    side = min((WIDTH - margin) / sum(ratios), TALLEST * wide / tall)
    height = HEAD + count * side * (tall + gap(tall, wide)) / wide
    figure = new_figure(height, width=max(margin + side * sum(ratios), WIDTH / 2))
    axes = figure.subplots(1, len(blocks), squeeze=False, width_ratios=ratios)[0]
    for ax, block in zip(axes, blocks, strict=True):
        picture_grid(ax, block.tiles, block.title)
        _name(ax.xaxis, block.names, (wide, gap(tall, wide)), MUTED)
    _name(axes[0].yaxis, rows, (tall, gap(tall, wide)), INK)
    return figure


def _name(axis: Axis, names: Sequence[str], pixels: tuple[int, int], colour: str) -> None:
    """Words at the middle of each picture, which with its gap to the next has so many pixels."""
    side, space = pixels
    places = (side - 1) / 2 + np.arange(len(names)) * (side + space)
    words = [brief(name, LONGEST) for name in names]
    axis.set_ticks(places.tolist(), labels=words, parse_math=False, color=colour, size=8)


def captioned_figure(
    tiles: UInt8[np.ndarray, "n height width 3"], captions: Sequence[str]
) -> Figure:
    """Pictures in lines of nine, each with its caption below, of two lines at most."""
    columns = min(BAND, len(tiles))
    bands = ceil(len(tiles) / columns)
    tall, wide = tiles.shape[1:3]
    side = min((WIDTH - 0.2) / columns, TALLEST)
    figure = new_figure(bands * (side * tall / wide + 0.45), width=max(side * columns, WIDTH / 2))
    axes = figure.subplots(bands, columns, squeeze=False).ravel()
    for ax in axes[len(tiles) :]:
        ax.set_axis_off()
    for ax, tile, caption in zip(axes, tiles, captions, strict=False):
        picture_grid(ax, tile[None, None])
        lines = "\n".join(brief(line, int(13 * side)) for line in caption.split("\n"))
        ax.text(
            0.5,
            -0.04,
            lines,
            transform=ax.transAxes,
            ha="center",
            va="top",
            color=INK,
            size=8,
            parse_math=False,
        )
    return figure


def write_gif(frames: UInt8[np.ndarray, "frames tall wide 3"], path: Path) -> None:
    """An animation that goes forth and back for ever, in one palette of 256 colours."""
    from PIL import Image

    every = Image.fromarray(frames.reshape(-1, *frames.shape[2:]))
    # One palette without dithering: else what stands still would flicker.
    palette = every.quantize(256, dither=Image.Dither.NONE)
    images = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in (*frames, *frames[-2:0:-1])
    ]
    durations = [FRAME] * len(images)
    durations[0] = durations[len(frames) - 1] = REST
    images[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        disposal=1,
    )
