"""Clipping, accumulation, averaged weights, early stopping, validation: each does what it says."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from laws.cases import FEATURES, host
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.vae import VAE
from nebulatent.terms import Terms
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import Step, fit
from training.runs import CONFIG, STEPS, data, equal, nvc_ml


class Line(nn.Module):
    """A method of one weight: the mean of weight · x, and no code."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> Terms:
        return Terms({"slope": (self.weight * batch.x).mean()})


def slopes(config: FitConfig, x: torch.Tensor, batch_size: int) -> list[float]:
    """The gradient of `Line` at every step, as Adam received it."""
    method, seen = Line(), []
    fit(
        method,
        Batches(x, batch_size=batch_size),
        config,
        on_step=lambda step: seen.append(method.weight.grad.item()),
    )
    return seen


def test_long_gradients_are_clipped_and_short_ones_are_not() -> None:
    x = torch.tensor([[3.0], [3.0], [0.5], [0.5]])
    free = slopes(FitConfig(epochs=1), x, 1)
    clipped = slopes(FitConfig(epochs=1, clip=1.0), x, 1)
    assert sorted(free) == pytest.approx([0.5, 0.5, 3.0, 3.0])
    assert sorted(clipped) == pytest.approx([0.5, 0.5, 1.0, 1.0], rel=1e-4)


def test_accumulated_batches_make_one_step_with_their_mean_gradient() -> None:
    x = torch.arange(12.0).unsqueeze(1)
    whole = slopes(FitConfig(epochs=2), x, 4)
    parts = slopes(FitConfig(epochs=2, accumulate=2), x, 2)
    assert parts == pytest.approx(whole) and len(parts) == 2 * 3


def test_last_step_of_an_epoch_takes_the_batches_that_are_left() -> None:
    assert len(slopes(FitConfig(epochs=2, accumulate=3), torch.ones(8, 1), 2)) == 2 * 2


def test_average_of_the_weights_is_what_training_leaves() -> None:
    weights: list[torch.Tensor] = []
    method = VAE(host())
    parameter = next(method.parameters())
    start = parameter.detach().clone()
    config = FitConfig(epochs=1, ema=0.8)
    fit(method, data(), config, on_step=lambda _: weights.append(parameter.detach().clone()))
    average = start
    for value in weights:
        average = 0.8 * average + 0.2 * value
    torch.testing.assert_close(parameter.detach(), average)
    assert not torch.equal(parameter, weights[-1])


def test_averaged_anchors_jump_when_they_are_placed() -> None:
    """A slow average would otherwise stay where the anchors were drawn."""
    method = nvc_ml()
    anchors, placed = method.latent_terms.anchors, []

    def look(step: Step) -> None:
        if step.epoch == 1 and step.position == 1:
            placed.append(anchors.positions.detach().clone())

    fit(method, data(), replace(CONFIG, epochs=2, ema=0.999, lr=1e-6), on_step=look)
    torch.testing.assert_close(anchors.positions.detach(), placed[0], rtol=1e-3, atol=1e-3)


class Overfit(nn.Module):
    """A method whose score is best in epoch 2: a weight that moves past the best place."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> Terms:
        if self.training:
            return Terms({"reconstruction": -self.weight.sum()})
        return Terms({"reconstruction": (self.weight - 0.3).abs().sum()})


def test_training_stops_when_the_score_no_longer_improves_and_leaves_the_best_weights() -> None:
    config = FitConfig(epochs=50, lr=0.1, schedule="constant", patience=2)
    method = Overfit()
    history = fit(method, Batches(torch.zeros(4, 1), batch_size=4), config, validation=data())
    assert [round(row["score"], 3) for row in history] == [0.2, 0.1, 0.0, 0.1, 0.2]
    assert method.weight.item() == pytest.approx(0.3)


def test_score_is_that_of_the_validation_data_and_labels_are_not_read() -> None:
    other = Batches(torch.zeros(9, FEATURES), batch_size=8, seed=2)
    history = fit(nvc_ml(), data(), CONFIG, validation=other)
    for row in history:
        held_out = row["validation_reconstruction"] + row["validation_kl"]
        assert row["score"] == pytest.approx(held_out)
        assert row["score"] != pytest.approx(row["reconstruction"] + row["kl"])


def test_validation_changes_no_weight() -> None:
    alone, watched = nvc_ml(), nvc_ml()
    fit(alone, data(), CONFIG)
    fit(watched, data(), CONFIG, validation=data())
    assert equal(alone.state_dict(), watched.state_dict())


def test_gradient_is_measured_now_and_then() -> None:
    history = fit(nvc_ml(), data(), replace(CONFIG, epochs=6))
    assert ["gradient_norm" in row for row in history] == [True, False, False, False, False, True]
    clipped = fit(nvc_ml(), data(), replace(CONFIG, clip=1e6))
    assert all(row["gradient_norm"] > 0 for row in clipped)
    assert clipped[0]["gradient_norm"] != history[0]["gradient_norm"]  # a mean of STEPS, of one


def test_deterministic_mode_holds_inside_and_is_put_back() -> None:
    seen = []
    config = replace(CONFIG, epochs=1, deterministic=True)
    enabled = torch.are_deterministic_algorithms_enabled
    fit(nvc_ml(), data(), config, on_step=lambda _: seen.append(enabled()))
    assert seen == [True] * STEPS and not enabled()
