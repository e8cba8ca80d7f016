"""Shapes that a reader turns with the mouse or the arrow keys, in a page that needs no network.

Python writes the shapes as JSON with their numbers packed, `turning.js` draws them in a canvas. Not
with Plotly, which the page embeds for its maps: it turns things by WebGL, which old machines and
remote desktops lack, and it is an extra that may be missing. Without WebGL there is no difference
between machines, either.

Coordinates are rounded to 16 bits, a ten-thousandth of the radius; the cells of a grid are a bit
each, and the script finds their faces.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from nebulatent.apps.pictures.canvas import brief
from nebulatent.apps.pictures.cloud_pictures import NEAR, REACH, TILT, TURN
from nebulatent.apps.pictures.interactive_map import script_json

SPAN = 65535  # coordinates are sent as whole numbers from 0 to this
BOX = 2 * REACH  # where they lie; what is farther out is brought to its sides
MAX_DOTS = 4096
MAX_CELLS = 64  # along a side
ACROSS = 1.16  # sides of a grid: its corners just stay in the picture
HELP = "Shapes to turn: drag, or press the arrow keys."
Packed = dict[str, Any]


class Dots(NamedTuple):
    """A cloud.

    Arguments:
        points: Around the origin, mostly within the unit sphere.
        group: Number of each point's colour.
        colours: As "#rrggbb".
        fades: Whether far dots are paler; not where the colour's lightness has a meaning.
    """

    points: Float[np.ndarray, "points 3"]
    group: Int[np.ndarray, " points"]
    colours: Sequence[str]
    fades: bool = True


class Mesh(NamedTuple):
    """A closed surface, smooth to the eye.

    Arguments:
        points: Around the origin, mostly within the unit sphere.
        triangles: Numbers of points, counter-clockwise from outside.
        group: Number of each triangle's colour.
        colours: As "#rrggbb".
    """

    points: Float[np.ndarray, "points 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    group: Int[np.ndarray, " triangles"]
    colours: Sequence[str]


class Cells(NamedTuple):
    """The filled cells of a grid, in one colour."""

    filled: Bool[np.ndarray, "x y z"]
    colour: str


class Shape(NamedTuple):
    """What a reader chooses: pictures of one thing, that turn together.

    Arguments:
        kind: The group that it belongs to, in the list ("samples", "anchors").
        name: What the list calls it.
        panes: The pictures, by title.
    """

    kind: str
    name: str
    panes: Mapping[str, Dots | Mesh | Cells]


def plain(points: Float[np.ndarray, "points 3"], colour: str = NEAR) -> Dots:
    """A cloud in one colour."""
    return Dots(points, np.zeros(len(points), int), (colour,))


def turning(shapes: Sequence[Shape]) -> str:
    """Shapes as an HTML fragment, a list above them; the page must carry `turning.js`.

    Raises:
        ValueError: If there is no shape.
    """
    if not shapes:
        raise ValueError("`shapes` must be at least one, got none; leave the fragment out.")
    scene = {
        "box": BOX,
        "reach": REACH,
        "view": {"turn": TURN, "tilt": TILT},
        "shapes": [_packed(shape) for shape in shapes],
    }
    options = "".join(
        f'<optgroup label="{escape(kind)}">'
        + "".join(f"<option>{escape(brief(shape.name, 40))}</option>" for shape in own)
        + "</optgroup>"
        for kind, own in groupby(shapes, key=lambda shape: shape.kind)
    )
    return (
        f'<div class="turning"><div class="switch"><label><span>Show</span><select>{options}'
        '</select></label><button type="button">First view</button></div>'
        f'<div class="stage" tabindex="0" role="application" aria-label="{HELP}"></div>'
        f'<script type="application/json">{script_json(scene)}</script>'
        "<noscript><p>Turning the shapes needs JavaScript.</p></noscript></div>"
    )


def _packed(shape: Shape) -> Packed:
    panes = [{"title": title} | _packed_pane(pane) for title, pane in shape.panes.items()]
    return {"name": brief(shape.name, 40), "panes": panes}


def _packed_pane(pane: Dots | Mesh | Cells) -> Packed:
    if isinstance(pane, Cells):
        filled = _coarser(pane.filled)
        return {
            "kind": "cells",
            "size": filled.shape,
            "side": ACROSS / max(filled.shape),
            "bits": _text(np.packbits(filled)),
            "colours": [pane.colour],
        }
    if isinstance(pane, Dots):
        # Clouds may be sorted, so that the first points would be a corner of one.
        few = np.random.default_rng(0).permutation(len(pane.points))[:MAX_DOTS]
        return {"kind": "dots", "fades": pane.fades} | _coloured(pane, pane.points[few], few)
    packed = _coloured(pane, pane.points, np.arange(len(pane.triangles)))
    return {"kind": "mesh", "triangles": _text(_whole(pane.triangles))} | packed


def _coloured(pane: Dots | Mesh, points: np.ndarray, shown: np.ndarray) -> Packed:
    """Places, and the colours of what is shown."""
    share = np.nan_to_num(points / BOX, nan=0.0).clip(-1, 1)
    places = np.round((share + 1) * SPAN / 2)
    group = pane.group[shown].astype(np.uint8)
    return {"points": _text(places.astype("<u2")), "group": _text(group), "colours": pane.colours}


def _whole(numbers: Int[np.ndarray, "triangles 3"]) -> np.ndarray:
    if numbers.max(initial=0) > SPAN:
        raise ValueError(
            f"`triangles` must be of at most {SPAN + 1} points, got number {numbers.max()}; "
            "find the surface on a coarser grid."
        )
    return numbers.astype("<u2")


def _coarser(filled: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """A grid of at most 64 cells along a side; one of its cells is filled if any within it is."""
    step = -(-max(filled.shape) // MAX_CELLS)
    grown = np.pad(filled, [(0, -size % step) for size in filled.shape])
    x, y, z = (size // step for size in grown.shape)
    return np.asarray(grown.reshape(x, step, y, step, z, step).any((1, 3, 5)))


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode("ascii")
