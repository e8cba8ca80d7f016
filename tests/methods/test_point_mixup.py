"""PointMixup: its three properties, its labels, and one matching for all that a level has."""

import pytest
import torch

from nebulatent.backbones.point_decoders import FoldingDecoder, PCNDecoder
from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder, PointNetSegmenter
from nebulatent.backbones.pointnet2 import (
    SSG,
    PointNet2Classifier,
    PointNet2Encoder,
    PointNet2Segmenter,
    reduced,
)
from nebulatent.backbones.set_abstraction import Places
from nebulatent.data.batch import Batch, Batches
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.occo import OcCo
from nebulatent.methods.parae import ParAE
from nebulatent.methods.point_mixup import (
    Mixing,
    OnMixedClouds,
    PointMixup,
    draw_mixing,
    mix_clouds,
    mix_places,
    mixed_cross_entropy,
    mixed_level,
)
from nebulatent.methods.rotation3d import Rotation3D
from nebulatent.methods.vae import VAE
from nebulatent.objectives.cloud_likelihoods import ChamferLikelihood
from nebulatent.objectives.shapes import earth_mover
from nebulatent.ops.transport import exact_matching
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

SMALL = 1 / 16


def pointnet() -> PointNetClassifier:
    """A small classifier of three classes."""
    encoder = PointNetEncoder(width=SMALL)
    return PointNetClassifier(3, encoder=encoder, dropout=0.0, width=SMALL)


def pointnet2() -> PointNet2Classifier:
    """A small one with two levels of centres."""
    encoder = PointNet2Encoder(levels=reduced(SSG, SMALL, 1 / 32), whole=(8, 16))
    return PointNet2Classifier(3, encoder=encoder, dropout=0.0, width=SMALL)


def swapped(ratio: float) -> Mixing:
    """Two clouds, each mixed with the other."""
    return Mixing(torch.tensor([1, 0]), torch.full((2,), ratio))


@pytest.mark.usefixtures("float64")
def test_mixing_follows_the_shortest_path_at_constant_speed_with_one_assignment() -> None:
    x = torch.randn(2, 30, 3)
    whole = earth_mover(x[:1], x[1:]).distance
    quarter, half = (mix_clouds(x, swapped(ratio))[:1] for ratio in (0.25, 0.5))
    torch.testing.assert_close(earth_mover(x[:1], quarter).distance, 0.25 * whole)
    torch.testing.assert_close(earth_mover(quarter, half).distance, 0.25 * whole)
    torch.testing.assert_close(earth_mover(half, x[1:]).distance, 0.5 * whole)
    partner = exact_matching(x[:1], x[1:]).partner
    assert torch.equal(exact_matching(quarter, half).partner[0], torch.arange(30))
    assert torch.equal(exact_matching(quarter, x[1:]).partner, partner)


@pytest.mark.usefixtures("float64")
def test_features_move_along_the_matching_of_positions() -> None:
    xyz = torch.randn(2, 10, 3)
    features = torch.stack([torch.arange(10.0), torch.arange(10.0) + 100]).unsqueeze(2)
    mixed = mix_places(Places(xyz, features), swapped(0.5))
    partner = exact_matching(xyz, xyz.flip(0)).partner
    expected = 0.5 * features[0] + 0.5 * features[1][partner[0]]
    torch.testing.assert_close(mixed.features[0], expected)
    torch.testing.assert_close(mix_clouds(xyz, swapped(0.0)), xyz)


