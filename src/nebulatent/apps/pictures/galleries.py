"""Samples as people see them: pictures as pictures, vectors as profiles.

Fig. 4 of Wang et al., TPAMI 2022: each anchor decoded, with samples decoded around it; beside them
the nearest real samples. And reconstructions beside their originals.

A vector's features may have any unit, so a profile shows each feature as its distance from the
data's mean, in standard deviations.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import (
    ACCENT,
    DIVERGING,
    INK,
    MUTED,
    WIDTH,
    bare,
    colour_scale,
    name_ticks,
    new_figure,
    tidy,
)
from nebulatent.apps.pictures.colours import colours

DECODED, NEAREST = "decoded around it", "nearest real samples"
MAX_ANCHORS = 24
MAX_SHOWN = 24
GAP = 0.12
LIMIT = 3.0


class Scale(NamedTuple):
    """Mean and standard deviation of each feature of the data."""

    mean: Float[np.ndarray, " features"]
    deviation: Float[np.ndarray, " features"]

    def __call__(self, x: Float[np.ndarray, "... features"]) -> Float[np.ndarray, "... features"]:
        """Vectors in standard deviations from the mean; a constant feature stays in its unit."""
        return (x - self.mean) / self.deviation


def scale_of(x: Float[np.ndarray, "codes features"]) -> Scale:
    """The scale of a table of vectors."""
    deviation = x.std(0)
    return Scale(x.mean(0), np.where(deviation > 0, deviation, 1.0))


def pictures(
    x: Float[np.ndarray, "*n channels height width"],
) -> UInt8[np.ndarray, "*n height width 3"]:
    """Images in [0, 1] as 8-bit red, green, blue; one channel is grey, two are their mean."""
    channels = x.shape[-3]
    if channels < 3:
        x = np.repeat(x.mean(-3, keepdims=True), 3, axis=-3)
    rgb = np.moveaxis(x[..., :3, :, :], -3, -1)
    return np.round(255 * rgb.clip(0, 1)).astype(np.uint8)


def name_columns(ax: Axes, titles: Sequence[str], pixels: int) -> None:
    """Titles above the columns of a grid of square pictures, each so many pixels wide."""
    step = pixels + gap(pixels, pixels)
    for number, title in enumerate(titles):
        ax.annotate(
            title,
            (number * step + (pixels - 1) / 2, -6),
            ha="center",
            va="bottom",
            size=8.5,
            color=INK,
            parse_math=False,
            annotation_clip=False,
        )


def gap(height: int, width: int) -> int:
    """Pixels between two pictures of this size."""
    return max(1, round(GAP * min(height, width)))


def mosaic(
    tiles: UInt8[np.ndarray, "rows columns height width 3"],
) -> UInt8[np.ndarray, "tall wide 3"]:
    """Pictures in rows and columns on white, an eighth of a picture apart."""
    rows, columns, height, width, _ = tiles.shape
    space = gap(height, width)
    sheet = np.full((rows, height + space, columns, width + space, 3), 255, np.uint8)
    sheet[:, :height, :, :width] = tiles.transpose(0, 2, 1, 3, 4)
    tall, wide = rows * (height + space), columns * (width + space)
    return sheet.reshape(tall, wide, 3)[:-space, :-space]


def picture_grid(
    ax: Axes,
    tiles: UInt8[np.ndarray, "rows columns height width 3"],
    title: str = "",
    names: Sequence[str] = (),
) -> Axes:
    """Pictures in rows and columns; one name per row, or none."""
    rows, _, height, width, _ = tiles.shape
    ax.imshow(mosaic(tiles))
    bare(ax, title)
    centres = (height - 1) / 2 + np.arange(rows) * (height + gap(height, width))
    name_ticks(ax.yaxis, centres[: len(names)].tolist(), names, color=INK, size=8.5)
    return ax


def shown_anchors(counts: Int[np.ndarray, " anchors"]) -> list[int]:
    """The anchors a gallery has room for: all, or the fullest, in their order."""
    fullest = np.argsort(-counts, kind="stable")[:MAX_ANCHORS]
    return sorted(fullest.tolist())


def anchor_pictures(
    decoded: Float[np.ndarray, "anchors channels height width"],
    around: Sequence[tuple[str, Float[np.ndarray, "anchors samples channels height width"]]],
    counts: Int[np.ndarray, " anchors"],
) -> Figure:
    """A row per anchor: what it decodes to, then each titled block of samples (Fig. 4)."""
    shown = shown_anchors(counts)
    blocks = [("anchor", decoded[:, None]), *around]
    widths = [block.shape[1] for _, block in blocks]
    tile = (WIDTH - 1.2) / (sum(widths) + len(widths))
    height, width = decoded.shape[-2:]
    figure = new_figure(0.5 + len(shown) * min(tile * height / width, 2.0))
    axes = figure.subplots(1, len(blocks), squeeze=False, width_ratios=widths)[0]
    names = [f"{i} · {counts[i]}" for i in shown]
    for ax, (title, block) in zip(axes, blocks, strict=True):
        picture_grid(ax, pictures(block[shown]), title, names if ax is axes[0] else ())
    _colour_rows(axes[0], [colours(len(counts))[i] for i in shown])
    return figure


def _colour_rows(ax: Axes, row_colours: Sequence[str]) -> None:
    ax.tick_params(axis="y", pad=16)
    for place, colour in zip(ax.get_yticks(), row_colours, strict=True):
        ax.annotate(
            "●",
            (0, place),
            xycoords=ax.get_yaxis_transform(),
            xytext=(-9, 0),
            textcoords="offset points",
            color=colour,
            size=12,
            ha="center",
            va="center",
        )


def profile(ax: Axes, lines: Float[np.ndarray, "lines features"], colour: str) -> Axes:
    """Vectors as lines over their features; a point each when there are too few for a line."""
    wide = lines.shape[1] > 2
    thin = 2.0 if len(lines) == 1 else 0.7
    ax.plot(
        lines.T,
        color=colour,
        linewidth=thin if wide else 0,
        marker="" if wide else "o",
        markersize=2 + 2 * thin,
        alpha=1 if len(lines) == 1 else 0.55,
    )
    return ax


def anchor_profiles(
    decoded: Float[np.ndarray, "anchors features"],
    around: Sequence[tuple[str, Float[np.ndarray, "anchors samples features"]]],
    counts: Int[np.ndarray, " anchors"],
    scale: Scale,
) -> Figure:
    """A panel per anchor: its decoded profile over those of the samples around it (Fig. 4)."""
    shown = shown_anchors(counts)
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(0.3 + 1.6 * rows, width=WIDTH / 4 * max(columns, 2))
    limit = max(LIMIT, 1.1 * float(np.abs(scale(decoded[shown])).max()))
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, i in zip(axes, shown, strict=False):
        for title, block in reversed(around):
            profile(ax, scale(block[i]), ACCENT if title == DECODED else MUTED)
        profile(ax, scale(decoded[i : i + 1]), INK)
        ax.set_ylim(-limit, limit)
        ax.axhline(0, color=MUTED, linewidth=0.5)
        tidy(ax, f"{i} · {counts[i]} samples")
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    figure.supylabel("standard deviations from the mean", size=8.5, color=MUTED)
    figure.supxlabel("feature", size=8.5, color=MUTED)
    return figure


def reconstruction_pictures(
    *parts: Float[np.ndarray, "samples channels height width"],
    columns: int = 12,
    names: Sequence[str] = ("original", "reconstruction"),
) -> Figure:
    """Pictures of the same samples above one another: originals and copies, or what names say."""
    parts = tuple(part[:MAX_SHOWN] for part in parts)
    x, count = parts[0], len(parts)
    columns = min(columns, len(x))
    bands = -(-len(x) // columns)
    width = WIDTH if columns > 4 else WIDTH / 2
    ratio = x.shape[-2] / x.shape[-1]
    tile = min((width - 1.2) / columns, 1.2)
    figure = new_figure(bands * count * (0.125 + tile * ratio), width=width)
    for band, ax in enumerate(figure.subplots(bands, 1, squeeze=False)[:, 0]):
        rows = slice(band * columns, (band + 1) * columns)
        tiles = np.full((count, columns, *pictures(x[:1])[0].shape), 255, np.uint8)
        for line, part in zip(tiles, parts, strict=True):
            line[: len(x[rows])] = pictures(part[rows])
        picture_grid(ax, tiles, names=names)
    return figure


def reconstruction_profiles(
    x: Float[np.ndarray, "samples features"],
    recon: Float[np.ndarray, "samples features"],
    scale: Scale,
) -> Figure:
    """Originals, reconstructions and what is left, as heat maps on one scale."""
    original, copy = scale(x[:MAX_SHOWN]), scale(recon[:MAX_SHOWN])
    figure = new_figure(0.9 + 0.13 * max(len(original), 8))
    axes = figure.subplots(1, 3, sharey=True)
    titles = ("original", "reconstruction", "original − reconstruction")
    for ax, title, rows in zip(axes, titles, (original, copy, original - copy), strict=True):
        ax.imshow(
            rows, cmap=DIVERGING, vmin=-LIMIT, vmax=LIMIT, aspect="auto", interpolation="nearest"
        )
        tidy(ax, title).set(xlabel="feature", yticks=[])
    axes[0].set_ylabel("sample")
    colour_scale(axes.tolist(), axes[0].images[0], "standard deviations")
    return figure


def journey(
    x: Float[np.ndarray, "..."],
    code: Float[np.ndarray, " latent"],
    recon: Float[np.ndarray, "..."],
    scale: Scale | None,
    size: int,
    copied: str = "rebuilt copy",
) -> Figure:
    """One sample, its code as bars, and the reconstruction: an autoencoder in one picture.

    Arguments:
        x: The sample: a vector, or an image in [0, 1], which may be a drawing of it.
        code: Its code.
        recon: The reconstruction, like the sample.
        scale: What brings vectors to one unit; None for images.
        size: Numbers that the sample has.
        copied: What the reconstruction is called.
    """
    figure = new_figure(1.8, width=WIDTH * 0.8)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.8, 1))
    bare(middle, f"its code: {len(code):,} numbers")
    middle.bar(np.arange(len(code)), code, color=ACCENT, width=0.7)
    middle.axhline(0, color=MUTED, linewidth=0.8)
    for ax, sample, title in (
        (left, x, f"a sample: {size:,} numbers"),
        (right, recon, copied),
    ):
        if scale is None:
            picture_grid(ax, pictures(sample)[None, None], title)
        else:
            limit = max(LIMIT, float(np.abs(scale(np.stack([x, recon]))).max()))
            profile(bare(ax, title), scale(sample[None]), INK).set_ylim(-limit, limit)
    for x_place, network in ((-0.02, "encoder"), (1.02, "decoder")):
        middle.text(
            x_place,
            0.5,
            f"{network}\n→",
            transform=middle.transAxes,
            ha="right" if x_place < 0 else "left",
            va="center",
            size=10,
            color=MUTED,
            linespacing=0.9,
            multialignment="center",
        )
    return figure
