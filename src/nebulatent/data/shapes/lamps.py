"""Lamps: on a table, on the floor, from the ceiling."""

import math

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import THIN, Ring, Solid, block, lathe, rod, strut, taper, tube

_LAMP = (
    span("base_size", 0.14, 0.34),
    span("base_height", 0.03, 0.10),
    span("pole", 0.20, 1.1),
    span("pole_thickness", 0.03, 0.055),
    span("shade_radius", 0.14, 0.42),
    span("shade_height", 0.14, 0.50),
    span("shade_taper", 0.35, 1.0),
    span("reach", 0.15, 0.5),
    choice("mount", "table", "vase", "arm", "tripod", "hanging"),
    choice("shade", "cone", "globe", "box", "bowl"),
    choice("base", "disc", "square"),
)


def _lamp(f: Values) -> list[Solid]:
    mount = level(_LAMP, f, "mount")
    h, half, size = f["pole"], f["pole_thickness"], f["base_size"]
    if mount == "hanging":
        drop = [rod("pole", (0, h), Ring(0, 0, half, half), THIN)]
        rose = lathe("base", [(h, 0.7 * size), (h + f["base_height"], 0.5 * size)])
        return [*drop, *rose, *_shade(f, (0.0, 0.0), 0.1)]
    if mount == "tripod":
        legs = [
            strut(
                "base",
                (0, 0, h),
                (size * math.cos(t), size * math.sin(t), 0),
                (half, half),
                sides=THIN,
            )
            for t in (0.5, 0.5 + 2 * math.pi / 3, 0.5 + 4 * math.pi / 3)
        ]
        return [
            *legs,
            rod("pole", (0.9 * h, h + 0.1), Ring(0, 0, half, half), THIN),
            *_shade(f, (0, 0), h + 0.1),
        ]
    return _foot_of_lamp(f) + _stem(f, mount)


def _foot_of_lamp(f: Values) -> list[Solid]:
    size, z = f["base_size"], (0.0, f["base_height"])
    low, high = Ring(0, 0, size, size), Ring(0, 0, 0.8 * size, 0.8 * size)
    return [taper("base", z, low, high, 16 if level(_LAMP, f, "base") == "disc" else 4)]


def _stem(f: Values, mount: str) -> list[Solid]:
    foot, h, half = f["base_height"], f["pole"], f["pole_thickness"]
    if mount == "vase":
        r, tall = 0.9 * f["base_size"], 0.7 * h
        profile = [(0.0, 0.5), (0.25, 0.95), (0.5, 1.0), (0.8, 0.55), (1.0, 0.3)]
        vase = lathe("base", [(foot + z * tall, r * width) for z, width in profile])
        pole = rod("pole", (foot + tall, foot + h), Ring(0, 0, half, half), THIN)
        return [*vase, pole, *_shade(f, (0, 0), foot + h)]
    if mount == "arm":
        elbow = (-0.4 * f["reach"], 0.0, 0.7 * h + foot)
        tip = (f["reach"], 0.0, h + foot)
        poles = [
            strut("pole", (0, 0, 0.5 * foot), elbow, (half, half), sides=THIN),
            strut("pole", elbow, tip, (half, half), sides=THIN),
        ]
        return [*poles, *_shade(f, (f["reach"], 0), h + foot)]
    pole = rod("pole", (0.5 * foot, foot + h), Ring(0, 0, half, half), THIN)
    return [pole, *_shade(f, (0, 0), foot + h)]


def _shade(f: Values, at: tuple[float, float], top: float) -> list[Solid]:
    """The shade; the pole ends inside it, at this height."""
    r, h, style = f["shade_radius"], f["shade_height"], level(_LAMP, f, "shade")
    z = (top - 0.5 * h, top + 0.5 * h)
    if style == "globe":
        steps = [math.pi * (0.06 + 0.88 * k / 6) for k in range(7)]
        return lathe("shade", [(top - math.cos(t) * h / 2, r * math.sin(t)) for t in steps], at=at)
    if style == "box":
        low, high = Ring(*at, r, r), Ring(*at, f["shade_taper"] * r, f["shade_taper"] * r)
        return [taper("shade", z, low, high)]
    reach = 0.47 * (1 + f["shade_taper"]) * r  # into the wall
    across, through = (at[0] - reach, at[0] + reach), (at[1] - 0.02, at[1] + 0.02)
    spokes = block("shade", across, through, (top - 0.02, top + 0.02))
    radii = (r, f["shade_taper"] * r) if style == "cone" else (f["shade_taper"] * r, r)
    return [*tube("shade", z, radii, 0.14, at=at), spokes]


LAMP = Category("lamp", ("base", "pole", "shade"), _LAMP, _lamp)