def test_shares_follow_the_distribution_and_repeat_with_the_seed() -> None:
    like = torch.zeros(())
    first = draw_mixing(4000, 0.4, like, torch.Generator().manual_seed(1))
    again = draw_mixing(4000, 0.4, like, torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.partner.sort().values.tolist() == list(range(4000))
    assert abs(first.ratio.mean() - 0.5) < 0.02
    assert abs(first.ratio.var() - 1 / (4 * (2 * 0.4 + 1))) < 0.01


def test_loss_is_that_of_the_mixed_label() -> None:
    logits, label = torch.randn(2, 3), torch.tensor([0, 2])
    soft = torch.tensor([[0.7, 0.0, 0.3], [0.3, 0.0, 0.7]])
    expected = torch.nn.functional.cross_entropy(logits, soft)
    torch.testing.assert_close(mixed_cross_entropy(logits, label, swapped(0.3)), expected)


def clouds() -> tuple[torch.Tensor, torch.Tensor]:
    """Flat, long and round clouds."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(36) % 3
    sides = torch.tensor([[1.0, 1.0, 0.1], [1.0, 0.1, 0.1], [0.7, 0.7, 0.7]])[label]
    return (torch.rand(36, 24, 3, generator=generator) * 2 - 1) * sides.unsqueeze(1), label


def test_classes_are_learned_from_mixed_clouds() -> None:
    x, label = clouds()
    method = PointMixup(pointnet())
    fit(method, Batches(x, label, batch_size=12), FitConfig(epochs=15, lr=1e-2))
    assert (method.classify(x) == label).float().mean() > 0.9
    plain = torch.nn.functional.cross_entropy(method.network(x).logits, label)
    torch.testing.assert_close(method(Batch(x, label=label)).values["class"], plain)


def test_every_level_is_mixed_in_its_turn_and_trains_the_network() -> None:
    x, label = clouds()
    method, losses = PointMixup(pointnet2(), gamma=2.0, manifold=True), set()
    for seed in range(8):
        torch.manual_seed(seed)
        loss = method(Batch(x[:6], label=label[:6])).total
        losses.add(loss.item())
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())
    assert len(losses) == 8
    assert method.encode(x).mean.shape == (36, 16)


def test_a_method_without_labels_can_be_trained_on_mixed_clouds() -> None:
    x, _ = clouds()
    encoder = PointNetEncoder(width=SMALL)
    method = OnMixedClouds(ParAE(PointNetSegmenter(4, encoder=encoder, width=SMALL)))
    torch.manual_seed(0)
    mixed = method(Batch(x)).values["nll"]
    method.eval()
    assert mixed != method(Batch(x)).values["nll"]
    assert method(Batch(x)).values["nll"] == method.method(Batch(x)).values["nll"]
    assert torch.equal(method.encode(x).mean, encoder(x))


@torch.no_grad()
def test_a_level_of_which_all_is_the_partners_gives_the_partners_feature() -> None:
    x, _ = clouds()
    encoder = pointnet2().encoder.eval()
    plain, last = encoder(x[:2]), len(encoder.levels)
    for level in range(last + 1):
        with mixed_level(encoder, level, swapped(0.0)):
            torch.testing.assert_close(encoder(x[:2]), plain)
    with mixed_level(encoder, last, swapped(1.0)):
        torch.testing.assert_close(encoder(x[:2]), plain.flip(0))
    assert torch.equal(encoder(x[:2]), plain)  # nothing stays behind


@pytest.mark.parametrize("kind", ["autoencoder", "OcCo"])
def test_methods_whose_target_is_a_cloud_learn_from_mixed_levels(kind: str) -> None:
    x, _ = clouds()
    encoder = pointnet2().encoder
    bottleneck = Deterministic(16, 4)
    inside = {
        "autoencoder": VAE(
            Autoencoder(encoder, bottleneck, FoldingDecoder(4, side=4, hidden=8)),
            likelihood=ChamferLikelihood(8),
        ),
        "OcCo": OcCo(encoder, PCNDecoder(16, 6, side=2, width=SMALL), num_visible=16),
    }[kind]
    method, losses = OnMixedClouds(inside, gamma=2.0, manifold=True), set()
    for seed in range(4):
        torch.manual_seed(seed)
        loss = method(Batch(x[:4])).total
        losses.add(loss.item())
    loss.backward()
    assert len(losses) == 4 and loss.isfinite()
    assert any(p.grad is not None and p.grad.any() for p in encoder.parameters())
    assert not any(module._forward_pre_hooks for module in method.modules())


def test_bad_options_and_labels_are_refused() -> None:
    x, label = clouds()
    with pytest.raises(TypeError, match=r"must have a PointNet2Encoder for manifold mixup, got"):
        OnMixedClouds(ParAE(PointNetSegmenter(4, width=SMALL)), manifold=True)
    parts = PointNet2Segmenter(4, levels=reduced(SSG, SMALL, 1 / 32), whole=(8, 16), width=SMALL)
    with pytest.raises(TypeError, match=r"must have clouds as its target .*, got ParAE"):
        OnMixedClouds(ParAE(parts), manifold=True)
    turns = PointNet2Classifier(6, encoder=pointnet2().encoder)
    with pytest.raises(TypeError, match=r"must have clouds as its target .*, got Rotation3D"):
        OnMixedClouds(Rotation3D(turns), manifold=True)
    with pytest.raises(ValueError, match=r"`gamma` must be positive, got 0\.0\."):
        PointMixup(pointnet(), gamma=0.0)
    with pytest.raises(TypeError, match=r"must be a PointNet2Classifier for manifold mixup, got"):
        PointMixup(pointnet(), manifold=True)
    with pytest.raises(ValueError, match=r"`label` must be given .*, got none\."):
        PointMixup(pointnet())(Batch(x))
    with pytest.raises(ValueError, match=r"`label` must lie in 0\.\.2, got 0\.\.3\."):
        PointMixup(pointnet())(Batch(x, label=label + (label == 2)))
