"""Cars."""

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import (
    Ring,
    Solid,
    block,
    laid,
    mirrored,
    moved,
    rod,
    taper,
)

_CAR = (
    span("length", 1.2, 2.1),
    span("width", 0.62, 0.95),
    span("body_height", 0.20, 0.42),
    span("cabin_height", 0.10, 0.45),
    span("cabin_length", 0.30, 0.75),
    span("cabin_place", -0.12, 0.3),
    span("windscreen", 0.05, 0.35),
    span("wheel", 0.12, 0.24),
    span("clearance", 0.06, 0.2),
    choice("form", "saloon", "van", "pickup", "open", "wedge"),
    choice("extra", "none", "spoiler", "bumpers", "roof rack"),
    choice("axles", "2", "3"),
)


def _car(f: Values) -> list[Solid]:
    half, w, low = f["length"] / 2, f["width"] / 2, f["clearance"]
    waist = low + f["body_height"]
    form = level(_CAR, f, "form")
    nose = 0.5 if form == "wedge" else 1.0
    solids = [
        taper(
            "body",
            (low, low + nose * f["body_height"]),
            Ring(0, 0, w, half),
            Ring(0, 0, 0.96 * w, 0.98 * half),
        )
    ]
    if form == "wedge":
        ring = Ring(0, 0.25 * half, 0.9 * w, 0.7 * half)
        solids.append(
            taper(
                "body",
                (low + nose * f["body_height"], waist),
                Ring(0, 0, 0.96 * w, 0.98 * half),
                ring,
            )
        )
    solids += _cabin(form, f, waist)
    r = f["wheel"]
    axles = (-0.62, 0.62) if level(_CAR, f, "axles") == "2" else (-0.66, 0.3, 0.72)
    for y in axles:
        wheel = moved(
            laid([rod("wheel", (w - 0.14, w + 0.04), Ring(0, 0, r, r))], 0), 0, y * half, r
        )
        solids += [*wheel, *mirrored(wheel)]
    return solids + _extra(level(_CAR, f, "extra"), f, waist)


def _cabin(form: str, f: Values, waist: float) -> list[Solid]:
    half, w, h = f["length"] / 2, 0.92 * f["width"] / 2, f["cabin_height"]
    reach, y, rake = f["cabin_length"] * half, f["cabin_place"] * half, f["windscreen"]
    z = (waist - 0.01, waist + h)
    if form == "open":
        screen = taper(
            "cabin",
            (z[0], waist + 0.6 * h),
            Ring(0, y - 0.4 * reach, w, 0.03),
            Ring(0, y - 0.4 * reach + 0.4 * rake, 0.9 * w, 0.03),
        )
        seats = block(
            "cabin",
            (-0.7 * w, 0.7 * w),
            (y + 0.2 * reach, y + 0.4 * reach),
            (z[0], waist + 0.5 * h),
        )
        return [screen, seats]
    if form == "van":
        low, high = (
            Ring(0, 0.1 * half, w, 0.86 * half),
            Ring(0, 0.1 * half + 0.3 * rake, 0.95 * w, 0.86 * half - 0.3 * rake),
        )
        return [taper("cabin", (z[0], waist + 1.4 * h), low, high)]
    if form == "pickup":
        low, high = (
            Ring(0, -0.15 * half, w, 0.35 * half),
            Ring(0, -0.12 * half, 0.88 * w, 0.35 * half - 0.5 * rake),
        )
        rails = [
            block("body", (x - 0.03, x + 0.03), (0.18 * half, 0.98 * half), (z[0], waist + 0.12))
            for x in (-0.98 * w, 0.98 * w)
        ]
        return [taper("cabin", z, low, high), *rails]
    low, high = (
        Ring(0, y, w, reach),
        Ring(0, y + 0.15 * rake, 0.82 * w, max(reach - rake, 0.3 * reach)),
    )
    return [taper("cabin", z, low, high)]


def _extra(style: str, f: Values, waist: float) -> list[Solid]:
    half, w = f["length"] / 2, f["width"] / 2
    if style == "spoiler":
        posts = [
            block(
                "extra",
                (x - 0.03, x + 0.03),
                (0.86 * half, 0.92 * half),
                (waist - 0.08, waist + 0.14),
            )
            for x in (-0.6 * w, 0.6 * w)
        ]
        return [
            *posts,
            block("extra", (-0.95 * w, 0.95 * w), (0.8 * half, half), (waist + 0.12, waist + 0.17)),
        ]
    if style == "bumpers":
        z = (f["clearance"], f["clearance"] + 0.1)
        return [block("extra", (-w, w), (y - 0.06, y + 0.06), z) for y in (-half, half)]
    if style == "roof rack":
        z = waist + f["cabin_height"] * (1.4 if level(_CAR, f, "form") == "van" else 1.0)
        return [block("extra", (-0.5 * w, 0.5 * w), (-0.2 * half, 0.3 * half), (waist, z + 0.08))]
    return []


CAR = Category("car", ("body", "cabin", "wheel", "extra"), _CAR, _car)
