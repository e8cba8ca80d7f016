"""Things to put things on: table, bed."""

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import Ring, Solid, block, rod, taper
from nebulatent.data.shapes.stands import leaning, stand

_TABLE = (
    span("width", 0.55, 1.8),
    span("depth", 0.50, 1.0),
    span("height", 0.30, 0.95),
    span("thickness", 0.04, 0.11),
    span("leg_thickness", 0.028, 0.06),
    choice("top", "square", "round", "bevelled"),
    choice(
        "legs", "four", "round", "splayed", "six", "pedestal", "star", "sled", "trestle", "panels"
    ),
    choice("below", "nothing", "apron", "shelf", "drawers"),
)


def _table(f: Values) -> list[Solid]:
    w, d, half = f["width"] / 2, f["depth"] / 2, f["leg_thickness"]
    under = f["height"] - f["thickness"]
    z, full = (under, f["height"]), Ring(0, 0, w, d)
    top = level(_TABLE, f, "top")
    inset = 0.68 if top == "round" else 0.95
    inner = ((-w * inset, w * inset), (-d * inset, d * inset))
    solids = stand(level(_TABLE, f, "legs"), inner, under, half)
    if top == "round":
        solids.append(rod("top", z, full))
    else:
        low = full if top == "square" else Ring(0, 0, 0.92 * w, 0.92 * d)
        solids.append(taper("top", z, low, full))
    return solids + _below(level(_TABLE, f, "below"), inner, under, half)


def _below(
    style: str,
    inner: tuple[tuple[float, float], tuple[float, float]],
    under: float,
    half: float,
) -> list[Solid]:
    (x0, x1), y = inner
    if style == "shelf":
        return [block("shelf", (x0, x1), y, (0.28 * under - half / 2, 0.28 * under + half / 2))]
    if style == "drawers":
        chest = x0 + 0.34 * (x1 - x0)
        return [block("drawer", (x0, chest), y, (0.25 * under, under))]
    if style == "apron":
        return [
            block(
                "shelf", (x0 + half, x1 - half), (y[0] + half, y[1] - half), (0.84 * under, under)
            )
        ]
    return []


_BED = (
    span("width", 0.75, 1.8),
    span("length", 1.5, 2.1),
    span("height", 0.16, 0.60),
    span("mattress", 0.10, 0.28),
    span("headboard", 0.10, 0.80),
    span("footboard", 0.0, 0.35),
    span("leg_thickness", 0.035, 0.07),
    choice("head", "solid", "slats", "rails", "none"),
    choice("pillows", "none", "1", "2"),
    choice("base", "four", "round", "block", "panels"),
    choice("storeys", "1", "bunk"),
)


def _bed(f: Values) -> list[Solid]:
    w, d, half = f["width"] / 2, f["length"] / 2, f["leg_thickness"]
    solids = stand(level(_BED, f, "base"), ((-w, w), (-d, d)), 0.55 * f["height"], half)
    solids += _berth(f, 0.0)
    top = f["height"] + f["mattress"]
    head = level(_BED, f, "head")
    if head != "none":
        z = (0.4 * f["height"], top + f["headboard"])
        solids += leaning(
            head, (-w, w), z, (d, d + 1.5 * half), tilt=0.0, count=5, part="headboard"
        )
    if f["footboard"] > 0.08:
        solids.append(
            block(
                "footboard",
                (-w, w),
                (-d - half, -d),
                (0.4 * f["height"], top + f["footboard"] - 0.1),
            )
        )
    if level(_BED, f, "storeys") == "bunk":
        solids += _berth(f, 0.95)
        ring = [
            Ring(x, y, half, half) for x in (-w + half, w - half) for y in (-d + half, d - half)
        ]
        rise = (0.5 * f["height"], 1.15 + f["height"])
        solids += [rod("leg", rise, corner, 8) for corner in ring]
    return solids


def _berth(f: Values, lift: float) -> list[Solid]:
    w, d = f["width"] / 2, f["length"] / 2
    low, high = lift + 0.55 * f["height"], lift + f["height"]
    top = high + f["mattress"]
    bed = [
        block("frame", (-w, w), (-d, d), (low, high)),
        block("mattress", (-0.96 * w, 0.96 * w), (-0.98 * d, 0.98 * d), (high, top)),
    ]
    count = int(f["pillows"])
    for k in range(count):
        x, room = -w + (2 * k + 1) * w / count, 0.8 * w / count
        base, cover = Ring(x, 0.78 * d, room, 0.15 * d), Ring(x, 0.78 * d, 0.8 * room, 0.1 * d)
        bed.append(taper("pillow", (top - 0.01, top + 0.11), base, cover))
    return bed


TABLE = Category("table", ("top", "leg", "shelf", "drawer"), _TABLE, _table)
BED = Category("bed", ("mattress", "frame", "headboard", "footboard", "pillow", "leg"), _BED, _bed)
