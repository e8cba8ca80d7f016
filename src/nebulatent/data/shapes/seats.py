"""Things to sit on: chair, bench, couch, stool."""

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import (
    ROUND,
    Ring,
    Solid,
    block,
    chain,
    laid,
    mirrored,
    moved,
    rod,
    strut,
    taper,
)
from nebulatent.data.shapes.stands import leaning, stand

_CHAIR = (
    span("width", 0.40, 0.75),
    span("depth", 0.40, 0.70),
    span("seat_height", 0.22, 0.65),
    span("thickness", 0.04, 0.14),
    span("back_height", 0.15, 0.85),
    span("tilt", 0.0, 0.22),
    span("leg_thickness", 0.026, 0.05),
    choice("seat", "square", "round", "tapered"),
    choice("back", "solid", "slats", "rails", "frame"),
    choice("arms", "none", "bars", "panels"),
    choice("legs", "four", "round", "splayed", "pedestal", "star", "sled", "panels", "block"),
    choice("bars_in_back", "2", "3", "4"),
)


def _chair(f: Values) -> list[Solid]:
    w, d, top = f["width"] / 2, f["depth"] / 2, f["seat_height"] + f["thickness"]
    half = f["leg_thickness"]
    seat = level(_CHAIR, f, "seat")
    inset = 0.7 if seat == "round" else 1.0
    area = ((-w * inset, w * inset), (-d * inset, d * inset))
    solids = stand(level(_CHAIR, f, "legs"), area, f["seat_height"], half)
    z = (f["seat_height"], top)
    front, rear = Ring(0, 0, w, d), Ring(0, 0, 0.85 * w, 0.9 * d)
    if seat == "round":
        solids.append(rod("seat", z, front))
    else:
        solids.append(taper("seat", z, rear if seat == "tapered" else front, front))
    spread, rear = (0.75 * w, 0.75 * d) if seat == "round" else (w, 0.98 * d)
    x, z = (-spread, spread), (top - 0.02, top + f["back_height"])
    place, count = (rear - 1.6 * half, rear), int(f["bars_in_back"]) + 2
    solids += leaning(level(_CHAIR, f, "back"), x, z, place, tilt=f["tilt"], count=count)
    arms = level(_CHAIR, f, "arms")
    if arms != "none":
        solids += _arms(arms, w, d, top, half)
    return solids


def _arms(style: str, w: float, d: float, top: float, half: float) -> list[Solid]:
    arms = []
    for side in (-1, 1):
        x, rest = side * (w - half), top + 0.22
        if style == "panels":
            arms.append(block("arm", (x - half, x + half), (-d, 0.95 * d), (top - 0.1, rest)))
            continue
        front = -0.6 * d
        arms.append(strut("arm", (x, front, top - 0.01), (x, front, rest), (half, half)))
        bar = ((x - 1.3 * half, x + 1.3 * half), (-0.8 * d, 0.95 * d), (rest - half, rest + half))
        arms.append(block("arm", *bar))
    return arms


_BENCH = (
    span("width", 0.75, 1.9),
    span("depth", 0.32, 0.60),
    span("seat_height", 0.28, 0.60),
    span("thickness", 0.05, 0.12),
    span("back_height", 0.20, 0.60),
    span("tilt", 0.0, 0.20),
    span("leg_thickness", 0.03, 0.06),
    choice("seat", "plank", "slats"),
    choice("back", "none", "solid", "slats", "rails"),
    choice("arms", "none", "bars"),
    choice("legs", "four", "splayed", "six", "sled", "trestle", "panels", "block"),
)


def _bench(f: Values) -> list[Solid]:
    w, d, top = f["width"] / 2, f["depth"] / 2, f["seat_height"] + f["thickness"]
    half = f["leg_thickness"]
    solids = stand(level(_BENCH, f, "legs"), ((-w, w), (-d, d)), f["seat_height"], half)
    z = (f["seat_height"], top)
    if level(_BENCH, f, "seat") == "plank":
        solids.append(block("seat", (-w, w), (-d, d), z))
    else:
        edges = [-d + k * 2 * d / 3 for k in range(3)]
        solids += [block("seat", (-w, w), (y, y + 0.54 * d), z) for y in edges]
        middle = (z[0] - 0.3 * f["thickness"], z[0] + 0.5 * f["thickness"])
        solids += [
            block("seat", (x - 0.05, x + 0.05), (-d, 0.8 * d), middle) for x in (-w / 2, w / 2)
        ]
    back = level(_BENCH, f, "back")
    if back != "none":
        place = (d - 1.8 * half, d)
        lifted = (top - 0.02, top + f["back_height"])
        solids += leaning(back, (-w, w), lifted, place, tilt=f["tilt"], count=6)
    if level(_BENCH, f, "arms") == "bars":
        solids += _arms("bars", w, d, top, half)
    return solids


_COUCH = (
    span("width", 0.75, 2.1),
    span("depth", 0.65, 1.05),
    span("seat_height", 0.26, 0.48),
    span("back_height", 0.18, 0.60),
    span("tilt", 0.0, 0.18),
    span("arm_height", 0.05, 0.36),
    span("arm_width", 0.07, 0.24),
    span("feet", 0.02, 0.14),
    choice("arms", "box", "rolled", "wedge", "none"),
    choice("cushions", "1", "2", "3"),
    choice("chaise", "none", "left", "right"),
)


