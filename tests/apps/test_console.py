"""What is printed: tables that say what they show, and JSON that a program can read."""

import json
import math

import pytest

from nebulatent.apps.console import Output, comparison, measure_name, rounded
from nebulatent.evaluation.measures import Measure, to_json

ACC = Measure("ACC", 0.75, "higher", "", "Best matching.", True)
KL = Measure("KL", math.nan, "neither", "nats", "Divergence.", False)


def test_the_name_of_a_measure_shows_unit_direction_and_use_of_labels() -> None:
    assert measure_name(ACC) == "ACC ↑ *"
    assert measure_name(KL) == "KL [nats]"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.0, "3"), (0.123456, "0.1235"), (1e9, "1e+09"), (-2.5, "-2.5"), (math.nan, "nan"),
     (math.inf, "inf")],
)  # fmt: skip
def test_numbers_are_shown_with_four_digits(value: float, shown: str) -> None:
    assert rounded(value) == shown


def test_a_measure_that_a_column_lacks_is_a_dash() -> None:
    head, rows = comparison({"run": [ACC, KL], "raw": [ACC]})
    assert head == ["measure", "run", "raw"]
    assert rows == [["ACC ↑ *", "0.75", "0.75"], ["KL [nats]", "nan", "–"]]


def test_units_in_square_brackets_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).measures("runs/[red]a", {"value": [KL]})
    printed = capsys.readouterr().out
    assert "KL [nats]" in printed
    assert "runs/[red]a" in printed


@pytest.mark.parametrize(("measure", "explained"), [(ACC, True), (KL, False)])
def test_the_star_is_explained_only_where_it_stands(
    measure: Measure, explained: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    Output(as_json=False).measures("run", {"value": [measure]})
    assert ("uses labels" in capsys.readouterr().out) == explained


def test_json_is_all_that_is_printed_and_holds_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.say("words")
    output.measures("run", {"value": [ACC, KL]})
    output.result({"measures": to_json([ACC, KL])})
    printed = json.loads(capsys.readouterr().out)
    assert printed["measures"]["KL"]["value"] is None
    assert printed["measures"]["ACC"]["value"] == 0.75


def test_without_json_no_object_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.say("[bold]words[/bold]")
    output.result({"a": 1})
    assert capsys.readouterr().out == "[bold]words[/bold]\n"
