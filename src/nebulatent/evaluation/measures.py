"""A number with all that is needed to read it: its direction, its unit, how it is computed.

What cannot be computed is left out of a list of measures, never invented: a list holds finite
values only, unless the caller puts others there.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

Better = Literal["higher", "lower", "neither"]


class Measure(NamedTuple):
    """One result.

    Arguments:
        name: Short and unique in a list ("ACC", "NMI", "rel").
        value: The number; shares are fractions of 1.
        better: Which direction is an improvement.
        unit: "", "nats" or "dB".
        convention: One sentence: how it is computed.
        uses_labels: Whether labels were looked at; never those of training.

    Examples:
        >>> acc = Measure("ACC", 0.61, "higher", "", "One-to-one matching.", True)
        >>> to_json([acc])["ACC"]["value"]
        0.61
    """

    name: str
    value: float
    better: Better
    unit: str
    convention: str
    uses_labels: bool


def merge(*groups: Iterable[Measure]) -> list[Measure]:
    """All measures in order.

    Raises:
        ValueError: If two have the same name.
    """
    measures = [measure for group in groups for measure in group]
    names = [measure.name for measure in measures]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"`measures` must have different names, got {', '.join(twice)} more than once; "
            f"rename or drop one."
        )
    return measures


def finite(measures: Iterable[Measure]) -> list[Measure]:
    """Those measures whose value is a number; the others could not be computed."""
    return [measure for measure in measures if math.isfinite(measure.value)]


def to_json(measures: Iterable[Measure]) -> dict[str, dict[str, Any]]:
    """Measures as `{name: {"value": …, "better": …, …}}`; NaN and infinity become None.

    Raises:
        ValueError: If two have the same name.
    """
    rows = {measure.name: measure._asdict() for measure in merge(measures)}
    for row in rows.values():
        del row["name"]
        row["value"] = float(row["value"]) if math.isfinite(row["value"]) else None
    return rows


def from_json(rows: Mapping[str, Mapping[str, Any]]) -> list[Measure]:
    """The measures that `to_json` wrote; None becomes NaN."""
    return [
        Measure(name, **{**row, "value": math.nan if row["value"] is None else row["value"]})
        for name, row in rows.items()
    ]


def require_finite(name: str, rows: Float[np.ndarray, "codes columns"]) -> None:
    """Check an array before anything is measured on it.

    Raises:
        ValueError: If there are no rows, or a value is NaN or infinite.
    """
    if not rows.size:
        raise ValueError(f"`{name}` must have at least one value, got shape {rows.shape}.")
    bad = len(rows) - int(np.isfinite(rows).all(1).sum())
    if bad:
        raise ValueError(
            f"`{name}` must be finite, got NaN or infinity in {bad} of {len(rows)} rows; "
            f"check the encoder."
        )
