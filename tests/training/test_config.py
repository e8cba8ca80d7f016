"""Options of a run and the learning rate over it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.training.config import FitConfig
from nebulatent.training.schedules import lr_factor


def factor(step: int, steps: int, share: float, **options: object) -> float:
    """The rate's factor with a share of decay."""
    return lr_factor(step, steps, FitConfig(decay=share, **options))


falling = st.sampled_from(["linear", "cosine"])
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
        ({"warmup_steps": -1}, r"`warmup_steps` must be at least 0, got -1\."),
        ({"schedule": "steps"}, r"`schedule` must be linear, cosine, constant, got 'steps'\."),
        ({"clip": 0.0}, r"`clip` must be positive and finite, got 0\.0\."),
        ({"accumulate": 0}, r"`accumulate` must be at least 1, got 0\."),
        ({"ema": 1.0}, r"`ema` must lie between 0 and 1, got 1\.0\."),
        ({"patience": 0}, r"`patience` must be at least 1, got 0\."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FitConfig(**options)


def test_options_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FitConfig().epochs = 3


@given(lengths, shares, falling)
def test_rate_starts_at_one_falls_never_rises_and_stays_positive(
    steps: int, share: float, schedule: str
) -> None:
    rates = [factor(step, steps, share, schedule=schedule) for step in range(steps)]
    assert rates[0] == 1.0
    assert all(0 < after <= before <= 1 for before, after in pairwise(rates))


@given(lengths, shares)
def test_rate_is_full_until_the_last_share_of_the_steps(steps: int, share: float) -> None:
    full = [step for step in range(steps) if step < (1 - share) * steps - 1e-9]
    assert all(factor(step, steps, share) == 1.0 for step in full)


@given(lengths, st.floats(0.1, 1))
def test_rate_would_reach_zero_at_the_step_after_the_last(steps: int, share: float) -> None:
    last = factor(steps - 1, steps, share)
    assert last == pytest.approx(min(1.0, 1 / (share * steps)))
    assert factor(steps, steps, share) == 0.0


def test_no_decay_keeps_the_rate() -> None:
    assert all(factor(step, 9, 0.0) == 1.0 for step in range(9))


def test_cosine_is_half_way_down_in_the_middle() -> None:
    assert factor(75, 100, 0.5, schedule="cosine") == pytest.approx(0.5)


def test_constant_rate_only_warms_up() -> None:
    rates = [factor(step, 6, 0.4, schedule="constant", warmup_steps=3) for step in range(6)]
    assert rates == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1])
