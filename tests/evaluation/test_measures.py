"""Measures: what a list of them becomes on disk, and what is refused."""

import json
import math

import numpy as np
import pytest

from nebulatent.evaluation.measures import (
    Measure,
    finite,
    from_json,
    merge,
    require_finite,
    to_json,
)

ACC = Measure("ACC", 0.5, "higher", "", "One-to-one matching.", True)
REL = Measure("rel", 0.2, "lower", "", "Foreground error.", False)


def test_json_keeps_every_field_and_the_order() -> None:
    rows = json.loads(json.dumps(to_json([REL, ACC]), allow_nan=False))
    assert list(rows) == ["rel", "ACC"]
    assert from_json(rows) == [REL, ACC]


def test_json_holds_plain_numbers_only() -> None:
    measure = ACC._replace(value=np.float32(0.5))
    assert type(to_json([measure])["ACC"]["value"]) is float


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null_in_json_and_dropped_from_lists(value: float) -> None:
    odd = ACC._replace(value=value)
    assert to_json([odd])["ACC"]["value"] is None
    assert math.isnan(from_json(to_json([odd]))[0].value)
    assert finite([odd, REL]) == [REL]


def test_merge_keeps_order_and_refuses_two_of_one_name() -> None:
    assert merge([ACC], [], [REL]) == [ACC, REL]
    with pytest.raises(ValueError, match="`measures` must have different names, got ACC more"):
        merge([ACC], [REL, ACC])


def test_bad_rows_are_counted_in_the_message() -> None:
    rows = np.zeros((4, 2))
    rows[1], rows[3, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match="`z` must be finite, got NaN or infinity in 2 of 4 rows"):
        require_finite("z", rows)
    with pytest.raises(ValueError, match="`z` must have at least one value, got shape"):
        require_finite("z", rows[:0])
