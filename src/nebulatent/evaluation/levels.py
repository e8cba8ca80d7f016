"""Accuracy along a scale: of labels that were read, or of damage to the samples.

At each level of the scale the same is measured several times with other draws. A spread over draws
says how much one draw can be trusted; it is not the spread over trainings.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Level(NamedTuple):
    """What was measured at one level.

    Arguments:
        at: The level; None for samples as they are, where the scale has no number for that.
        text: The level for people.
        values: One value for each draw.
        note: What else a table says of the level; the number of labels, say.
    """

    at: float | None
    text: str
    values: tuple[float, ...]
    note: str = ""

    @property
    def name(self) -> str:
        """The level and its note, for tables."""
        return f"{self.text} ({self.note})" if self.note else self.text

    @property
    def mean(self) -> float:
        """Mean over the draws."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Standard deviation of one draw, estimated from the draws; 0 of a single one."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0


class Curve(NamedTuple):
    """A value at every level of a scale.

    Arguments:
        name: What changes along the scale.
        unit: Of the levels.
        convention: How it was measured, in sentences.
        levels: From the mildest to the hardest, or from few to many.
    """

    name: str
    unit: str
    convention: str
    levels: tuple[Level, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "unit": self.unit,
            "convention": self.convention,
            "levels": [
                {
                    "at": level.at,
                    "mean": level.mean,
                    "std": level.std,
                    "values": list(level.values),
                }
                for level in self.levels
            ],
        }


def same_levels(curves: Sequence[Curve]) -> tuple[Level, ...]:
    """The levels that curves of one scale share.

    Raises:
        ValueError: If there are none, or their levels differ.
    """
    scales = {tuple((level.at, level.text) for level in curve.levels) for curve in curves}
    if len(scales) != 1:
        raise ValueError(f"`curves` must have the same levels, got {len(scales)} scales.")
    return curves[0].levels
