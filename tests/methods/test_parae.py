"""ParAE: Eq. (10) against loops, its invariances, flat clouds, and that it learns a mixture."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nebulatent.backbones.pointnet import PointNetEncoder, PointNetSegmenter
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.parae import ParAE, mixture_nll
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import parae as oracle


def network(components: int = 4, width: float = 1 / 16) -> PointNetSegmenter:
    """A small PointNet."""
    encoder = PointNetEncoder(width=width)
    return PointNetSegmenter(components, encoder=encoder, width=width)


def degenerate(name: str, points: int = 32) -> Tensor:
    """Clouds without volume."""
    place = torch.rand(2, points, 3)
    kept = {"plane": 2, "line": 1, "point": 0}[name]
    return torch.cat([place[..., :kept], torch.full((2, points, 3 - kept), 0.25)], 2)


def test_oracle_of_two_points_and_one_component_is_what_the_hand_says() -> None:
    points = [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]
    weights, means, covariances = oracle.parameters(points, [[0.0], [3.0]], 0.5)
    assert (weights, means) == ([1.0], [[0.0, 0.0, 0.0]])
    assert covariances == [[[1.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.5]]]
    expected = -1.5 * math.log(2 * math.pi) - 0.5 * (math.log(0.375) + 1 / 1.5)
    assert oracle.log_density(points[0], weights, means, covariances) == pytest.approx(expected)
    assert oracle.noise_variance(points, 0.1) == pytest.approx(0.01)


@pytest.mark.usefixtures("float64")
def test_likelihood_is_the_oracles(matches: Callable[..., None]) -> None:
    points, scores = torch.randn(3, 10, 3), 2 * torch.randn(3, 10, 4)
    expected = [
        oracle.nll(cloud, s, 0.05)
        for cloud, s in zip(points.tolist(), scores.tolist(), strict=True)
    ]
    matches(mixture_nll(points, scores, 0.05), expected)


@pytest.mark.usefixtures("float64")
def test_orders_of_points_and_components_do_not_matter() -> None:
    points, scores = torch.randn(2, 20, 3), torch.randn(2, 20, 5)
    rows, parts = torch.randperm(20), torch.randperm(5)
    expected = mixture_nll(points, scores)
    torch.testing.assert_close(mixture_nll(points[:, rows], scores[:, rows]), expected)
    torch.testing.assert_close(mixture_nll(points, scores[..., parts]), expected)


@pytest.mark.usefixtures("float64")
def test_affine_maps_change_the_likelihood_by_their_volume() -> None:
    points, scores = torch.randn(2, 20, 3), torch.randn(2, 20, 2)
    matrix = torch.randn(3, 3)
    moved = mixture_nll(points @ matrix + 5, scores, 0.0)
    expected = mixture_nll(points, scores, 0.0) + matrix.det().abs().log()
    torch.testing.assert_close(moved, expected)
    turn = torch.linalg.qr(matrix).Q
    similar = mixture_nll(3 * points @ turn - 7, scores, 0.1)
    torch.testing.assert_close(similar, mixture_nll(points, scores, 0.1) + 3 * math.log(3))


@pytest.mark.parametrize("name", ["plane", "line", "point"])
def test_flat_clouds_have_a_bounded_likelihood_and_finite_gradients(name: str) -> None:
    points = degenerate(name)
    scores = (4 * torch.randn(2, 32, 4)).requires_grad_()
    nll = mixture_nll(points, scores)
    nll.sum().backward()
    assert nll.isfinite().all()
    assert scores.grad is not None and scores.grad.isfinite().all()
    offset = points - points.mean(1, keepdim=True)
    noise = 0.01 * offset.square().sum(2).mean(1).clamp_min(1e-12).sqrt()
    # No density is above that of the noise itself.
    assert (nll >= 1.5 * math.log(2 * math.pi) + 3 * noise.log() - 1e-3).all()


@pytest.mark.parametrize("name", ["plane", "line", "point"])
def test_training_on_flat_clouds_stays_finite(name: str) -> None:
    method, clouds = ParAE(network()), degenerate(name).repeat(4, 1, 1)
    history = fit(method, Batches(clouds, batch_size=8), FitConfig(epochs=5, lr=1e-2))
    assert all(math.isfinite(row["nll"]) for row in history)
    assert all(parameter.isfinite().all() for parameter in method.parameters())


def test_clouds_that_are_not_finite_stop_training_with_a_sentence() -> None:
    clouds = torch.rand(8, 20, 3)
    clouds[3, 4, 1] = torch.nan
    with pytest.raises(FloatingPointError, match="nll"):
        fit(ParAE(network()), Batches(clouds, batch_size=8), FitConfig(epochs=1))


def test_a_known_mixture_is_learned_to_its_own_likelihood() -> None:
    generator = torch.Generator().manual_seed(3)
    means = torch.tensor([[0.8, 0, 0], [-0.8, 0, 0], [0, 0, 0.8], [0, 0, -0.8]])
    stretch = torch.tensor([[0.05, 0.2, 0.05], [0.05, 0.05, 0.2]]).repeat(2, 1)
    part = torch.randint(4, (32, 96), generator=generator)
    clouds = means[part] + stretch[part] * torch.randn(32, 96, 3, generator=generator)
    truth = mixture_nll(clouds, 60 * torch.nn.functional.one_hot(part, 4).float()).mean().item()
    method = ParAE(network(12))
    history = fit(method, Batches(clouds, batch_size=16), FitConfig(epochs=20, lr=2e-2))
    assert history[0]["nll"] > truth + 2 and history[-1]["nll"] < truth + 0.05


def test_encoding_is_the_feature_of_the_network_and_the_mixture_explains_the_cloud() -> None:
    method, x = ParAE(network()).eval(), torch.randn(3, 40, 3)
    assert torch.equal(method.encode(x).mean, method.network.features(x))
    mixture = method.mixture(x)
    nll = -mixture.log_density(x).mean(1)
    torch.testing.assert_close(method(Batch(x)).values["nll"], nll.mean())
    assert method.assign(x).shape == (3, 40)
    assert mixture.sample(5)[0].shape == (3, 5, 3)


def test_labels_and_targets() -> None:
    method, x = ParAE(network()).eval(), torch.randn(3, 40, 3)
    terms = method(Batch(x, label=torch.arange(3)))
    assert terms.values["nll"] == method(Batch(x)).values["nll"]
    corrupted = method(Batch(x, y=x + 0.1 * torch.randn_like(x)))
    assert corrupted.values["nll"] != terms.values["nll"]
    with pytest.raises(ValueError, match=r"`y` must have the points of `x`, \(3, 40\), got"):
        method(Batch(x, y=x[:, :30]))
    with pytest.raises(ValueError, match=r"`noise` must be positive, got 0"):
        ParAE(network(), noise=0.0)
    with pytest.raises(ValueError, match=r"`temperature` must be positive, got 0"):
        ParAE(network(), temperature=0.0)


def test_half_precision_of_the_network_does_not_reach_the_likelihood() -> None:
    method, x = ParAE(network()).eval(), torch.randn(3, 40, 3)
    exact = method(Batch(x)).values["nll"]
    with torch.autocast("cpu", torch.bfloat16):
        nll = method(Batch(x)).values["nll"]
    assert nll.dtype == torch.float32 and abs(nll - exact) < 0.05
