"""A run that was stopped goes on to exactly the numbers it would have reached."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from laws.cases import FEATURES, host
from nebulatent.backbones.vectors import MLPEncoder
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import checkpoints
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import Step, fit
from training.runs import CONFIG, STEPS, data, equal, every, interrupt, nvc_ml, reference

CAREFUL = replace(
    CONFIG, epochs=6, clip=0.5, accumulate=2, ema=0.9, patience=3, schedule="cosine", warmup_steps=3
)


@pytest.mark.parametrize("every_steps", [1, 3, 4])
@pytest.mark.parametrize("at", [STEPS + 1, STEPS + 2, 2 * STEPS - 1, 3 * STEPS + 3])
def test_resumed_run_equals_the_whole_run_in_every_bit(
    tmp_path: Path, every_steps: int, at: int
) -> None:
    expected, rows = reference()
    saving = every(every_steps, tmp_path)
    interrupt(nvc_ml(), saving, at)
    torch.randn(7)
    method = nvc_ml(seed=3)  # other weights: all must come from the checkpoint
    assert fit(method, data(), CONFIG, saving=saving) == rows
    assert equal(method.state_dict(), expected)


@pytest.mark.parametrize("at", [3, 5, 7])
def test_every_care_that_training_takes_is_resumed_too(tmp_path: Path, at: int) -> None:
    """Clipping, accumulation, the average of the weights, early stopping, the schedule."""
    expected = nvc_ml()
    rows = fit(expected, data(), CAREFUL, validation=data())
    interrupt(nvc_ml(), every(2, tmp_path), at, CAREFUL, data())
    method = nvc_ml(seed=3)
    saving = every(2, tmp_path)
    assert fit(method, data(), CAREFUL, saving=saving, validation=data()) == rows
    assert equal(method.state_dict(), expected.state_dict())


def test_run_that_is_stopped_again_and_again_ends_the_same(tmp_path: Path) -> None:
    expected, rows = reference()
    saving = every(1, tmp_path)
    interrupt(nvc_ml(), saving, 2)
    for step in range(5, CONFIG.epochs * STEPS, 3):
        interrupt(nvc_ml(seed=step), saving, step)
    method = nvc_ml()
    assert fit(method, data(), CONFIG, saving=saving) == rows
    assert equal(method.state_dict(), expected)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_signal_finishes_the_step_and_saves_it(tmp_path: Path, name: signal.Signals) -> None:
    expected, rows = reference()
    saving = every(1000, tmp_path)

    def press(step: Step) -> None:
        if step.step == 2 * STEPS + 1:
            os.kill(os.getpid(), name)

    with pytest.raises(KeyboardInterrupt):
        fit(nvc_ml(), data(), CONFIG, saving=saving, on_step=press)
    assert [path.name for path in checkpoints(saving.folder)] == ["step-00000009.safetensors"]
    method = nvc_ml()
    assert fit(method, data(), CONFIG, saving=saving) == rows
    assert equal(method.state_dict(), expected)


def test_handlers_of_signals_are_put_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    interrupt(nvc_ml(), every(1, tmp_path), 2)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_interruption_leaves_the_global_random_state(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    interrupt(nvc_ml(), every(2, tmp_path), 2 * STEPS + 1)
    assert torch.equal(torch.get_rng_state(), state)


def test_saving_alone_changes_nothing(tmp_path: Path) -> None:
    expected, rows = reference()
    method = nvc_ml()
    assert fit(method, data(), CONFIG, saving=every(1, tmp_path)) == rows
    assert equal(method.state_dict(), expected)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["best.safetensors", "step-00000015.safetensors", "step-00000016.safetensors"]


def test_finished_run_is_loaded_and_not_trained_further(tmp_path: Path) -> None:
    expected, rows = reference()
    fit(nvc_ml(), data(), CONFIG, saving=every(5, tmp_path))
    method, steps = nvc_ml(seed=3), []
    found = fit(method, data(), CONFIG, saving=every(5, tmp_path), on_step=steps.append)
    assert found == rows and not steps
    assert equal(method.state_dict(), expected)


def test_damaged_newest_checkpoint_costs_only_the_steps_since_the_one_before(
    tmp_path: Path,
) -> None:
    expected, rows = reference()
    saving = every(3, tmp_path)
    interrupt(nvc_ml(), saving, 11)
    newest, older = checkpoints(saving.folder)
    newest.write_bytes(newest.read_bytes()[:-9])
    method, steps = nvc_ml(seed=3), []
    with pytest.warns(UserWarning, match=f"Going on from `{older.name}`, the one before"):
        found = fit(method, data(), CONFIG, saving=saving, on_step=steps.append)
    assert found == rows and equal(method.state_dict(), expected)
    assert steps[0].step == 7
    newest.write_bytes(b"")
    for path in checkpoints(saving.folder):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="must"):
        fit(nvc_ml(), data(), CONFIG, saving=saving)


def test_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    fit(nvc_ml(), data(), FitConfig(epochs=1), saving=every(9, tmp_path))
    with pytest.raises(ValueError, match="must fit the model of its config, got `latent_terms"):
        fit(VAE(host()), data(), FitConfig(epochs=2), saving=every(9, tmp_path))


def test_checkpoint_without_the_average_that_is_asked_for_is_refused(tmp_path: Path) -> None:
    fit(nvc_ml(), data(), FitConfig(epochs=1), saving=every(9, tmp_path))
    with pytest.raises(ValueError, match="must hold the average of the weights that `ema` asks"):
        fit(nvc_ml(), data(), FitConfig(epochs=2, ema=0.9), saving=every(9, tmp_path))


def test_layer_that_is_used_twice_can_be_saved_and_resumed(tmp_path: Path) -> None:
    """Its weights have two names in the state and one place in memory."""

    def tied() -> nn.Module:
        torch.manual_seed(0)
        layer = nn.Linear(4, 4)
        decoder = nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(4, FEATURES))
        return VAE(Autoencoder(MLPEncoder((FEATURES,), (8,)), Deterministic(8, 4), decoder))

    config = FitConfig(epochs=2, decay=0.0, ema=0.5)
    expected = tied()
    fit(expected, data(), config)
    fit(tied(), data(), replace(config, epochs=1), saving=every(9, tmp_path))
    method = tied()
    fit(method, data(), config, saving=every(9, tmp_path))
    assert equal(method.state_dict(), expected.state_dict())
