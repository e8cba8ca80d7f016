"""Things to keep things in: bookshelf, cabinet."""

from nebulatent.data.shapes.category import Category, Values, choice, level, span
from nebulatent.data.shapes.solids import Ring, Solid, block, taper
from nebulatent.data.shapes.stands import stand

_BOOKSHELF = (
    span("width", 0.40, 1.5),
    span("depth", 0.22, 0.60),
    span("height", 0.55, 2.0),
    span("board", 0.03, 0.06),
    span("feet", 0.0, 0.2),
    span("filled", 0.0, 0.8),
    span("top_taper", 0.0, 0.25),
    choice("shelves", "1", "2", "3", "4", "5"),
    choice("upright", "none", "one", "two"),
    choice("rear", "closed", "open"),
    choice("doors", "none", "below", "all"),
)


def _bookshelf(f: Values) -> list[Solid]:
    w, d, h, board = f["width"] / 2, f["depth"] / 2, f["height"], f["board"]
    floor = f["feet"] if f["feet"] > 0.05 else 0.0
    narrow = 1 - f["top_taper"]
    solids = stand("four", ((-w, w), (-d, d)), floor, 0.03) if floor else []
    for side in (-1, 1):
        low, high = (
            Ring(side * (w - board / 2), 0, board / 2, d),
            Ring(side * (w - board / 2), (1 - narrow) * d, board / 2, narrow * d),
        )
        solids.append(taper("side", (floor, floor + h), low, high))
    if level(_BOOKSHELF, f, "rear") == "closed":
        solids.append(block("back", (-w, w), (d - 0.6 * board, d), (floor, floor + h)))
    gaps = int(f["shelves"]) + 2
    step = (h - board) / gaps

    def front(z: float) -> float:
        return d - 2 * d * (1 - f["top_taper"] * (z - floor) / h)

    for k in range(gaps + 1):
        z = floor + k * step
        solids.append(
            block("shelf", (-w + board, w - board), (front(z + board), d), (z, z + board))
        )
        if k < gaps:
            solids += _books(
                f, (-w + board, w - board), (front(z + step) + 0.04, d), (z + board, z + step), k
            )
    uprights = int(f["upright"])
    for k in range(uprights):
        x = -w + 2 * w * (k + 1) / (uprights + 1)
        solids.append(
            block("side", (x - board / 2, x + board / 2), (front(floor + h), d), (floor, floor + h))
        )
    return solids + _doors(level(_BOOKSHELF, f, "doors"), w, -d, (floor, floor + h), f["top_taper"])


def _books(
    f: Values, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], k: int
) -> list[Solid]:
    """A row of books on one shelf: how far it reaches and how high differs from shelf to shelf."""
    share = f["filled"] * (0.4 + 0.6 * ((k * 0.618) % 1))
    if share < 0.15:
        return []
    tall = z[0] + (z[1] - z[0]) * (0.6 + 0.3 * ((k * 0.381) % 1))
    reach = (x[1] - x[0]) * share
    at = (x[0], x[0] + reach) if k % 2 else (x[1] - reach, x[1])
    return [block("books", at, y, (z[0], tall))]


def _doors(style: str, w: float, front: float, z: tuple[float, float], slope: float) -> list[Solid]:
    if style == "none" or slope > 0.12:
        return []
    top = z[1] if style == "all" else z[0] + 0.4 * (z[1] - z[0])
    pair = ((-w + 0.01, -0.01), (0.01, w - 0.01))
    return [block("door", x, (front - 0.03, front), (z[0] + 0.01, top - 0.01)) for x in pair]


_CABINET = (
    span("width", 0.45, 1.5),
    span("depth", 0.30, 0.70),
    span("height", 0.45, 1.7),
    span("feet", 0.0, 0.22),
    span("overhang", 0.0, 0.06),
    span("front", 0.02, 0.07),
    span("gap", 0.01, 0.05),
    choice("rows", "1", "2", "3", "4", "5"),
    choice("columns", "1", "2", "3"),
    choice("grips", "knobs", "bars", "none"),
    choice("top", "flat", "hutch", "rail"),
)


def _cabinet(f: Values) -> list[Solid]:
    w, d, h = f["width"] / 2, f["depth"] / 2, f["height"]
    floor = f["feet"] if f["feet"] > 0.05 else 0.0
    solids = stand("four", ((-w, w), (-d, d)), floor, 0.035) if floor else []
    solids.append(block("body", (-w, w), (-d, d), (floor, floor + h)))
    out, top = f["overhang"], floor + h
    solids.append(block("top", (-w - out, w + out), (-d - out, d), (top, top + 0.04)))
    rows, columns = int(f["rows"]) + 1, int(f["columns"]) + 1
    for row in range(rows):
        for column in range(columns):
            x = (-w + 2 * w * column / columns, -w + 2 * w * (column + 1) / columns)
            solids += _drawer(f, x, (floor + h * row / rows, floor + h * (row + 1) / rows))
    return solids + _hutch(level(_CABINET, f, "top"), w, d, top + 0.04)


def _drawer(f: Values, x: tuple[float, float], z: tuple[float, float]) -> list[Solid]:
    """The front of one drawer or door, in its place."""
    front, gap = -f["depth"] / 2, min(f["gap"], 0.2 * (z[1] - z[0]))
    y = (front - f["front"], front)
    drawer = block("drawer", (x[0] + gap, x[1] - gap), y, (z[0] + gap, z[1] - gap))
    grips = level(_CABINET, f, "grips")
    if grips == "none":
        return [drawer]
    half = 0.03 if grips == "knobs" else 0.3 * (x[1] - x[0])
    middle, height = (x[0] + x[1]) / 2, z[0] + 0.6 * (z[1] - z[0])
    across, up = (middle - half, middle + half), (height - 0.025, height + 0.025)
    return [drawer, block("grip", across, (y[0] - 0.05, y[0]), up)]


def _hutch(style: str, w: float, d: float, top: float) -> list[Solid]:
    if style == "hutch":
        return [block("top", (-0.9 * w, 0.9 * w), (0.1 * d, d), (top, top + 0.35))]
    if style == "rail":
        return [block("top", (-w, w), (d - 0.05, d), (top, top + 0.2))]
    return []


BOOKSHELF = Category(
    "bookshelf", ("side", "shelf", "back", "door", "books", "leg"), _BOOKSHELF, _bookshelf
)
CABINET = Category("cabinet", ("body", "top", "drawer", "grip", "leg"), _CABINET, _cabinet)
