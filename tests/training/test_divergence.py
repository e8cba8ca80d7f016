"""A loss that is no longer finite stops the run, is named, and never reaches the checkpoint."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from laws.cases import FEATURES, host
from nebulatent.data.batch import Batches
from nebulatent.methods.vae import VAE
from nebulatent.terms import Terms
from nebulatent.training.checkpoints import BEST, checkpoints
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.training.tensor_files import load_tensors
from training.runs import data, every


class Poison(nn.Module):
    """A latent term that turns to `value` at a step."""

    def __init__(self, at: int, value: float) -> None:
        super().__init__()
        self.at, self.value, self.step = at, value, 0

    def forward(self, z: Tensor) -> Terms:
        self.step += 1
        factor = self.value if self.step > self.at else 1.0
        return Terms({"poison": factor * z.square().mean()})


class SteepAtZero(nn.Module):
    """A latent term whose value is finite and whose gradient is not: the root of zero."""

    def forward(self, z: Tensor) -> Terms:
        return Terms({"steep": (0 * z).square().sum().sqrt()})


def finite_weights(path: Path) -> bool:
    """Whether every weight of a checkpoint is finite."""
    tensors, _ = load_tensors(path)
    return all(t.isfinite().all() for name, t in tensors.items() if name.startswith("method."))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_term_the_step_and_the_epoch_are_named(value: float, tmp_path: Path) -> None:
    method = VAE(host(), latent_terms=Poison(6, value))
    with pytest.raises(
        FloatingPointError, match=r"got poison = nan or inf at step 6 in epoch 1; .*Lower `lr`"
    ):
        fit(method, data(), FitConfig(epochs=3))


def test_weights_of_the_best_epoch_are_kept(tmp_path: Path) -> None:
    method = VAE(host(), latent_terms=Poison(6, float("nan")))
    saving = every(1000, tmp_path)
    with pytest.raises(FloatingPointError, match="the weights after epoch 0 are kept"):
        fit(method, data(), FitConfig(epochs=3), saving=saving)
    assert load_tensors(saving.folder / BEST)[1]["epoch"] == 1
    assert finite_weights(saving.folder / BEST)
    assert all(parameter.isfinite().all() for parameter in method.parameters())


def test_every_term_that_is_not_finite_is_named() -> None:
    x = torch.rand(8, FEATURES)
    x[3, 2] = float("nan")
    with pytest.raises(FloatingPointError, match="got reconstruction and kl = nan or inf at st"):
        fit(VAE(host()), Batches(x), FitConfig(epochs=1))


def test_gradient_that_is_not_finite_never_reaches_a_checkpoint(tmp_path: Path) -> None:
    """One batch an epoch: the broken step is the last one before the checkpoint."""
    method = VAE(host(), latent_terms=SteepAtZero())
    batches = Batches(torch.rand(8, FEATURES), batch_size=8)
    saving = every(1, tmp_path)
    with pytest.raises(FloatingPointError, match="weights must stay finite, got nan or inf after"):
        fit(method, batches, FitConfig(epochs=3), saving=saving)
    assert not checkpoints(saving.folder)


def test_global_random_state_survives_a_divergence() -> None:
    method = VAE(host(), latent_terms=Poison(0, float("nan")))
    state = torch.get_rng_state()
    with pytest.raises(FloatingPointError):
        fit(method, data(), FitConfig(epochs=1))
    assert torch.equal(torch.get_rng_state(), state)
