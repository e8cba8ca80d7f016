"""The rules by which rows become a model."""

import numpy as np
import pytest
import torch

from nebulatent.apps.planning.row_plan import (
    choose_likelihood,
    fit_row_scaling,
    plan_length,
    share_unit,
)

PIXELS = np.array([[0.0, 16.0, 0.0], [8.0, 0.0, 0.0], [16.0, 4.0, 0.0]])
UNITS = np.array([[0.0, 0.0, 5.0], [1.0, 300.0, 5.0], [2.0, 900.0, 5.0]])
LONG = {"batch_size": 128, "max_iter": 100, "max_steps": 3000, "warmup": 0.6}


def test_values_in_0_to_1_are_bernoulli_and_others_gaussian() -> None:
    assert choose_likelihood(PIXELS / 16, "auto") == "bernoulli"
    assert choose_likelihood(PIXELS, "auto") == "gaussian"
    assert choose_likelihood(PIXELS / 16, "gaussian") == "gaussian"


def test_bernoulli_is_refused_outside_0_to_1() -> None:
    with pytest.raises(ValueError, match=r"`X` must lie in \[0, 1\] .* got 0 to 16"):
        choose_likelihood(PIXELS, "bernoulli")


def test_pixels_share_a_unit_and_other_units_do_not() -> None:
    assert share_unit(PIXELS)
    assert not share_unit(UNITS[:, [0, 0, 1]])
    assert not share_unit(np.ones((3, 2)))


def test_bernoulli_rows_are_left_as_they_are() -> None:
    scaling = fit_row_scaling(PIXELS / 16, "auto", "bernoulli")
    x = torch.tensor(PIXELS / 16)
    assert (scaling.apply(x) == x).all()


def test_a_common_scale_keeps_the_ratios_of_the_features() -> None:
    scaled = fit_row_scaling(PIXELS, "auto", "gaussian").apply(torch.tensor(PIXELS))
    spread = scaled.std(0, correction=0)
    torch.testing.assert_close(spread / spread[0], torch.tensor(PIXELS.std(0) / PIXELS.std(0)[0]))
    assert spread.square().mean().item() == pytest.approx(1)


def test_a_scale_per_feature_makes_each_unit_variance_and_spares_constants() -> None:
    scaled = fit_row_scaling(UNITS, "feature", "gaussian").apply(torch.tensor(UNITS))
    torch.testing.assert_close(scaled.std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]).double())


def test_scaling_is_undone() -> None:
    for choice in ("common", "feature"):
        scaling = fit_row_scaling(UNITS, choice, "gaussian")
        torch.testing.assert_close(
            scaling.invert(scaling.apply(torch.tensor(UNITS))), torch.tensor(UNITS)
        )


def test_rows_that_never_change_are_only_shifted() -> None:
    scaling = fit_row_scaling(np.full((4, 2), 3.0), "common", "gaussian")
    assert (scaling.scale == 1).all()


def test_small_data_get_smaller_batches_and_large_data_fewer_epochs() -> None:
    assert plan_length(30, **LONG) == (32, 100, 60)
    assert plan_length(1000, **LONG) == (100, 100, 60)
    assert plan_length(60_000, **LONG) == (128, 6, 4)
    assert plan_length(10_000_000, **LONG) == (128, 3, 2)


def test_the_anchors_act_in_at_least_one_epoch() -> None:
    assert plan_length(100, **LONG | {"max_iter": 1}) == (32, 1, 0)
    assert plan_length(100, **LONG | {"max_iter": 2, "warmup": 0.99}).warmup_epochs == 1
