"""The categories, the global numbers of their parts, and one shape from its factors.

Parts are numbered over all categories, category by category, as ShapeNetPart numbers its 50: the
part ids of a category are a range, and an id says both the category and the part.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nebulatent.data.shapes.aircraft import AIRPLANE, ROCKET
from nebulatent.data.shapes.car import CAR
from nebulatent.data.shapes.category import Category, Factor
from nebulatent.data.shapes.furniture import BED, TABLE
from nebulatent.data.shapes.guitar import GUITAR
from nebulatent.data.shapes.lamps import LAMP
from nebulatent.data.shapes.seats import BENCH, CHAIR, COUCH, STOOL
from nebulatent.data.shapes.shape import Shape
from nebulatent.data.shapes.solids import Solid, turned
from nebulatent.data.shapes.storage import BOOKSHELF, CABINET
from nebulatent.data.shapes.vessels import BOTTLE, MUG, VASE

_ALL = (
    AIRPLANE,
    BED,
    BENCH,
    BOOKSHELF,
    BOTTLE,
    CABINET,
    CAR,
    CHAIR,
    COUCH,
    GUITAR,
    LAMP,
    MUG,
    ROCKET,
    STOOL,
    TABLE,
    VASE,
)
CATEGORIES = tuple(category.name for category in _ALL)
PARTS = tuple((category.name, part) for category in _ALL for part in category.parts)


def find_category(name: str) -> Category:
    """The category of a name.

    Raises:
        ValueError: If there is none.
    """
    for category in _ALL:
        if category.name == name:
            return category
    raise ValueError(f"`category` must be one of {', '.join(CATEGORIES)}, got {name!r}.")


def part_names(category: str) -> tuple[str, ...]:
    """The parts of a category, in the order of their numbers.

    Examples:
        >>> part_names("chair")
        ('seat', 'back', 'leg', 'arm')
    """
    return find_category(category).parts


def part_ids(category: str) -> tuple[int, ...]:
    """The global numbers of a category's parts.

    Examples:
        >>> part_ids("airplane"), PARTS[3]
        ((0, 1, 2, 3), ('airplane', 'engine'))
    """
    find_category(category)
    return tuple(i for i, (owner, _) in enumerate(PARTS) if owner == category)


def make_shape(
    category: str,
    values: Mapping[str, float],
    *,
    stretch: Sequence[float] = (1.0, 1.0, 1.0),
    turn: float = 0.0,
) -> Shape:
    """One shape from its factors of variation.

    Arguments:
        category: One of `CATEGORIES`.
        values: Values of some factors; the others get the middle of their range, or the first
            level.
        stretch: Factors by which x, y and z are scaled before the shape is turned.
        turn: Angle about the up axis, in degrees.

    Raises:
        ValueError: If there is no such category or factor, or a value is out of its range.

    Examples:
        >>> high = make_shape("table", {"height": 0.9})
        >>> bool(high.contains(np.array([[0.0, 0.0, 0.0]]))[0])  # under the top, between the legs
        False
    """
    kind = find_category(category)
    factors = {factor.name: factor for factor in kind.factors}
    for name, value in values.items():
        if name not in factors:
            raise ValueError(
                f"`values` of a {category} must name some of {', '.join(factors)}, got {name!r}."
            )
        if not factors[name].admits(value):
            raise ValueError(f"`{name}` must be {_range(factors[name])}, got {value}.")
    if len(stretch) != 3 or not all(scale > 0 for scale in stretch):
        raise ValueError(f"`stretch` must be three positive numbers, got {tuple(stretch)}.")
    full = {name: factor.middle for name, factor in factors.items()} | dict(values)
    ids = dict(zip(kind.parts, part_ids(category), strict=True))
    return Shape(_placed(kind.build(full), stretch, turn), ids)


def _range(factor: Factor) -> str:
    if factor.levels:
        levels = ", ".join(f"{i} ({name})" for i, name in enumerate(factor.levels))
        return f"one of {levels}"
    return f"in [{factor.low}, {factor.high}]"


def _placed(solids: list[Solid], stretch: Sequence[float], turn: float) -> list[Solid]:
    by = np.asarray(stretch, dtype=np.float64)
    return turned([Solid(s.part, s.low * by, s.high * by) for s in solids], turn)
