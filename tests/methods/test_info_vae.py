"""InfoVAE: the discrepancy against loops and pythae's, and what the weights make of the bound."""

import warnings
from collections.abc import Callable

import pytest
import torch

from laws.cases import LATENT, host, vectors
from nebulatent.data.batch import Batches
from nebulatent.methods.info_vae import InfoVAE, Kernel, imq, mmd, rbf
from nebulatent.methods.vae import VAE
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")
kernels = pytest.mark.parametrize(("kernel", "slow"), [(rbf, oracle.rbf), (imq, oracle.imq)])


@kernels
def test_discrepancy_is_the_oracles(
    kernel: Kernel, slow: Callable[[float, int], float], matches: Callable[..., None]
) -> None:
    a, b = torch.randn(7, LATENT), 2 + torch.randn(5, LATENT)
    matches(mmd(a, b, kernel), oracle.mmd(a.tolist(), b.tolist(), slow))


@kernels
def test_discrepancy_of_equal_distributions_is_zero_on_average(
    kernel: Kernel, slow: object
) -> None:
    values = torch.stack([mmd(*torch.randn(2, 40, LATENT), kernel) for _ in range(300)])
    assert values.mean().abs() < 5 * values.std() / 300**0.5
    shifted = torch.stack([mmd(torch.randn(40, 4), torch.randn(40, 4) + 1, kernel)])
    assert shifted > 10 * values.std()


@pytest.mark.parametrize("name", ["rbf", "imq"])
def test_pythaes_discrepancy_agrees(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = pytest.importorskip("pythae.models", reason="the group `bench` has pythae")
        config = models.INFOVAE_MMD_Config(
            input_dim=(LATENT,), latent_dim=LATENT, kernel_choice=name, scales=[1.0]
        )
        theirs = models.INFOVAE_MMD(config)
    a, b, zeros = torch.randn(9, LATENT), torch.randn(9, LATENT) - 1, torch.zeros(9, LATENT)
    expected = theirs.loss_function(zeros, zeros, a, b, zeros, zeros)[3]
    torch.testing.assert_close(mmd(a, b, {"rbf": rbf, "imq": imq}[name]), expected)


def test_weights_are_those_of_the_objective() -> None:
    terms = InfoVAE(host(), alpha=0.25, scaling=3.0)(vectors())
    assert terms.weights == {"kl": 0.75, "mmd": 2.25}
    assert terms.values.keys() == {"reconstruction", "kl", "mmd"}


def test_alpha_zero_and_scaling_one_are_the_vae() -> None:
    autoencoder, batch = host(), vectors()
    torch.manual_seed(3)
    found = InfoVAE(autoencoder, alpha=0.0, scaling=1.0)(batch)
    torch.manual_seed(3)
    torch.testing.assert_close(found.total, VAE(autoencoder)(batch).total)


def test_bound_counts_the_whole_divergence_whatever_alpha_is() -> None:
    method, batch = InfoVAE(host(), alpha=1.0), vectors()
    assert not method.elbo(method.code(batch), batch).weights.get("kl", 1.0) - 1.0


def test_training_brings_the_codes_to_the_prior() -> None:
    torch.manual_seed(0)
    method, x = InfoVAE(host(), scaling=100.0), vectors().x.repeat(10, 1)
    history = fit(method, Batches(x, batch_size=60), FitConfig(epochs=20, lr=1e-2))
    assert history[-1]["mmd"] < history[0]["mmd"] / 2


def test_weights_must_be_possible() -> None:
    with pytest.raises(ValueError, match=r"`alpha` must not exceed 1, got 1.5"):
        InfoVAE(host(), alpha=1.5)
    with pytest.raises(ValueError, match=r"`alpha` \+ `scaling` must be at least 1"):
        InfoVAE(host(), alpha=0.2, scaling=0.5)
