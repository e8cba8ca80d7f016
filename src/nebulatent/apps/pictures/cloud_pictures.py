r"""Clouds of points as small pictures, drawn without OpenGL, so that galleries show them as images.

A cloud is looked at from the front, from the right and from above, in parallel projection; z is up.
Points are discs, the farthest drawn first; nearer ones are darker. With the parts of its points a
cloud has a colour for each part, and the same shading.

.. math:: u = (p \cdot r, \; p \cdot t), \qquad \text{depth} = p \cdot v

with right, top and towards the eye, r, t and v, orthonormal.
"""

from math import ceil, cos, radians, sin, sqrt

import numpy as np
from jaxtyping import Float, Int, UInt8
from matplotlib.colors import to_rgb

from nebulatent.apps.pictures.colours import PALETTE
from nebulatent.apps.pictures.galleries import mosaic

TURN, TILT = 35.0, 25.0  # of the eye, to the right of the front and above the ground, in degrees
NEAR, FAR = "#232c78", "#b9c1ea"
MARK, PAPER = "#d62728", "#ffffff"
SIDE = 144  # pixels of a picture
REACH = 1.06  # what a picture shows around the origin, in units of the points; clouds have radius 1
FINER = 2  # each picture is drawn so many times larger
DISC = 0.016  # radius of a point of a thousand, in picture sides
Colours = Float[np.ndarray, "points 3"]


def view() -> Float[np.ndarray, "3 3"]:
    """Directions to the right, to the top and towards the eye, one a row."""
    turn, tilt = radians(TURN), radians(TILT)
    right = (cos(turn), sin(turn), 0.0)
    eye = (sin(turn) * cos(tilt), -cos(turn) * cos(tilt), sin(tilt))
    return np.array([right, np.cross(eye, right), eye])


def depth_colours(depth: Float[np.ndarray, " points"], parts: np.ndarray | None) -> Colours:
    """Dark near the eye, light far from it; a hue for each part if there are parts.

    Arguments:
        depth: Larger is nearer.
        parts: Number of each point's part.
    """
    nearness = ((depth - depth.min()) / max(np.ptp(depth), 1e-6))[:, None]
    if parts is None:
        return np.array(to_rgb(FAR)) * (1 - nearness) + np.array(to_rgb(NEAR)) * nearness
    palette = np.array([to_rgb(colour) for colour in PALETTE])
    hue = palette[np.unique(parts, return_inverse=True)[1] % len(PALETTE)]
    return 1 - (1 - hue) * (0.45 + 0.55 * nearness)


def draw_cloud(
    points: Float[np.ndarray, "points 3"],
    parts: Int[np.ndarray, " points"] | None = None,
    *,
    side: int = SIDE,
) -> Float[np.ndarray, "3 side side"]:
    """A cloud in the unit sphere as an image in [0, 1].

    Arguments:
        points: The cloud.
        parts: A number for the part of each point; the least is the first colour.
        side: Height and width in pixels.
    """
    return paint(points, depth_colours((points @ view().T)[:, 2], parts), side=side)


def paint(
    points: Float[np.ndarray, "points 3"],
    colours: Colours,
    *,
    side: int = SIDE,
    marked: int | None = None,
) -> Float[np.ndarray, "3 side side"]:
    """A cloud in the unit sphere as an image in [0, 1], each point in its colour.

    Arguments:
        points: The cloud.
        colours: Red, green and blue of each point.
        side: Height and width in pixels.
        marked: A point that is drawn larger, in front of all others; None marks none.
    """
    right, top, eye = (points @ view().T).T
    order = np.argsort(eye, kind="stable")  # of points at one pixel the nearest is drawn last
    size = side * FINER
    centre = np.round((np.stack([-top, right], axis=1) / REACH + 1) * (size - 1) / 2).astype(int)
    radius = size * DISC * min(1.6, (1000 / len(points)) ** 0.25)
    disc = _disc(radius)
    pixels = np.clip(centre[order][:, None] + disc, 0, size - 1).reshape(-1, 2)
    canvas = np.ones((size, size, 3), dtype=np.float32)
    canvas[pixels[:, 0], pixels[:, 1]] = colours[order].repeat(len(disc), axis=0)
    for larger, colour in ((3, PAPER), (2.2, MARK)) if marked is not None else ():
        rows, columns = np.clip(centre[marked] + _disc(larger * radius), 0, size - 1).T
        canvas[rows, columns] = to_rgb(colour)
    fine = canvas.reshape(side, FINER, side, FINER, 3)
    return fine.mean((1, 3)).transpose(2, 0, 1)


def _disc(radius: float) -> Int[np.ndarray, "pixels 2"]:
    """Offsets of the pixels of a disc around its centre."""
    reach = np.arange(-int(radius), int(radius) + 1)
    offset = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    return offset[(offset**2).sum(1) <= max(radius, 1.0) ** 2]


def draw_clouds(
    x: Float[np.ndarray, "*n points 3"], parts: np.ndarray | None = None, *, side: int = SIDE
) -> Float[np.ndarray, "*n 3 side side"]:
    """Clouds as images in [0, 1], of any number of axes."""
    flat = x.reshape(-1, *x.shape[-2:])
    own = [None] * len(flat) if parts is None else parts.reshape(-1, parts.shape[-1])
    drawn = [draw_cloud(cloud, labels, side=side) for cloud, labels in zip(flat, own, strict=True)]
    images = np.stack(drawn) if drawn else np.ones((0, 3, side, side), dtype=np.float32)
    return images.reshape(*x.shape[:-2], 3, side, side)


def nearest_parts(
    x: Float[np.ndarray, "clouds points 3"],
    parts: Int[np.ndarray, "clouds points"],
    recon: Float[np.ndarray, "clouds others 3"],
) -> Int[np.ndarray, "clouds others"]:
    """The part of the original point that is nearest to each rebuilt one."""
    from scipy.spatial import KDTree

    rows = zip(x, parts, recon, strict=True)
    return np.stack([own[KDTree(cloud).query(rebuilt)[1]] for cloud, own, rebuilt in rows])


def cloud_sheet(x: Float[np.ndarray, "clouds points 3"]) -> UInt8[np.ndarray, "tall wide 3"]:
    """Clouds as one picture, row by row in a grid as square as possible."""
    return as_sheet(to_pictures(draw_clouds(x)))


def as_sheet(
    pictures: UInt8[np.ndarray, "pictures side side 3"],
) -> UInt8[np.ndarray, "tall wide 3"]:
    """Pictures as one, row by row in a grid as square as possible."""
    columns = ceil(sqrt(len(pictures)))
    rows = ceil(len(pictures) / columns)
    tiles = np.full((rows * columns, *pictures.shape[1:]), 255, np.uint8)
    tiles[: len(pictures)] = pictures
    return mosaic(tiles.reshape(rows, columns, *pictures.shape[1:]))


def to_pictures(images: Float[np.ndarray, "*n 3 side side"]) -> UInt8[np.ndarray, "*n side side 3"]:
    """Images in [0, 1] as 8-bit red, green, blue."""
    return np.round(255 * np.moveaxis(images, -3, -1)).astype(np.uint8)
