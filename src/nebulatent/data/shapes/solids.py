r"""The alphabet of the shapes: convex polyhedra between two rings.

A solid is the convex hull of a lower ring :math:`b_1 \dots b_n` and an upper ring
:math:`t_1 \dots t_n` whose edges are parallel, so each side :math:`b_i b_{i+1} t_{i+1} t_i` is
flat: boxes, wedges, prisms, truncated pyramids. Round things have rings of 8 or 16 corners, so that
a shape's mesh *is* its solid. Affine maps keep all of this.

Axes: x to the right, y to the back, z up; every function returns rings that run counter-clockwise
seen from above, hence sides that face outwards.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

THIN, ROUND = 8, 16  # corners of a ring of a thin and of a thick round thing
Interval = tuple[float, float]
Point = tuple[float, float, float]


class Solid(NamedTuple):
    """One convex polyhedron.

    Arguments:
        part: Name of the part it belongs to.
        low: The lower ring.
        high: The upper ring; its edges are parallel to those of the lower.
    """

    part: str
    low: Float[np.ndarray, "corners 3"]
    high: Float[np.ndarray, "corners 3"]


class Ring(NamedTuple):
    """A rectangle or an ellipse at some height: centre and half extents."""

    x: float
    y: float
    rx: float
    ry: float


def block(part: str, x: Interval, y: Interval, z: Interval) -> Solid:
    """The box of three intervals."""
    ring = Ring((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, (x[1] - x[0]) / 2, (y[1] - y[0]) / 2)
    return taper(part, z, ring, ring)


def taper(part: str, z: Interval, low: Ring, high: Ring, sides: int = 4) -> Solid:
    """From one ring to another: of 4 sides any rectangles, of more sides similar ellipses."""
    return Solid(part, _corners(low, z[0], sides), _corners(high, z[1], sides))


def rod(part: str, z: Interval, ring: Ring, sides: int = ROUND) -> Solid:
    """An upright elliptic cylinder."""
    return taper(part, z, ring, ring, sides)


def lathe(
    part: str, profile: Sequence[Interval], *, at: Interval = (0, 0), sides: int = ROUND
) -> list[Solid]:
    """A turned body, stacked from cone frusta.

    Arguments:
        part: Name of the part.
        profile: (height, radius) from bottom to top.
        at: The axis.
        sides: Corners of a ring.
    """
    return [
        taper(part, (z0, z1), Ring(*at, r0, r0), Ring(*at, r1, r1), sides)
        for (z0, r0), (z1, r1) in itertools.pairwise(profile)
    ]


def tube(
    part: str, z: Interval, radii: Interval, wall: float, *, at: Interval = (0, 0)
) -> list[Solid]:
    """An open cone frustum of staves; `wall` is the share of the radius that is wall."""
    low, high = (_corners(Ring(*at, r, r), h, ROUND) for r, h in zip(radii, z, strict=True))
    axis = np.array([*at, 0.0])
    staves = []
    for i in range(ROUND):
        pair = [i, (i + 1) % ROUND]
        rings = []
        for ring in (low, high):
            outer = ring[pair]
            inner = outer + wall * (axis - outer) * (1, 1, 0)
            rings.append(np.concatenate([outer, inner[::-1]]))
        staves.append(Solid(part, *rings))
    return staves


def strut(
    part: str,
    start: Point,
    end: Point,
    half: Interval,
    *,
    sides: int = 4,
    shrink: float = 1.0,
) -> Solid:
    """A bar from one point to another.

    Arguments:
        part: Name of the part.
        start: Middle of one end.
        end: Middle of the other end.
        half: Half extents across: sideways, and in the plane of the bar and the vertical.
        sides: Corners of its cross-section.
        shrink: Size of the far cross-section relative to the near one.
    """
    a, b = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    ahead = (b - a) / math.dist(start, end)
    upright = abs(ahead[2]) > 0.999
    across = np.cross((0.0, 1.0, 0.0) if upright else (0.0, 0.0, 1.0), ahead)
    across /= math.sqrt(across @ across)
    frame = np.stack([half[0] * across, half[1] * np.cross(ahead, across)])
    ring = _unit_ring(sides) @ frame
    return Solid(part, a + ring, b + shrink * ring)


def chain(part: str, path: Sequence[Point], half: Interval) -> list[Solid]:
    """Bars along a path, each lengthened by half its thickness, so that no joint gapes."""
    bars = []
    for start, end in itertools.pairwise(path):
        a, b = np.asarray(start), np.asarray(end)
        over = (b - a) / math.dist(start, end) * (0.5 * half[1])
        bars.append(strut(part, tuple(a - over), tuple(b + over), half))
    return bars


def laid(solids: Iterable[Solid], axis: int) -> list[Solid]:
    """Solids whose upright axis now points along x (0) or y (1): the axes change places in turn."""
    order = [2, 0, 1] if axis == 0 else [1, 2, 0]
    return [Solid(s.part, s.low[:, order], s.high[:, order]) for s in solids]


def mirrored(solids: Iterable[Solid]) -> list[Solid]:
    """Solids with left and right exchanged."""
    flip = np.array([-1.0, 1.0, 1.0])
    return [Solid(s.part, s.low[::-1] * flip, s.high[::-1] * flip) for s in solids]


def moved(solids: Iterable[Solid], x: float, y: float, z: float) -> list[Solid]:
    """Solids shifted."""
    by = np.array([x, y, z])
    return [Solid(s.part, s.low + by, s.high + by) for s in solids]


def turned(solids: Iterable[Solid], degrees: float) -> list[Solid]:
    """Solids turned about the up axis, counter-clockwise seen from above."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return [Solid(s.part, s.low @ matrix, s.high @ matrix) for s in solids]


def _corners(ring: Ring, z: float, sides: int) -> Float[np.ndarray, "corners 3"]:
    corners = np.empty((sides, 3))
    corners[:, :2] = _unit_ring(sides) * (ring.rx, ring.ry) + (ring.x, ring.y)
    corners[:, 2] = z
    return corners


@cache
def _unit_ring(sides: int) -> Float[np.ndarray, "corners 2"]:
    if sides == 4:
        return np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    angle = 2 * np.pi * np.arange(sides) / sides
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
