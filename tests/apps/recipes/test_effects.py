"""Effects against sums written out."""

import pytest

from nebulatent.apps.recipes.effects import Beyond, Gap, Lead, Steadier, Trend

ROWS = {
    "m, 2": [{"v": 1.0}, {"v": 2.0}],
    "m, 4": [{"v": 3.0}, {"v": 2.5}],
    "m, 8": [{"v": 5.0}, {"v": 3.0}],
}
SIZES = {"m, 2": 2.0, "m, 4": 4.0, "m, 8": 8.0}


def test_a_gap_is_taken_between_means_within_each_seed() -> None:
    gap = Gap(measure="v", higher=("m, 4", "m, 8"), lower=("m, 2",))
    assert gap(ROWS).tolist() == [4.0 - 1.0, 2.75 - 2.0]
    assert str(gap) == "v: mean of (m, 4/8) − m, 2"


def test_slack_is_added() -> None:
    gap = Gap(measure="v", higher=("m, 2",), lower=("m, 4",), slack=0.5)
    assert gap(ROWS).tolist() == [-1.5, 0.0]


def test_bounds() -> None:
    below = Beyond(measure="v", row="m, 2", bound=1.5, side="below")
    above = Beyond(measure="v", row="m, 2", bound=1.5)
    assert below(ROWS).tolist() == [0.5, -0.5] and str(below) == "v: 1.5 − m, 2"
    assert above(ROWS).tolist() == [-0.5, 0.5] and str(above) == "v: m, 2 − 1.5"


def test_a_lead_compares_two_measures_of_one_row() -> None:
    rows = {"m": [{"v": 3.0, "w": 1.0}, {"v": 2.0, "w": 4.0}]}
    assert Lead(measure="v", over="w", row="m")(rows).tolist() == [2.0, -2.0]


def test_a_slope_is_the_change_per_doubling() -> None:
    assert Trend(measure="v", sizes=SIZES, direction="rise")(ROWS) == pytest.approx([2.0, 0.5])
    assert Trend(measure="v", sizes=SIZES, direction="fall")(ROWS) == pytest.approx([-2.0, -0.5])


def test_steadier_compares_ranges() -> None:
    steady = Steadier(measure="v", steady=("m, 2", "m, 4"), varying=("m, 2", "m, 8"))
    assert steady(ROWS).tolist() == [4.0 - 2.0, 1.0 - 0.5]


def test_a_measure_that_a_row_lacks_is_named() -> None:
    with pytest.raises(ValueError, match="row 'm, 2' must have the measure 'ACC'"):
        Beyond(measure="ACC", row="m, 2", bound=0.5)(ROWS)
