"""What the report says about one run: one function per figure, from arrays to HTML.

Each returns "" where the run has nothing to show.
"""

from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib.figure import Figure

from nebulatent.apps.pictures import galleries
from nebulatent.apps.pictures.canvas import new_figure, png_uri, to_png
from nebulatent.apps.pictures.cloud_pictures import draw_clouds
from nebulatent.apps.pictures.colours import MAX_DISTINCT, class_names
from nebulatent.apps.pictures.curves import term_curves, term_names
from nebulatent.apps.pictures.drawn import DRAWN, drawn
from nebulatent.apps.pictures.figures import Earlier, RunFigures
from nebulatent.apps.pictures.interactive_map import colourings, interactive
from nebulatent.apps.pictures.latent_map import Projection
from nebulatent.apps.pictures.plots import covariance_beside_ideal, latent_map, occupancy
from nebulatent.apps.pictures.point_distances import draw_distances
from nebulatent.apps.pictures.thumbnails import Sheet
from nebulatent.apps.pictures.turning import turning
from nebulatent.apps.pictures.turning_shapes import shapes_to_turn
from nebulatent.apps.reports import words

CLOUD_COLUMNS, CLOUDS_AROUND = 8, 5  # few, for a small picture of a cloud shows little


def picture(figure: Figure, alt: str, caption: str = "") -> str:
    """A figure as an embedded PNG; wide ones scroll sideways on a phone instead of shrinking."""
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    wide = ' class="wide"' if width > 800 else ""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return (
        f'<figure><div class="scroll"><img{wide} src="{png_uri(to_png(figure))}" '
        f'alt="{escape(alt)}" width="{width}" height="{height}"></div>{below}</figure>'
    )


def part(title: str, how: str, *bodies: str) -> str:
    """A titled part of a run: how to read it, then what there is to read."""
    return f'<h3>{title}</h3><p class="how">{how}</p>{"".join(bodies)}' if any(bodies) else ""


def facts(run: RunFigures) -> str:
    """What was trained, as names and values."""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in run.summary.items()
    )
    return f'<h3>What was trained</h3><dl class="facts">{rows}</dl>' if rows else ""


