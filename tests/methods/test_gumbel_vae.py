"""The categorical VAE: temperature, relaxed and hard codes, the bound."""

import math

import pytest
import torch

from laws.cases import LATENT, host, vectors
from nebulatent.data.batch import Batches
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.gumbel_vae import GumbelVAE
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")


def made(categories: int = LATENT, *, straight_through: bool = False) -> GumbelVAE:
    """One variable of four categories, or two of two."""
    return GumbelVAE(host(Deterministic), categories, straight_through=straight_through)


def is_one_hot(z: torch.Tensor) -> bool:
    """Whether codes are ones and zeros."""
    return bool(((z == 0) | (z == 1)).all())


def test_codes_are_relaxed_in_training_and_one_hot_in_evaluation() -> None:
    method, batch = made(2), vectors()
    soft = method.code(batch).z
    assert not is_one_hot(soft)
    torch.testing.assert_close(soft.unflatten(1, (2, 2)).sum(2), torch.ones(len(soft), 2))
    assert is_one_hot(method.eval().code(batch).z)


def test_straight_through_codes_are_one_hot_and_have_a_gradient() -> None:
    method = made(straight_through=True)
    coding = method.code(vectors())
    assert torch.allclose(coding.z, coding.z.round(), atol=1e-12)
    method.elbo(coding, vectors()).values["reconstruction"].backward()
    assert method.autoencoder.bottleneck.mean.weight.grad.any()


def test_divergence_is_the_oracles() -> None:
    method, batch = made(2), vectors()
    rows = method.encode(batch.x).logits.tolist()
    expected = sum(oracle.categorical_kl(v) for row in rows for v in row) / len(rows)
    assert method(batch).values["kl"].item() == pytest.approx(expected, rel=1e-9)


def test_temperature_falls_to_the_coldest_and_is_part_of_the_state() -> None:
    method, seen = made(), []
    for epoch in (0, 3, 99):
        method.begin_epoch(epoch, lambda: pytest.fail("needs no codes"))
        seen.append(method.temperature.item())
    assert seen == pytest.approx([1.0, math.exp(-0.3), 0.5])
    twin = made()
    twin.load_state_dict(method.state_dict())
    assert twin.temperature == method.temperature


def test_codes_are_probabilities_and_decode_as_the_likeliest_category() -> None:
    method = made().eval()
    posterior = method.encode(vectors().x)
    z = posterior.mean
    hard = torch.nn.functional.one_hot(z.argmax(1), LATENT).to(z)
    assert torch.equal(method.decode(z), method.decode(hard))
    assert torch.equal(method.assign_probabilities(z), z)
    assert torch.equal(method.assign(z), z.argmax(1))
    assert method.categories(z).shape == (len(z), 1)


def test_several_variables_are_no_clusters() -> None:
    method = made(2).eval()
    z = method.encode(vectors().x).mean
    assert method.categories(z).shape == (len(z), 2)
    with pytest.raises(ValueError, match=r"`num_categories` must be the size of a code, 4.*got 2"):
        method.assign(z)


def test_training_lowers_the_loss() -> None:
    method, x = made(), vectors().x.repeat(5, 1)
    history = fit(method, Batches(x, batch_size=24), FitConfig(epochs=6, lr=1e-2))
    assert history[-1]["total"] < history[0]["total"]
    assert method.temperature < 0.7


def test_options_must_be_possible() -> None:
    with pytest.raises(ValueError, match=r"`num_categories` must be at least 2, got 1"):
        made(1)
    with pytest.raises(ValueError, match=r"`coldest` must lie in 0..1, got 0.1 and 0"):
        GumbelVAE(host(Deterministic), 2, coldest=0.0)
