"""A code whose first part stays: to the bit, whatever is trained around it."""

import copy

import pytest
import torch

from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.fixed_code import BesideFixed, Fixed, PartlyFixed
from nebulatent.latents.priors import AnchorMixture
from nebulatent.methods.nvc import NVC, NebulaAnchors, NebulaWeights
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

FEATURES, FIXED, LATENT = 6, 2, 5


def model() -> NVC:
    coder = torch.nn.Sequential(MLPEncoder((FEATURES,), (8,)), torch.nn.Linear(8, FIXED))
    beside = BesideFixed(coder, FIXED, MLPEncoder((FEATURES,), (8, 7)))
    parted = PartlyFixed(beside.feature_dim, FIXED, LATENT)
    autoencoder = Autoencoder(beside, parted, MLPDecoder(LATENT, (FEATURES,), (8, 7)))
    anchors = AnchorSet(3, LATENT, start="normal", revive=False)
    anchors.positions.data[:, FIXED:] = 0
    nebula = NebulaAnchors(
        3, LATENT, weights=NebulaWeights(0.0, 0.0, 0.0), anchors=anchors.requires_grad_(False)
    )
    return NVC(autoencoder, nebula, prior=AnchorMixture(3, LATENT))


def samples() -> torch.Tensor:
    return torch.rand(40, FEATURES, generator=torch.Generator().manual_seed(0))


def test_training_changes_neither_the_fixed_part_nor_what_it_says() -> None:
    torch.manual_seed(0)
    method, x = model(), samples()
    before = copy.deepcopy(method).eval()
    fit(method, Batches(x, batch_size=10), FitConfig(epochs=2, lr=1e-2))
    beside, old = method.autoencoder.encoder, before.autoencoder.encoder
    for name, value in beside.fixed.state_dict().items():
        assert torch.equal(value, old.fixed.state_dict()[name]), name
    assert torch.equal(method.encode(x).mean[:, :FIXED], before.encode(x).mean[:, :FIXED])
    assert torch.equal(method.latent_terms.assign(method.encode(x).mean), _nearest(before, x))
    assert not torch.equal(method.encode(x).mean[:, FIXED:], before.encode(x).mean[:, FIXED:])
    assert not torch.equal(method.encode(x).logvar, before.encode(x).logvar)


def _nearest(method: NVC, x: torch.Tensor) -> torch.Tensor:
    """Anchors of the cluster part alone."""
    code = method.autoencoder.encoder.fixed(x)
    return torch.cdist(code, method.latent_terms.anchors.positions[:, :FIXED]).argmin(1)


def test_all_but_the_fixed_part_is_trained() -> None:
    method, batches = model(), Batches(samples(), batch_size=10)
    method(batches.batch(0, 0)).total.backward()
    still = {"autoencoder.encoder.fixed", "latent_terms"}
    for name, parameter in method.named_parameters():
        fixed = any(name.startswith(part) for part in still)
        assert (parameter.grad is None) == fixed, name


def test_a_fixed_network_keeps_its_batch_statistics() -> None:
    norm = torch.nn.BatchNorm1d(FEATURES)
    fixed = Fixed(norm)
    fixed.train()
    fixed(samples() + 5)
    assert not norm.training and norm.running_mean.eq(0).all()


def test_the_whole_code_may_be_fixed() -> None:
    parted = PartlyFixed(FIXED + 3, FIXED, FIXED)
    h = torch.randn(4, FIXED + 3)
    posterior = parted(h)
    assert torch.equal(posterior.mean, h[:, :FIXED])
    assert posterior.kl().isfinite().all()


def test_parts_without_a_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`fixed_dim` must lie in 1\.\.3, .* got 4"):
        PartlyFixed(9, 4, 3)
    with pytest.raises(ValueError, match=r"`feature_dim` must be above `fixed_dim` \(2\), got 2"):
        PartlyFixed(2, 2, 3)
