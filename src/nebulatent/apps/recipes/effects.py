r"""What a claim says about the rows, as one number per seed: positive where the claim is right.

| claim | effect of seed s |
|---|---|
| rows A have a higher value than rows B | mean of A − mean of B: `Gap` |
| a value is below (above) a bound | bound − value (value − bound): `Beyond` |
| a row has a higher value of one measure than of another | their difference: `Lead` |
| a value falls (rises) with a size | ∓ slope against log₂ of the size: `Trend` |
| rows A vary less than rows B | range over B − range over A: `Steadier` |

Rows are trained with the same seeds, so a difference is taken within a seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

Results = Mapping[str, Sequence[Mapping[str, float]]]  # measures by seed, by row
Values = Float[np.ndarray, " seeds"]


class Effect(Protocol):
    """A function of the results, and what it reads of them."""

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        ...

    @property
    def measure(self) -> str:
        """Name of the measure."""
        ...

    def __call__(self, results: Results) -> Values:
        """One number per seed, positive where the claim is right."""
        ...

    def __str__(self) -> str:
        """What is computed, for people."""
        ...


def values(results: Results, row: str, measure: str) -> Values:
    """A measure of a row, one value per seed.

    Raises:
        ValueError: If a training did not give that measure.
    """
    seeds = results[row]
    if any(measure not in measured for measured in seeds):
        raise ValueError(
            f"Every seed of row {row!r} must have the measure {measure!r}; delete its files in the "
            "folder `trainings` if they are of an older version."
        )
    return np.array([measured[measure] for measured in seeds], float)


def _mean(results: Results, rows: tuple[str, ...], measure: str) -> Values:
    return np.mean([values(results, row, measure) for row in rows], axis=0)


def joined(rows: Sequence[str]) -> str:
    """Names of rows, what they share in front said once.

    Examples:
        >>> joined(["NVC, 5", "NVC, 10"]), joined(["AE", "VAE"])
        ('NVC, 5/10', 'AE/VAE')
    """
    fronts = {row.rpartition(", ")[0] for row in rows}
    if len(fronts) > 1 or "" in fronts:
        return "/".join(rows)
    return f"{fronts.pop()}, {'/'.join(row.rpartition(', ')[2] for row in rows)}"


def _names(rows: tuple[str, ...]) -> str:
    return rows[0] if len(rows) == 1 else f"mean of ({joined(rows)})"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How much higher a measure is in some rows than in others, each taken as their mean.

    With `slack`, how much is left of it: that rows are *not lower by more than* that.
    """

    measure: str
    higher: tuple[str, ...]
    lower: tuple[str, ...]
    slack: float = 0.0

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return self.higher + self.lower

    def __call__(self, results: Results) -> Values:
        """Mean of the rows said to be higher, less that of the others."""
        higher = _mean(results, self.higher, self.measure)
        return higher - _mean(results, self.lower, self.measure) + self.slack

    def __str__(self) -> str:
        slack = f" + {self.slack:g}" if self.slack else ""
        return f"{self.measure}: {_names(self.higher)} − {_names(self.lower)}{slack}"


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """How far a measure of a row is beyond a bound, above it or below."""

    measure: str
    row: str
    bound: float
    side: Literal["above", "below"] = "above"

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return (self.row,)

    def __call__(self, results: Results) -> Values:
        """Value − bound, or bound − value."""
        above = values(results, self.row, self.measure) - self.bound
        return above if self.side == "above" else -above

    def __str__(self) -> str:
        sides = self.row, f"{self.bound:g}"
        high, low = sides if self.side == "above" else sides[::-1]
        return f"{self.measure}: {high} − {low}"


@dataclass(frozen=True, kw_only=True)
class Lead:
    """How much higher one measure of a row is than another measure of the same row."""

    measure: str
    over: str
    row: str

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return (self.row,)

    def __call__(self, results: Results) -> Values:
        """One measure less the other."""
        return values(results, self.row, self.measure) - values(results, self.row, self.over)

    def __str__(self) -> str:
        return f"{self.row}: {self.measure} − {self.over}"


def slope(results: Results, sizes: Mapping[str, float], measure: str) -> Values:
    """Least-squares slope of a measure against log₂ of each row's size: change per doubling."""
    x = np.log2(np.array(list(sizes.values()), float))
    y = np.stack([values(results, row, measure) for row in sizes])
    x = x - x.mean()
    return x @ y / (x @ x)


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How fast a measure falls or rises with the size of the rows, per doubling."""

    measure: str
    sizes: Mapping[str, float]
    direction: Literal["fall", "rise"]

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(self.sizes)

    def __call__(self, results: Results) -> Values:
        """The slope, with the sign turned for a fall."""
        rise = slope(results, self.sizes, self.measure)
        return rise if self.direction == "rise" else -rise

    def __str__(self) -> str:
        return f"{self.measure}: {self.direction} per doubling over {joined(self.rows)}"


@dataclass(frozen=True, kw_only=True)
class Steadier:
    """How much smaller the range (largest − smallest value) is over some rows than over others."""

    measure: str
    steady: tuple[str, ...]
    varying: tuple[str, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return self.steady + self.varying

    def __call__(self, results: Results) -> Values:
        """Range over the varying rows, less that over the steady ones."""
        return self._range(results, self.varying) - self._range(results, self.steady)

    def _range(self, results: Results, rows: tuple[str, ...]) -> Values:
        return np.ptp([values(results, row, self.measure) for row in rows], axis=0)

    def __str__(self) -> str:
        varying, steady = joined(self.varying), joined(self.steady)
        return f"{self.measure}: range over ({varying}) − range over ({steady})"
