"""Scores of disentanglement against their papers, on codes whose scores are known, on bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nebulatent.evaluation.disentanglement import (
    Importance,
    dci_scores,
    disentanglement_measures,
    factor_importance,
    mutual_information_gap,
    separated_predictability,
)
from oracles import disentanglement as oracle

SIDE = 20
GRID = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).reshape(-1, 2)
QUANTITIES = {"a": GRID[:, 0].astype(float), "b": GRID[:, 1].astype(float)}
CATEGORIES = {"a": GRID[:, 0] // 5, "b": GRID[:, 1] // 5}
TURNED = np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)  # by 45 degrees: halves everything


def drawn(seed: int, rows: int = 60) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Codes of three components that know a little of two factors."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(rows, 2))
    z = factors @ rng.normal(size=(2, 3)) + rng.normal(size=(rows, 3))
    return z, {"a": factors[:, 0], "b": factors[:, 1]}


@pytest.mark.parametrize("factors", [CATEGORIES, QUANTITIES], ids=["categories", "quantities"])
def test_one_component_for_each_factor_is_perfect(factors: dict[str, np.ndarray]) -> None:
    z = np.column_stack([GRID[:, 1], GRID[:, 0]]) * [3.0, -0.5] + 7  # swapped, scaled, turned over
    assert mutual_information_gap(z, factors) == pytest.approx(1)
    assert separated_predictability(z, factors) == pytest.approx(1)
    found = dci_scores(factor_importance(z, factors))
    assert found.disentanglement > 0.99
    assert found.completeness > 0.99
    assert found.informativeness > 0.99


@pytest.mark.parametrize("factors", [CATEGORIES, QUANTITIES], ids=["categories", "quantities"])
def test_a_rotated_code_keeps_what_it_knows_and_loses_the_rest(
    factors: dict[str, np.ndarray],
) -> None:
    z = GRID @ TURNED
    assert mutual_information_gap(z, factors) < 0.02
    assert separated_predictability(z, factors) < 0.02
    found = dci_scores(factor_importance(z, factors))
    assert found.disentanglement < 0.1
    assert found.completeness < 0.1
    assert found.informativeness > 0.3


def test_a_component_beside_is_no_harm_and_a_copy_closes_the_gap() -> None:
    z, still = GRID.astype(float), np.full((len(GRID), 1), 3.0)
    for score in (mutual_information_gap, separated_predictability):
        assert score(np.hstack([z, still]), QUANTITIES) == pytest.approx(1)
        assert score(np.hstack([z, z[:, :1]]), QUANTITIES) == pytest.approx(0.5)
        assert score(z[:, :1], {"a": QUANTITIES["a"]}) == pytest.approx(1)


def test_two_factors_in_one_component_are_complete_and_entangled() -> None:
    both = Importance(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([1.0, 0.5]))
    assert dci_scores(both) == pytest.approx((0.0, 1.0, 0.75))


@settings(max_examples=8)
@given(st.integers(0, 2**31 - 1))
def test_mig_matches_the_oracle(seed: int) -> None:
    z, factors = drawn(seed)
    levels = {name: (values > 0.3).astype(int) for name, values in factors.items()}
    expected = oracle.mig(z.T.tolist(), [level.tolist() for level in levels.values()])
    assert mutual_information_gap(z, levels) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    binned = [oracle.bins(values.tolist()) for values in factors.values()]
    expected = oracle.mig(z.T.tolist(), binned)
    assert mutual_information_gap(z, factors) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.integers(0, 2**31 - 1))
def test_sap_of_quantities_matches_the_oracle(seed: int) -> None:
    z, factors = drawn(seed)
    expected = oracle.sap(z.T.tolist(), [values.tolist() for values in factors.values()])
    assert separated_predictability(z, factors) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.integers(0, 2**31 - 1))
def test_sap_of_two_categories_never_beats_the_best_threshold_and_comes_near(seed: int) -> None:
    """The tree places its threshold by Gini's index, the oracle by the accuracy itself."""
    z, factors = drawn(seed)
    label = (factors["a"] > 0.3).astype(int)
    found = separated_predictability(z[:, :1], {"a": label})
    best = oracle.best_threshold(z[:, 0].tolist(), label.tolist())
    assert best - 0.35 < found <= best + 1e-12


@given(arrays.arrays(float, (3, 4), elements=st.floats(0.0, 1.0, allow_subnormal=False)))
def test_dci_matches_the_oracle(table: np.ndarray) -> None:
    table = table + 1e-3
    found = dci_scores(Importance(table, np.ones(4)))
    assert found[:2] == pytest.approx(oracle.dci(table.tolist()), rel=1e-9, abs=1e-12)


def test_importance_that_nobody_has_counts_as_none() -> None:
    nothing = dci_scores(Importance(np.zeros((2, 2)), np.zeros(2)))
    assert nothing == (0.0, 0.0, 0.0)
    half = dci_scores(Importance(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([1.0, 0.0])))
    assert half == pytest.approx((1.0, 0.5, 0.5))


def test_the_same_codes_give_the_same_scores_in_any_order_of_samples() -> None:
    z, factors = drawn(0)
    order = np.random.default_rng(1).permutation(len(z))
    mixed = {name: values[order] for name, values in factors.items()}
    assert mutual_information_gap(z[order], mixed) == pytest.approx(
        mutual_information_gap(z, factors)
    )
    assert np.array_equal(factor_importance(z, factors).table, factor_importance(z, factors).table)


def test_measures_say_how_they_were_taken() -> None:
    z, factors = drawn(0)
    found = disentanglement_measures(z, factors)
    assert [measure.name for measure in found[:2]] == ["MIG", "SAP"] and len(found) == 5
    assert all("2 known factors (a, b)" in measure.convention for measure in found)
    assert all(measure.uses_labels and measure.better == "higher" for measure in found)
    assert len(disentanglement_measures(z[:, :1], factors)) == 2


def test_bad_input_is_refused() -> None:
    z, good = drawn(0)
    bad = {
        "must hold at least one factor": {},
        r"\['a'\]` must have one value per code \(60\)": {"a": good["a"][1:]},
        r"\['b'\]` must be finite numbers": good | {"b": np.where(good["b"] > 1, np.nan, 0.5)},
        r"\['c'\]` must be finite numbers": {"c": np.array(["x", "y"] * 30)},
        r"\['b'\]` must vary": good | {"b": np.zeros(60, int)},
    }
    for message, factors in bad.items():
        for score in (mutual_information_gap, separated_predictability, factor_importance):
            with pytest.raises(ValueError, match=message):
                score(z, factors)
    for codes in (z[:0], np.where(z > 2, np.inf, z)):
        with pytest.raises(ValueError, match="`z` must"):
            mutual_information_gap(codes, good)
    with pytest.raises(ValueError, match="two components at least and `factors` two factors"):
        factor_importance(z[:, :1], good)