def found(sentences: Sequence[str]) -> str:
    """Sentences about the data."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def curves(run: RunFigures) -> str:
    """The training curves of one run."""
    names = [name.replace("_", " ") for name in term_names(run.history)]
    if not names:
        return ""
    alt = f"Training curves of {run.name}: {', '.join(names)}."
    last = picture(term_curves({"": run.history}), alt)
    if not run.earlier:
        return part("How training went", words.CURVES, last)
    stages = [*(_stage(run, stage) for stage in run.earlier), _titled(words.LAST_STAGE, last)]
    return part("How training went", words.CURVES, *stages)


def _stage(run: RunFigures, stage: Earlier) -> str:
    """The training curves of an earlier stage."""
    alt = f"Training curves of {run.name}: {stage.title}."
    return _titled((stage.title, stage.how), picture(term_curves(stage.histories), alt))


def _titled(words: tuple[str, str], body: str) -> str:
    title, how = words
    return f"<h4>{escape(title)}</h4><p>{how}</p>{body}"


def still_map(run: RunFigures, projection: Projection, rows: np.ndarray) -> str:
    """The latent map as a picture, once for each colouring."""
    ways = colourings(run, rows)
    figure = new_figure(4.6 if len(ways) > 1 else 6)
    for ax, way in zip(figure.subplots(1, len(ways), squeeze=False)[0], ways, strict=True):
        latent_map(
            ax, projection.codes, way.groups, projection.anchors, named=way.by == "label"
        ).set_title(f"coloured by {way.by}", loc="left", fontsize=9.5)
    alt = f"Map of {len(rows)} codes of {run.name}, coloured by " + " and by ".join(
        way.by for way in ways
    )
    return picture(figure, alt + ".", escape(projection.how))


def map_of_codes(
    run: RunFigures, projection: Projection, rows: np.ndarray, sheets: Sequence[Sheet] | None
) -> str:
    """The latent map: interactive with thumbnail sheets, a still picture without."""
    if sheets is None:
        return part("Latent map", words.STILL_MAP, still_map(run, projection, rows))
    drawn = f" Drawn: {len(rows):,} of {len(run.codes):,} samples." * (len(rows) < len(run.codes))
    return part(
        "Latent map",
        words.MAP,
        interactive(run, projection, rows, sheets),
        f"<figcaption>{escape(projection.how + drawn)}</figcaption>",
    )


def anchors(run: RunFigures) -> str:
    """How full each anchor is."""
    if run.anchors is None or run.assign is None:
        return ""
    names = class_names(run.label, run.label_names) if run.label is not None else ()
    figure = new_figure(2.7)
    occupancy(figure.subplots(), run.assign, len(run.anchors), run.label, names)
    colours = " Colours are the labels." * (0 < len(names) <= MAX_DISTINCT)
    share = share_of_anchors(np.bincount(run.assign, minlength=len(run.anchors)))
    bars = picture(figure, f"Samples per anchor of {run.name}. {share}", share + colours)
    return part("Anchors and their samples", words.ANCHORS, bars) + decoded_anchors(run)


def share_of_anchors(counts: np.ndarray) -> str:
    """How evenly the anchors share the samples, in a sentence.

    Examples:
        >>> share_of_anchors(np.array([3, 1, 0]))
        '2 of 3 anchors have samples; the fullest is anchor 0 with 3 (75 %).'
    """
    fullest, total = int(counts.argmax()), int(counts.sum())
    return (
        f"{(counts > 0).sum()} of {len(counts)} anchors have samples; the fullest is anchor "
        f"{fullest} with {counts[fullest]:,} ({100 * counts[fullest] / total:.0f} %)."
    )


def decoded_anchors(run: RunFigures) -> str:
    """Each anchor decoded, samples around it, and the real samples nearest to it."""
    if run.anchor_decoded is None or run.anchors is None or run.assign is None:
        return ""
    blocks = (
        (galleries.DECODED, run.anchor_samples),
        (galleries.NEAREST, run.anchor_nearest),
    )
    around = [(title, block) for title, block in blocks if block is not None and block.shape[1]]
    counts = np.bincount(run.assign, minlength=len(run.anchors))
    if run.kind != "vectors":
        room = CLOUDS_AROUND if run.kind in DRAWN else None
        around = [(title, as_shown(run, block[:, :room])) for title, block in around]
        figure = galleries.anchor_pictures(as_shown(run, run.anchor_decoded), around, counts)
        how = words.ANCHOR_PICTURES
    else:
        scale = galleries.scale_of(run.x)
        figure = galleries.anchor_profiles(run.anchor_decoded, around, counts, scale)
        how = words.ANCHOR_PROFILES
    shown = galleries.shown_anchors(counts)
    fewer = f"The {len(shown)} fullest of {len(counts)} anchors." * (len(shown) < len(counts))
    alt = f"{len(shown)} decoded anchors of {run.name} with samples around each."
    return part("What each anchor stands for", how, picture(figure, alt, fewer))


def as_shown(run: RunFigures, x: np.ndarray) -> np.ndarray:
    """Samples as galleries show them: clouds and grids as drawings, all others as they are."""
    return drawn(x, run.kind)


def covariance(run: RunFigures) -> str:
    """The covariance of the codes."""
    variances = np.diag(run.covariance)
    caption = f"Variances between {variances.min():.2f} and {variances.max():.2f}"
    if len(variances) > 1:
        others = np.abs(run.covariance[~np.eye(len(variances), dtype=bool)])
        caption += f"; covariances of up to {others.max():.2f} in size"
    figure = covariance_beside_ideal(run.covariance)
    alt = f"Covariance of the codes of {run.name}. {caption}."
    return part("Covariance of the codes", words.COVARIANCE, picture(figure, alt, caption + "."))


def mixtures(run: RunFigures) -> str:
    """Clouds divided among Gaussians, and the Gaussians."""
    if run.mixtures is None:
        return ""
    part_of, surface, owner = run.mixtures
    pair = draw_clouds(run.x[: len(part_of)], part_of), draw_clouds(surface, owner)
    figure = galleries.reconstruction_pictures(
        *pair, columns=CLOUD_COLUMNS, names=("points", "Gaussians")
    )
    alt = f"{len(part_of)} clouds divided among Gaussians by {run.name}, and their ellipsoids."
    return part("Clouds as mixtures of Gaussians", words.MIXTURES, picture(figure, alt))


def density_surfaces(run: RunFigures) -> str:
    """The surfaces of equal density of the first mixtures, under their clouds."""
    if run.surfaces is None:
        return ""
    clouds = draw_clouds(run.x[: len(run.surfaces)])
    figure = galleries.reconstruction_pictures(
        clouds, run.surfaces, columns=CLOUD_COLUMNS, names=("points", "surface")
    )
    alt = f"Surfaces of equal density of {len(clouds)} mixtures of {run.name}, under their clouds."
    return part("Surfaces of equal density", words.SURFACES, picture(figure, alt))


def point_distances(run: RunFigures) -> str:
    """Clouds coloured by the distance from one point, in space and for the network."""
    if run.distances is None:
        return ""
    picked, *distances = run.distances
    x = run.x[: len(picked)]
    figure = galleries.reconstruction_pictures(
        *(draw_distances(x, picked, distance) for distance in distances),
        columns=CLOUD_COLUMNS,
        names=("in space", "for the network"),
    )
    alt = f"Points of {len(x)} clouds by their distance from one point, in space and in {run.name}."
    return part("Distance from a point", words.DISTANCES, picture(figure, alt))


def turning_shapes(run: RunFigures) -> str:
    """Some clouds or grids that the reader turns."""
    shapes = shapes_to_turn(run)
    return part("Shapes to turn", words.TURNING, turning(shapes)) if shapes else ""
