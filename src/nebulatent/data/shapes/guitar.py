"""Guitars."""

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import (
    Ring,
    Solid,
    block,
    mirrored,
    rod,
    strut,
    taper,
)

_GUITAR = (
    span("width", 0.26, 0.52),
    span("length", 0.30, 0.55),
    span("thickness", 0.05, 0.16),
    span("waist", 0.5, 0.9),
    span("upper", 0.55, 0.95),
    span("neck", 0.30, 0.65),
    span("neck_width", 0.055, 0.095),
    span("head", 0.10, 0.24),
    span("lean", -0.25, 0.25),
    choice("form", "acoustic", "horned", "vee", "round", "square"),
    choice("head_form", "plain", "flared", "none"),
    choice("pegs", "none", "both sides"),
)


def _guitar(f: Values) -> list[Solid]:
    """Upright, strings to the front."""
    d, half = f["thickness"] / 2, f["neck_width"] / 2
    top = f["length"]
    form = level(_GUITAR, f, "form")
    flat = _outline(form, f)
    solids = [Solid(s.part, s.low[:, (0, 2, 1)][::-1], s.high[:, (0, 2, 1)][::-1]) for s in flat]
    neck = (-d - 0.02, -d + 0.05)
    end = top + f["neck"]
    solids.append(block("neck", (-half, half), neck, (0.55 * top, end)))
    across, low = 0.18 * f["width"], (0.62 if form == "vee" else 0.22) * top
    solids.append(block("bridge", (-across, across), (-d - 0.03, -d), (low, low + 0.04)))
    style = level(_GUITAR, f, "head_form")
    if style != "none":
        wide = Ring(0, neck[0] + 0.035, (2.2 if style == "flared" else 1.4) * half, 0.025)
        small = Ring(0, neck[0] + 0.035, 1.4 * half, 0.025)
        solids.append(taper("head", (end, end + f["head"]), small, wide))
        if level(_GUITAR, f, "pegs") == "both sides":
            x, y = 2.6 * half, neck[0] + 0.035
            solids += [
                block(
                    "head",
                    (-x, x),
                    (y - 0.012, y + 0.012),
                    (end + share * f["head"], end + share * f["head"] + 0.03),
                )
                for share in (0.15, 0.45, 0.75)
            ]
    return [_sheared(solid, f["lean"]) for solid in solids]


def _outline(form: str, f: Values) -> list[Solid]:
    """The body, lying: its length along y."""
    w, top, z = f["width"] / 2, f["length"], (-f["thickness"] / 2, f["thickness"] / 2)
    if form == "round":
        return [rod("body", z, Ring(0, 0.4 * top, w, 0.4 * top))]
    if form == "square":
        return [
            taper(
                "body",
                z,
                Ring(0, 0.42 * top, w, 0.42 * top),
                Ring(0, 0.42 * top, 0.9 * w, 0.4 * top),
            )
        ]
    if form == "vee":
        wing = strut("body", (0.02, 0.85 * top, 0), (1.1 * w, 0, 0), (0.3 * w, z[1]))
        return [wing, *mirrored([wing])]
    lower = rod("body", z, Ring(0, 0.3 * top, w, 0.3 * top))
    upper = rod("body", z, Ring(0, 0.72 * top, f["upper"] * w, 0.27 * top))
    middle = rod("body", z, Ring(0, 0.5 * top, f["waist"] * w, 0.3 * top))
    if form == "acoustic":
        return [lower, middle, upper]
    horns = [
        strut(
            "body",
            (side * 0.3 * w, 0.6 * top, 0),
            (side * w, (1.0 + 0.1 * side) * top, 0),
            (0.25 * w, z[1]),
            shrink=0.6,
        )
        for side in (-1, 1)
    ]
    return [lower, middle, *horns]


def _sheared(solid: Solid, rate: float) -> Solid:
    """Leaning to the back by a rate of the height."""
    low, high = solid.low.copy(), solid.high.copy()
    for ring in (low, high):
        ring[:, 1] += rate * ring[:, 2]
    return Solid(solid.part, low, high)


GUITAR = Category("guitar", ("body", "neck", "head", "bridge"), _GUITAR, _guitar)
