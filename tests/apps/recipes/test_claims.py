"""Verdicts on numbers small enough to be worked out by hand."""

import math
from collections.abc import Sequence

import pytest

from nebulatent.apps.recipes.claims import Claim, Finding, Part, conclude, find, judge
from nebulatent.apps.recipes.effects import Gap, Results

T4 = 2.776445  # Student's t at 97.5 %, 4 degrees of freedom, from a printed table


def results(first: Sequence[float], second: Sequence[float]) -> Results:
    return {"A": [{"v": value} for value in first], "B": [{"v": value} for value in second]}


def part(counts_from: float = 0.0, condition: str = "") -> Part:
    gap = Gap(measure="v", higher=("A",), lower=("B",))
    return Part(effect=gap, condition=condition, counts_from=counts_from)


def test_the_interval_is_students_of_the_paired_differences() -> None:
    # Differences 1..5: mean 3, standard deviation sqrt(2.5), error sqrt(0.5).
    found = find(part(), results([11, 22, 33, 44, 55], [10, 20, 30, 40, 50]))
    assert found.values == (1, 2, 3, 4, 5)
    assert found.mean == 3
    assert found.low == pytest.approx(3 - T4 * math.sqrt(0.5), rel=1e-6)
    assert found.high == pytest.approx(3 + T4 * math.sqrt(0.5), rel=1e-6)
    assert found.p == pytest.approx(0.0132, abs=1e-4)  # t = 4.243
    assert (found.state, found.agree) == ("holds", 5)


def test_pairing_within_a_seed_finds_what_the_spread_between_seeds_would_hide() -> None:
    spread = [0.0, 100.0, 200.0, 300.0, 400.0]
    found = find(part(), results([s + 1 + i / 100 for i, s in enumerate(spread)], spread))
    assert found.state == "holds"


@pytest.mark.parametrize(
    ("differences", "counts_from", "state"),
    [
        ([1, 2, 3, 4, 5], 0.0, "holds"),
        ([1, 2, 3, 4, 5], 3.5, "small"),  # certainly positive, but not as much as counts
        ([-1, -2, -3, -4, -5], 0.0, "fails"),
        ([-1, 1, -2, 2, 0], 0.0, "open"),
        ([-1, 1, -2, 2, 0], 2.0, "fails"),  # the interval ends at 1.96
        ([-1, 1, -2, 2, 0], 1.9, "open"),
        ([0, 0, 0, 0, 0], 0.0, "fails"),
        ([2, 2, 2, 2, 2], 1.0, "holds"),  # no spread at all
        ([5], 0.0, "open"),
    ],
)
def test_states(differences: list[float], counts_from: float, state: str) -> None:
    found = find(part(counts_from), results(differences, [0.0] * len(differences)))
    assert found.state == state


def test_one_seed_has_no_interval() -> None:
    found = find(part(), results([5.0], [1.0]))
    assert (found.low, found.mean, found.high, found.p) == (4, 4, 4, 1)
    assert conclude([found]) == ("not decided", "not decided at 1 seed")


def test_equal_numbers_are_no_difference() -> None:
    found = find(part(), results([3.0] * 5, [3.0] * 5))
    assert (found.state, found.p, found.agree) == ("fails", 1, 0)


def finding(state: str, condition: str) -> Finding:
    values = (0.02, 0.02)
    return Finding(condition, "v", values, 0.02, 0.01, 0.03, 0.01, 0.1, state)  # pyright: ignore


@pytest.mark.parametrize(
    ("states", "verdict", "sentence"),
    [
        (("holds", "holds"), "holds", "holds"),
        (("fails", "fails"), "does not hold", "does not hold"),
        (("open", "open"), "not decided", "not decided at 2 seeds"),
        (("holds", "fails"), "holds only if", "holds only if it is a"),
        (("holds", "open"), "holds only if", "holds only if it is a (not decided for: it is b)"),
        (("fails", "open"), "does not hold", "does not hold (not decided for: it is b)"),
        (
            ("small", "fails"),
            "holds only if",
            "holds only if it is a and an effect as small as 0.02 counts (we count from 0.1)",
        ),
    ],
)
def test_verdicts_of_two_parts(states: tuple[str, str], verdict: str, sentence: str) -> None:
    parts = [finding(states[0], "it is a"), finding(states[1], "it is b")]
    assert conclude(parts) == (verdict, sentence)


def test_a_claim_is_judged_by_all_its_parts() -> None:
    claim = Claim(
        says="A beats B.", where="Table 0", parts=(part(0, "it is a"), part(9, "it is b"))
    )
    judged = judge(claim, results([1, 2, 3, 4, 5], [0] * 5))
    assert judged.verdict == "holds only if"
    assert [found.state for found in judged.findings] == ["holds", "small"]


@pytest.mark.parametrize("conditions", [(), ("", "x"), ("x", "x")])
def test_parts_without_a_condition_of_their_own_are_refused(conditions: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="`parts` must each have a condition"):
        Claim(says="A.", where="B", parts=tuple(part(0, condition) for condition in conditions))
