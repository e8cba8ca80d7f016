"""The bound's two terms: what is summed, what is averaged, what is weighed."""

import pytest
import torch

from nebulatent.latents.autoencoder import Coding
from nebulatent.latents.posterior import Dirac
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli


def coding() -> Coding:
    """Two samples whose reconstruction is undecided."""
    z = torch.zeros(2, 1)
    return Coding(torch.zeros(2, 3), Dirac(z), z, torch.zeros(2, 3))


def test_reconstruction_is_summed_over_a_sample_and_averaged_over_the_batch() -> None:
    terms = elbo_terms(coding(), torch.ones(2, 3), Bernoulli(), kl=None)
    assert terms.values.keys() == {"reconstruction"}
    assert terms.total.item() == pytest.approx(3 * torch.tensor(2.0).log().item())


def test_kl_is_averaged_over_samples_and_weighed_by_beta() -> None:
    kl = torch.tensor([1.0, 5.0])
    terms = elbo_terms(coding(), torch.ones(2, 3), Bernoulli(), kl=kl, beta=0.5)
    assert terms.values["kl"] == 3.0
    assert terms.weights == {"kl": 0.5}
    assert terms.total == terms.values["reconstruction"] + 1.5


def test_several_codes_of_a_sample_add_their_divergences() -> None:
    kl = torch.tensor([1.0, 2.0, 3.0, 4.0])  # two sites each
    terms = elbo_terms(coding(), torch.ones(2, 3), Bernoulli(), kl=kl)
    assert terms.values["kl"] == 5.0
