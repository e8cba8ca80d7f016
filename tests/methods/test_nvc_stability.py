"""The literal form has no minimum and says so; the default form can be trained from any start."""

import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nebulatent.methods.nvc import NebulaAnchors, nebula_loss
from nebulatent.ops.distances import squared_distances

APART = 'Anchors are further apart than 1.*use `form="log1p"`'


def descend(
    z: Tensor, anchors: Tensor, optimizer: type[torch.optim.Optimizer], form: str = "log1p"
) -> tuple[Tensor, list[float]]:
    """200 steps on free codes and anchors: where the codes end, and the losses on the way."""
    z, anchors = z.clone().requires_grad_(), anchors.clone().requires_grad_()
    stepper = optimizer([z, anchors], lr=1e-2)
    losses = []
    for _ in range(200):
        label = squared_distances(z.detach(), anchors.detach()).argmin(1)
        loss = nebula_loss(z, anchors, label, form=form, scale2=1.0)
        losses.append(loss.item())
        stepper.zero_grad()
        loss.backward()
        stepper.step()
    return z.detach(), losses


def start(seed: int, code_scale: float, anchor_scale: float) -> tuple[Tensor, Tensor]:
    """24 codes and 4 anchors of given sizes in three dimensions."""
    noise = torch.randn(28, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return code_scale * noise[:24], anchor_scale * noise[24:]


@pytest.mark.parametrize("seed", range(2))
def test_literal_form_diverges_from_standard_normal_anchors(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FloatingPointError, match=r"got a diverged one.*use `form=\"log1p\"`\."):
            descend(*start(seed, 1.0, 1.0), torch.optim.SGD, "literal")


def test_literal_form_diverges_even_from_anchors_within_distance_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FloatingPointError):
            descend(*start(0, 1.0, 0.15), torch.optim.SGD, "literal")


def test_literal_form_warns_where_it_is_unbounded() -> None:
    label = torch.zeros(1, dtype=torch.long)
    with pytest.warns(UserWarning, match=APART):
        nebula_loss(torch.zeros(1, 1), torch.tensor([[0.0], [1.1]]), label, form="literal")
    with pytest.warns(UserWarning, match=APART):
        NebulaAnchors(10, 16, form="literal")(torch.randn(8, 16))


def test_literal_form_is_silent_where_it_is_valid() -> None:
    label = torch.zeros(1, dtype=torch.long)
    nebula_loss(torch.zeros(1, 1), torch.tensor([[0.0], [0.9]]), label, form="literal")


@pytest.mark.parametrize("form", ["log1p", "clamped"])
def test_other_forms_never_warn(form: str) -> None:
    NebulaAnchors(10, 16, form=form)(100 * torch.randn(8, 16))


sizes = st.floats(-3, 3).map(lambda exponent: 10.0**exponent)


@settings(max_examples=6)
@given(st.integers(0, 999), sizes, sizes)
def test_default_form_stays_finite_and_positive_from_any_start(
    seed: int, code_scale: float, anchor_scale: float
) -> None:
    z, losses = descend(*start(seed, code_scale, anchor_scale), torch.optim.SGD)
    assert min(losses) >= 0 and max(losses) < float("inf")
    assert z.isfinite().all()


@settings(max_examples=6)
@given(st.integers(0, 999), sizes, sizes)
def test_default_form_goes_down_from_any_start_with_the_optimiser_of_fit(
    seed: int, code_scale: float, anchor_scale: float
) -> None:
    _, losses = descend(*start(seed, code_scale, anchor_scale), torch.optim.Adam)
    assert 0 <= losses[-1] <= losses[0]


@settings(max_examples=6)
@given(st.integers(0, 999), st.floats(1e-3, 2.0), st.floats(0.05, 2.0))
def test_codes_do_not_run_away_under_the_default_form(
    seed: int, code_scale: float, anchor_scale: float
) -> None:
    codes, anchors = start(seed, code_scale, anchor_scale)
    z, _ = descend(codes, anchors, torch.optim.SGD)
    assert z.abs().max() < 3 * (1 + codes.abs().max())
