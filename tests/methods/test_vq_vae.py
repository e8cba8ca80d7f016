"""VQ-VAE: its three terms, which of them moves what, and pythae's on the same codes."""

import math
import warnings
from collections.abc import Callable

import pytest
import torch

from laws.cases import LATENT, host, vectors
from nebulatent.data.batch import Batches
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.latents.quantized import Codebook
from nebulatent.methods.vq_vae import VQVAE
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle
from oracles import nvc

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def made(decay: float | None = None, entry_dim: int = LATENT) -> VQVAE:
    """A small method with five entries."""
    return VQVAE(host(Deterministic), Codebook(5, entry_dim, decay=decay))


def test_terms_are_the_oracles(matches: Matches) -> None:
    method, batch = made(), vectors()
    coding = method.code(batch)
    entries = method.codebook.entries.tolist()
    label, distance = oracle.quantisation(coding.posterior.mean.tolist(), entries)
    terms = method(batch)
    assert terms.weights["commitment"] == 0.25
    matches(terms.values["commitment"], distance)
    matches(terms.values["codebook"], distance)
    matches(coding.z, [entries[k] for k in label])
    nll = nvc.bernoulli_nll(batch.x.tolist(), coding.recon.tolist())
    matches(terms.values["reconstruction"], sum(nll) / len(nll))
    assert method.assign(coding.posterior.mean).tolist() == label


def test_bound_charges_log_k_for_each_part_of_a_code() -> None:
    for entry_dim, parts in ((LATENT, 1), (2, 2)):
        kl = made(entry_dim=entry_dim)(vectors()).values["kl"].item()
        assert kl == pytest.approx(parts * math.log(5))


def test_codebook_term_moves_entries_only_and_commitment_codes_only() -> None:
    method = made()
    values = method(vectors()).values
    inputs = (method.codebook.entries, method.autoencoder.bottleneck.mean.weight)
    for name, moves_entries in (("codebook", True), ("commitment", False)):
        grads = torch.autograd.grad(values[name], inputs, retain_graph=True, allow_unused=True)
        assert [grad is not None for grad in grads] == [moves_entries, not moves_entries]


def test_moving_averages_replace_the_codebook_term() -> None:
    method = made(decay=0.9)
    before = method.codebook.entries.detach().clone()
    terms = method(vectors())
    assert "codebook" not in terms.values
    terms.total.backward()
    assert method.codebook.entries.grad is None
    assert not torch.equal(method.codebook.entries, before)


def test_parts_share_the_codebook() -> None:
    method = made(entry_dim=2).eval()
    coding = method.code(vectors())
    first, second = coding.z.split(2, dim=1)
    entries = {tuple(row) for row in method.codebook.entries.tolist()}
    assert {tuple(row) for row in (*first.tolist(), *second.tolist())} <= entries
    with pytest.raises(ValueError, match=r"`entry_dim` must be that of a code, 4.*got 2"):
        method.assign(coding.posterior.mean)


def test_warm_up_is_a_plain_autoencoder() -> None:
    method = VQVAE(host(Deterministic), Codebook(5, LATENT, warmup_epochs=1))
    method.codebook.begin_epoch(0, lambda: pytest.fail("no codes are needed yet"))
    assert method(vectors()).values.keys() == {"reconstruction"}
    coding = method.code(vectors())
    assert torch.equal(coding.z, coding.posterior.mean)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_training_uses_every_entry(decay: float | None) -> None:
    method, x = made(decay), vectors().x.repeat(5, 1)
    history = fit(method, Batches(x, batch_size=24), FitConfig(epochs=6, lr=1e-2))
    assert history[-1]["reconstruction"] < history[0]["reconstruction"]
    assert len(method.assign(method.encode(x).mean).unique()) >= 3


def test_commitment_must_not_be_negative() -> None:
    with pytest.raises(ValueError, match=r"`commitment_weight` must not be negative, got -1"):
        VQVAE(host(Deterministic), Codebook(2, LATENT), commitment_weight=-1.0)


@pytest.mark.parametrize("decay", [None, 0.9])
def test_pythaes_quantiser_agrees(decay: float | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = pytest.importorskip("pythae.models", reason="the group `bench` has pythae")
        config = models.VQVAEConfig(
            input_dim=(LATENT,), num_embeddings=5, use_ema=decay is not None, decay=decay or 0.99
        )
        config.embedding_dim = LATENT
        utils = pytest.importorskip("pythae.models.vq_vae.vq_vae_utils")
    torch.set_default_dtype(torch.float32)
    method, z = made(decay), torch.randn(30, LATENT)
    entries = method.codebook.entries.detach().clone()
    theirs = (utils.QuantizerEMA if decay else utils.Quantizer)(config)
    if decay:
        theirs.embeddings.copy_(entries)
        theirs.ema_embed.copy_(entries)
        theirs.cluster_size.fill_(1.0)
    else:
        theirs.embeddings.weight.data.copy_(entries)
    expected = theirs(z.view(30, 1, 1, LATENT))
    found = method.quantize(z)
    torch.testing.assert_close(found.code, expected.quantized_vector.view(30, LATENT))
    distance = (z - entries[found.label]).square().sum(1).mean().item()
    weight = method.commitment_weight + (0 if decay else 1)
    assert weight * distance / LATENT == pytest.approx(expected.loss.item(), rel=1e-5)
    if decay:
        torch.testing.assert_close(
            method.codebook.entries.data, theirs.embeddings, rtol=1e-3, atol=0
        )
