"""What a category of shapes is: its factors of variation, its parts, and how factors become solids.

A shape is a function of its factors alone, so every source of variation is known and named.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from nebulatent.data.shapes.solids import Solid

Values = Mapping[str, float]


class Factor(NamedTuple):
    """One source of variation.

    Arguments:
        name: Its name within the category.
        low: Smallest value; 0 if there are levels.
        high: Largest value; the last level's number if there are levels.
        levels: What the whole numbers of a discrete factor mean; empty for a continuous one.
    """

    name: str
    low: float
    high: float
    levels: tuple[str, ...] = ()

    @property
    def middle(self) -> float:
        """The first level, or the middle of the range."""
        return self.low if self.levels else (self.low + self.high) / 2

    def draw(self, generator: np.random.Generator) -> float:
        """A value, each as likely as any other."""
        if self.levels:
            return float(generator.integers(len(self.levels)))
        return float(generator.uniform(self.low, self.high))

    def admits(self, value: float) -> bool:
        """Whether a shape can have this value."""
        whole = not self.levels or value == round(value)
        return self.low <= value <= self.high and whole


class Category(NamedTuple):
    """A kind of thing.

    Arguments:
        name: Its name.
        parts: Names of its parts; a single shape may lack some.
        factors: What varies.
        build: Values of all factors → solids, in any unit.
    """

    name: str
    parts: tuple[str, ...]
    factors: tuple[Factor, ...]
    build: Callable[[Values], list[Solid]]


def span(name: str, low: float, high: float) -> Factor:
    """A continuous factor."""
    return Factor(name, low, high)


def choice(name: str, *levels: str) -> Factor:
    """A discrete factor."""
    return Factor(name, 0.0, len(levels) - 1.0, levels)


def level(factors: tuple[Factor, ...], values: Values, name: str) -> str:
    """The name of the level that a discrete factor has."""
    factor = next(factor for factor in factors if factor.name == name)
    return factor.levels[int(values[name])]
