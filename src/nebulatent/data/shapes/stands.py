"""What things stand on, and what backs lean on: pieces that several categories share."""

import math

from nebulatent.data.shapes.solids import (
    THIN,
    Interval,
    Ring,
    Solid,
    block,
    chain,
    rod,
    strut,
    taper,
)

Area = tuple[Interval, Interval]  # extents in x and y


def stand(style: str, area: Area, height: float, half: float, part: str = "leg") -> list[Solid]:
    """Something of a given height to stand on.

    Arguments:
        style: four, round, splayed, six, pedestal, star, sled, trestle, panels or block.
        area: What it carries.
        height: From the floor to what it carries.
        half: Half the thickness of a leg.
        part: Name of the part.
    """
    (x0, x1), (y0, y1) = area
    inner = ((x0 + half, x1 - half), (y0 + half, y1 - half))
    if style in ("four", "round", "splayed", "six"):
        return _legs(style, inner, height, half, part)
    if style in ("pedestal", "star"):
        return _column(style, area, height, half, part)
    if style in ("sled", "trestle"):
        return _frames(style, inner, height, half, part)
    if style == "panels":
        return [block(part, (x - half, x + half), (y0, y1), (0, height)) for x in inner[0]]
    inset = min(3 * half, 0.2 * (x1 - x0), 0.2 * (y1 - y0))
    across, along = (x0 + inset, x1 - inset), (y0 + inset, y1 - inset)
    return [block(part, across, along, (0, height))]


def _legs(style: str, inner: Area, height: float, half: float, part: str) -> list[Solid]:
    xs, ys = inner
    out = 1.5 * half + 0.12 * height if style == "splayed" else 0.0
    sides = 4 if style in ("four", "six") else THIN
    across = (xs[0], (xs[0] + xs[1]) / 2, xs[1]) if style == "six" else xs
    middle = ((xs[0] + xs[1]) / 2, (ys[0] + ys[1]) / 2)
    legs = []
    for x in across:
        for y in ys:
            top = (x, y, height)
            foot = (x + math.copysign(out, x - middle[0]), y + math.copysign(out, y - middle[1]), 0)
            legs.append(strut(part, top, foot, (half, half), sides=sides, shrink=0.8))
    return legs


def _column(style: str, area: Area, height: float, half: float, part: str) -> list[Solid]:
    (x0, x1), (y0, y1) = area
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    reach = 0.42 * min(x1 - x0, y1 - y0)
    foot = min(1.6 * half, 0.3 * height)
    column = rod(part, (foot / 2, height), Ring(x, y, 1.3 * half, 1.3 * half), THIN)
    if style == "pedestal":
        low, high = Ring(x, y, reach, reach), Ring(x, y, 0.8 * reach, 0.8 * reach)
        return [column, taper(part, (0, foot), low, high, 16)]
    arms = []
    for k in range(5):
        angle = 2 * math.pi * (k + 0.25) / 5
        tip = (x + 1.1 * reach * math.cos(angle), y + 1.1 * reach * math.sin(angle), half * 0.7)
        arms.append(strut(part, (x, y, foot), tip, (0.8 * half, 0.7 * half), shrink=0.8))
    return [column, *arms]


def _frames(style: str, inner: Area, height: float, half: float, part: str) -> list[Solid]:
    (x0, x1), (y0, y1) = inner
    frames = []
    for x in (x0, x1):
        if style == "sled":
            path = [(x, y0, height), (x, y0, half), (x, y1, half), (x, y1, height)]
            frames += chain(part, path, (half, half))
        else:
            middle = (x, (y0 + y1) / 2, height)
            frames += [strut(part, middle, (x, y, 0), (half, half)) for y in (y0, y1)]
            bar = (height * 0.35 - half, height * 0.35 + half)
            frames.append(block(part, (x - half, x + half), (y0 * 0.6, y1 * 0.6), bar))
    if style == "trestle":
        frames.append(
            strut(part, (x0, 0, 0.35 * height), (x1, 0, 0.35 * height), (half, 0.7 * half))
        )
    return frames


def leaning(
    style: str,
    x: Interval,
    z: Interval,
    place: Interval,
    *,
    tilt: float,
    count: int,
    part: str = "back",
) -> list[Solid]:
    """A back of a seat, or a headboard.

    Arguments:
        style: solid, slats (upright), rails (level) or frame.
        x: From left to right.
        z: From bottom to top.
        place: From its front to its rear, at the bottom.
        tilt: How far its top lies behind its bottom.
        count: Number of slats or rails.
        part: Name of the part.
    """
    half = (place[1] - place[0]) / 2
    y = (place[0] + place[1]) / 2

    def at(level: float) -> float:
        return y + tilt * (level - z[0]) / (z[1] - z[0])

    def rail(low: float, high: float) -> Solid:
        middle, width = (x[0] + x[1]) / 2, (x[1] - x[0]) / 2
        below, above = (Ring(middle, at(level), width, half) for level in (low, high))
        return taper(part, (low, high), below, above)

    if style == "solid":
        return [rail(*z)]
    bar = min(0.16 * (z[1] - z[0]), 3 * half)
    posts = [x[0] + half, x[1] - half]
    if style == "slats":
        step = (posts[1] - posts[0]) / (count + 1)
        posts = [posts[0] + k * step for k in range(count + 2)]
    uprights = [
        strut(part, (at_x, at(z[0]), z[0]), (at_x, at(z[1]), z[1]), (half, half)) for at_x in posts
    ]
    rails = 1 if style == "slats" else count if style == "rails" else 2
    tops = [z[1] - k * (z[1] - z[0]) * 0.9 / max(rails, 2) for k in range(rails)]
    return [*uprights, *(rail(top - bar, top) for top in tops)]
