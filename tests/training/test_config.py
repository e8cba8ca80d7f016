"""Options of a run and the learning rate over it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.training.config import FitConfig
from nebulatent.training.schedules import linear_decay

shares = st.floats(0, 1)
lengths = st.integers(1, 500)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, r"`epochs` must be at least 1, got 0\."),
        ({"lr": 0.0}, r"`lr` must be positive and finite, got 0\.0\."),
        ({"lr": float("nan")}, r"`lr` must be .*, got nan\."),
        ({"lr": float("inf")}, r"`lr` must be .*, got inf\."),
        ({"decay": -0.1}, r"`decay` must lie in 0\.\.1, got -0\.1\."),
        ({"decay": 1.1}, r"`decay` must lie in 0\.\.1, got 1\.1\."),
        ({"decay": float("nan")}, r"`decay` must lie in 0\.\.1, got nan\."),
        ({"seed": -1}, r"`seed` must .*, got -1\."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FitConfig(**options)


def test_options_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FitConfig().epochs = 3


@given(lengths, shares)
def test_rate_starts_at_one_falls_never_rises_and_stays_positive(steps: int, share: float) -> None:
    rates = [linear_decay(step, steps, share) for step in range(steps)]
    assert rates[0] == 1.0
    assert all(0 < after <= before <= 1 for before, after in pairwise(rates))


@given(lengths, shares)
def test_rate_is_full_until_the_last_share_of_the_steps(steps: int, share: float) -> None:
    full = [step for step in range(steps) if step < (1 - share) * steps - 1e-9]
    assert all(linear_decay(step, steps, share) == 1.0 for step in full)


@given(lengths, st.floats(0.1, 1))
def test_rate_would_reach_zero_at_the_step_after_the_last(steps: int, share: float) -> None:
    last = linear_decay(steps - 1, steps, share)
    assert last == pytest.approx(min(1.0, 1 / (share * steps)))
    assert linear_decay(steps, steps, share) == 0.0


def test_no_decay_keeps_the_rate() -> None:
    assert all(linear_decay(step, 9, 0.0) == 1.0 for step in range(9))
