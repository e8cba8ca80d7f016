"""A run that was stopped goes on to exactly the numbers it would have reached."""

from pathlib import Path

import pytest
import torch
from torch import nn

from laws.cases import FEATURES, host
from nebulatent.backbones.vectors import MLPEncoder
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.vae import VAE
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from training.runs import CONFIG, STEPS, data, equal, interrupt, nvc_ml, reference


@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("within", [0, 2, STEPS - 1])
def test_resumed_run_equals_the_whole_run_in_every_bit(
    tmp_path: Path, epoch: int, within: int
) -> None:
    expected, rows = reference()
    interrupt(nvc_ml(), tmp_path / "run", epoch * STEPS + within)
    torch.randn(7)
    method = nvc_ml(seed=3)  # other weights: all must come from the checkpoint
    assert fit(method, data(), CONFIG, checkpoint=tmp_path / "run") == rows
    assert equal(method.state_dict(), expected)


def test_method_that_was_interrupted_goes_on_itself(tmp_path: Path) -> None:
    expected, rows = reference()
    method = nvc_ml()
    for step in (STEPS + 1, 2 * STEPS + 3, 3 * STEPS):
        interrupt(method, tmp_path / "run", step)
    assert fit(method, data(), CONFIG, checkpoint=tmp_path / "run") == rows
    assert equal(method.state_dict(), expected)


def test_run_interrupted_by_the_keyboard_goes_on(tmp_path: Path) -> None:
    expected, rows = reference()

    def press(step: int, terms: object) -> None:
        if step == 2 * STEPS + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(nvc_ml(), data(), CONFIG, checkpoint=tmp_path / "run", on_step=press)
    method = nvc_ml()
    assert fit(method, data(), CONFIG, checkpoint=tmp_path / "run") == rows
    assert equal(method.state_dict(), expected)


def test_interruption_leaves_the_global_random_state(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    interrupt(nvc_ml(), tmp_path / "run", 2 * STEPS + 1)
    assert torch.equal(torch.get_rng_state(), state)


def test_checkpoint_alone_changes_nothing(tmp_path: Path) -> None:
    expected, rows = reference()
    method = nvc_ml()
    assert fit(method, data(), CONFIG, checkpoint=tmp_path / "run") == rows
    assert equal(method.state_dict(), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_finished_run_is_loaded_and_not_trained_further(tmp_path: Path) -> None:
    expected, rows = reference()
    fit(nvc_ml(), data(), CONFIG, checkpoint=tmp_path / "run")
    method, steps = nvc_ml(seed=3), []
    found = fit(
        method, data(), CONFIG, checkpoint=tmp_path / "run", on_step=lambda i, _: steps.append(i)
    )
    assert found == rows and not steps
    assert equal(method.state_dict(), expected)


def test_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    fit(nvc_ml(), data(), FitConfig(epochs=1), checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="must fit the model of its config, got `latent_terms"):
        fit(VAE(host()), data(), FitConfig(epochs=2), checkpoint=tmp_path / "run")


def test_layer_that_is_used_twice_can_be_saved_and_resumed(tmp_path: Path) -> None:
    """Its weights have two names in the state and one place in memory."""

    def tied() -> nn.Module:
        torch.manual_seed(0)
        layer = nn.Linear(4, 4)
        decoder = nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(4, FEATURES))
        return VAE(Autoencoder(MLPEncoder((FEATURES,), (8,)), Deterministic(8, 4), decoder))

    expected = tied()
    fit(expected, data(), FitConfig(epochs=2, decay=0.0))
    fit(tied(), data(), FitConfig(epochs=1, decay=0.0), checkpoint=tmp_path / "run")
    method = tied()
    fit(method, data(), FitConfig(epochs=2, decay=0.0), checkpoint=tmp_path / "run")
    assert equal(method.state_dict(), expected.state_dict())
