"""Autoencoders: the bound's parts against the oracle, and the options that change them."""

from collections.abc import Callable

import pytest
import torch

from laws.cases import FEATURES, corrupted, host, nebula, vectors
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import Gaussian
from oracles import nvc as oracle

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def mean(values: list[float]) -> float:
    """The average over the batch."""
    return sum(values) / len(values)


def test_terms_are_the_oracles_of_the_bound(matches: Matches) -> None:
    method, batch = VAE(host()), vectors()
    coding = method.code(batch)
    terms = method.elbo(coding, batch)
    nll = oracle.bernoulli_nll(batch.x.tolist(), coding.recon.tolist())
    kl = oracle.kl_standard_normal(*(part.tolist() for part in coding.posterior))
    matches(terms.values["reconstruction"], mean(nll))
    matches(terms.values["kl"], mean(kl))
    matches(terms.total, mean(nll) + mean(kl))


def test_gaussian_likelihood_learns_its_noise_level(matches: Matches) -> None:
    likelihood = Gaussian(FEATURES)
    likelihood.logvar.data.normal_()
    method, batch = VAE(host(), likelihood=likelihood), vectors()
    coding = method.code(batch)
    spread = likelihood.logvar.expand_as(batch.x)
    nll = oracle.gaussian_nll(batch.x.tolist(), coding.recon.tolist(), spread.tolist())
    matches(method.elbo(coding, batch).values["reconstruction"], mean(nll))


def test_beta_weighs_the_kl_in_the_total_only() -> None:
    method, batch = VAE(host()), vectors()
    coding = method.code(batch)
    plain = method.elbo(coding, batch)
    method.beta = 4.0
    heavy = method.elbo(coding, batch)
    assert heavy.values == plain.values
    torch.testing.assert_close(heavy.total, plain.total + 3 * plain.values["kl"])


def test_denoising_reconstructs_the_clean_target(matches: Matches) -> None:
    method, batch = VAE(host()), corrupted()
    coding = method.code(batch)
    assert torch.equal(coding.x, batch.x)
    nll = oracle.bernoulli_nll(batch.y.tolist(), coding.recon.tolist())
    matches(method.elbo(coding, batch).values["reconstruction"], mean(nll))


def test_autoencoder_has_no_kl() -> None:
    assert VAE(host(Deterministic))(vectors()).values.keys() == {"reconstruction"}


def test_latent_terms_see_the_posterior_mean_and_not_the_sample() -> None:
    anchors = nebula(metric=True)
    method, batch = VAE(host(), latent_terms=anchors).eval(), vectors()
    terms, expected = method(batch), anchors(method.encode(batch.x).mean)
    assert all(terms.values[name] == expected.values[name] for name in expected.values)
    assert terms.weights["pair"] == 0.1


def test_latent_terms_that_reuse_a_name_are_refused() -> None:
    method = VAE(host(), latent_terms=lambda z: VAE(host())(vectors()))
    with pytest.raises(ValueError, match=r"`terms` must have distinct names, got .*twice"):
        method(vectors())


def test_decoding_gives_the_expected_data() -> None:
    method = VAE(host()).eval()
    z = torch.randn(5, 4)
    assert torch.equal(method.decode(z), method.autoencoder.decode(z).sigmoid())
    method = VAE(host(), likelihood=Gaussian(FEATURES)).eval()
    assert torch.equal(method.decode(z), method.autoencoder.decode(z))
