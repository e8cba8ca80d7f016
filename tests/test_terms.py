"""Named terms: their weighted sum and their union."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.terms import NO_TERMS, Terms, no_terms

names = st.sampled_from(["kl", "nebula", "pair", "reconstruction", "triplet"])
numbers = st.dictionaries(names, st.floats(-100, 100), min_size=1)


def made(values: dict[str, float], weights: dict[str, float]) -> Terms:
    """Terms in double precision."""
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    return Terms(tensors, weights)


@given(numbers, numbers)
def test_total_is_the_weighted_sum_and_missing_weights_are_one(
    values: dict[str, float], weights: dict[str, float]
) -> None:
    expected = sum(weights.get(name, 1.0) * value for name, value in values.items())
    assert made(values, weights).total.item() == pytest.approx(expected, abs=1e-9)


@given(numbers, numbers, numbers)
def test_union_adds_totals_and_keeps_weights(
    values: dict[str, float], weights: dict[str, float], others: dict[str, float]
) -> None:
    first = made(values, weights)
    second = made({f"other {name}": value for name, value in others.items()}, {})
    both = first | second
    assert both.values == {**first.values, **second.values}
    expected = first.total.item() + second.total.item()
    assert both.total.item() == pytest.approx(expected, abs=1e-9)


def test_a_name_on_both_sides_is_refused_and_named() -> None:
    one = Terms({"kl": torch.zeros(()), "pair": torch.zeros(())})
    with pytest.raises(ValueError, match=r"`terms` must have distinct names, got .'kl'. twice"):
        one | Terms({"kl": torch.ones(())})


def test_total_differentiates_every_term_by_its_weight() -> None:
    values = {name: torch.ones((), requires_grad=True) for name in ("a", "b", "c")}
    Terms(values, {"a": 3.0, "b": 0.0}).total.backward()
    assert [value.grad.item() for value in values.values()] == [3.0, 0.0, 1.0]


def test_no_terms_weigh_nothing_and_join_anything() -> None:
    some = Terms({"kl": torch.ones(())}, {"kl": 0.5})
    assert no_terms(torch.zeros(2, 2)) is NO_TERMS
    assert NO_TERMS.total == 0
    assert (some | NO_TERMS) == some == (NO_TERMS | some)


def test_terms_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        NO_TERMS.values = {"kl": torch.ones(())}