def _couch(f: Values) -> list[Solid]:
    w, d, feet = f["width"] / 2, f["depth"] / 2, f["feet"]
    arms = level(_COUCH, f, "arms")
    inner = w if arms == "none" else w - f["arm_width"]
    seat, rear = f["seat_height"], d - 0.24
    solids = stand("round", ((-w + 0.05, w - 0.05), (-d + 0.05, d - 0.05)), feet, 0.035)
    solids.append(block("seat", (-inner, inner), (-d, d), (feet, 0.6 * seat + 0.4 * feet)))
    count = int(f["cushions"]) + 1
    step, low = 2 * inner / count, 0.6 * seat + 0.4 * feet
    for k in range(count):
        x = (-inner + k * step + 0.008, -inner + (k + 1) * step - 0.008)
        solids.append(block("seat", x, (-d - 0.02, rear), (low, seat)))
    base, high = Ring(0, rear + 0.12, inner, 0.12), Ring(0, rear + 0.12 + f["tilt"], inner, 0.1)
    solids.append(taper("back", (low, seat + f["back_height"]), base, high))
    if arms != "none":
        one = _couch_arm(arms, f)
        solids += [*one, *mirrored(one)]
    chaise = level(_COUCH, f, "chaise")
    if chaise in ("left", "right"):
        x = (-inner, -0.15 * inner) if chaise == "left" else (0.15 * inner, inner)
        solids.append(block("seat", x, (-d - 0.5 * f["depth"], -d), (feet, seat)))
    return solids


def _couch_arm(style: str, f: Values) -> list[Solid]:
    """The right one."""
    w, d, broad = f["width"] / 2, f["depth"] / 2, f["arm_width"]
    z = (f["feet"], f["seat_height"] + f["arm_height"])
    if style == "box":
        return [block("arm", (w - broad, w), (-d, d), z)]
    if style == "wedge":
        low, high = Ring(w - broad / 2, 0, broad / 2, d), Ring(w, 0, broad / 2, d)
        return [taper("arm", z, low, high)]
    roll = laid([rod("arm", (-d - 0.01, d - 0.05), Ring(0, 0, 0.6 * broad, 0.6 * broad))], 1)
    return [
        block("arm", (w - broad, w), (-d, d), (z[0], z[1] - 0.4 * broad)),
        *moved(roll, w - 0.4 * broad, 0, z[1] - 0.4 * broad),
    ]


_STOOL = (
    span("width", 0.28, 0.55),
    span("depth", 0.28, 0.55),
    span("height", 0.25, 0.85),
    span("thickness", 0.04, 0.16),
    span("leg_thickness", 0.026, 0.05),
    span("rest_height", 0.15, 0.5),
    choice("seat", "round", "square", "saddle", "padded"),
    choice("legs", "four", "round", "splayed", "pedestal", "star", "sled", "panels"),
    choice("rest", "none", "ring"),
)


def _stool(f: Values) -> list[Solid]:
    w, d, half = f["width"] / 2, f["depth"] / 2, f["leg_thickness"]
    seat, z = level(_STOOL, f, "seat"), (f["height"], f["height"] + f["thickness"])
    inset = 0.7 if seat in ("round", "padded") else 0.95
    area = ((-w * inset, w * inset), (-d * inset, d * inset))
    legs = level(_STOOL, f, "legs")
    solids = stand(legs, area, f["height"], half)
    full, less = Ring(0, 0, w, d), Ring(0, 0, 0.85 * w, 0.85 * d)
    if seat == "saddle":
        solids.append(taper("seat", z, less, full))
        rim = (z[1], z[1] + 0.5 * f["thickness"])
        solids += [block("seat", x, (-d, d), rim) for x in ((-w, -0.7 * w), (0.7 * w, w))]
    else:
        low, sides = (less if seat == "padded" else full), (4 if seat == "square" else ROUND)
        solids.append(taper("seat", z, low, full, sides))
    if level(_STOOL, f, "rest") == "ring" and legs not in ("pedestal", "star"):
        out = 1.5 * half + 0.12 * f["height"] if legs == "splayed" else 0.0
        down = 1 - f["rest_height"]  # share of the way from the seat to the floor
        x, y = w * inset - half + out * down, d * inset - half + out * down
        path = [(-x, -y), (x, -y), (x, y), (-x, y), (-x, -y)]
        ring = [(*corner, f["rest_height"] * f["height"]) for corner in path]
        solids += chain("rest", ring, (0.7 * half, 0.7 * half))
    return solids


CHAIR = Category("chair", ("seat", "back", "leg", "arm"), _CHAIR, _chair)
BENCH = Category("bench", ("seat", "back", "leg", "arm"), _BENCH, _bench)
COUCH = Category("couch", ("seat", "back", "leg", "arm"), _COUCH, _couch)
STOOL = Category("stool", ("seat", "leg", "rest"), _STOOL, _stool)
