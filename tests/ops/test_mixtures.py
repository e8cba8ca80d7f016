"""Mixtures of soft partitions: loops, moments, densities that integrate to one, flat clouds."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nebulatent.ops.mixtures import GaussianMixture, grid_density, mixture_of_partition
from oracles import parae as oracle

pytestmark = pytest.mark.usefixtures("float64")


def drawn(points: int = 12, components: int = 3, clouds: int = 2) -> tuple[Tensor, Tensor]:
    """Clouds away from the origin, and the log of their partitions."""
    cloud = torch.randn(clouds, points, 3) * torch.tensor([1.0, 0.4, 0.2]) + 1.5
    return cloud, torch.randn(clouds, points, components).log_softmax(2)


def test_mixture_and_density_are_the_oracles(matches: Callable[..., None]) -> None:
    points, scores = drawn()
    mixture = mixture_of_partition(points, scores, noise=0.1)
    for b in range(len(points)):
        cloud = points[b].tolist()
        variance = oracle.noise_variance(cloud, 0.1)
        weights, means, covariances = oracle.parameters(cloud, scores[b].tolist(), variance)
        matches(mixture.log_weights[b].exp(), weights)
        matches(mixture.means[b], means)
        matches(mixture.covariances[b], covariances)
        found = [oracle.log_density(p, weights, means, covariances) for p in cloud]
        matches(mixture.log_density(points)[b], found)


@given(st.integers(0, 2**31 - 1), st.integers(1, 5), st.floats(0.0, 0.5))
def test_mixture_has_the_moments_of_the_cloud_whatever_the_partition(
    seed: int, components: int, noise: float
) -> None:
    torch.manual_seed(seed)
    points, log_partition = drawn(components=components)
    mean, covariance = mixture_of_partition(points, log_partition.double(), noise).moments()
    offset = points - points.mean(1, keepdim=True)
    spread = offset.mT @ offset / points.shape[1]
    radius2 = offset.square().sum(2).mean(1)
    noisy = spread + (noise**2 * radius2).view(-1, 1, 1) * torch.eye(3)
    torch.testing.assert_close(mean, points.mean(1))
    torch.testing.assert_close(covariance, noisy)


def test_density_and_posterior_agree_with_torch() -> None:
    points, log_partition = drawn()
    mixture = mixture_of_partition(points, log_partition)
    normal = torch.distributions.MultivariateNormal(
        mixture.means.unsqueeze(1), mixture.covariances.unsqueeze(1)
    )
    joint = normal.log_prob(points.unsqueeze(2)) + mixture.log_weights.unsqueeze(1)
    torch.testing.assert_close(mixture.log_joint(points), joint)
    torch.testing.assert_close(mixture.assign_probabilities(points), joint.softmax(2))


def test_component_without_points_has_no_weight_and_no_infinity() -> None:
    points, scores = drawn(components=2)
    empty = torch.cat([scores, torch.full((2, 12, 1), -2000.0)], 2).requires_grad_()
    mixture = mixture_of_partition(points, empty)
    assert all(part.isfinite().all() for part in mixture)
    without = mixture_of_partition(points, scores)
    torch.testing.assert_close(mixture.log_density(points), without.log_density(points))
    mixture.log_density(points).sum().backward()
    assert empty.grad is not None and empty.grad.isfinite().all()


def test_single_precision_finds_thin_directions_far_from_the_origin() -> None:
    """A sheet of thickness 0.01 at distance 100: rounding of squares alone would be 1e-3."""
    points, log_partition = drawn(200, 4)
    points = points * torch.tensor([1.0, 1.0, 0.01]) + 100
    points = points.float().double()
    exact = mixture_of_partition(points, log_partition, 0.003).log_density(points)
    single = mixture_of_partition(points.float(), log_partition.float(), 0.003)
    found = single.log_density(points.float()).double()
    assert (found - exact).abs().max() < 0.02


def test_samples_have_the_moments_and_shares_of_the_mixture() -> None:
    points, log_partition = drawn(components=2)
    mixture = mixture_of_partition(points, (log_partition * 3).log_softmax(2))
    generator = torch.Generator().manual_seed(1)
    found, component = mixture.sample(40_000, generator)
    mean, covariance = mixture.moments()
    assert (found.mean(1) - mean).abs().max() < 0.02
    assert (torch.stack([cloud.T.cov() for cloud in found]) - covariance).abs().max() < 0.03
    share = (component == 0).double().mean(1)
    assert (share - mixture.log_weights[:, 0].exp()).abs().max() < 0.01
    again, _ = mixture.sample(40_000, torch.Generator().manual_seed(1))
    assert torch.equal(again, found)


def test_density_on_a_grid_adds_up_to_one_and_is_where_the_axes_say() -> None:
    log_weights = torch.tensor([[0.7, 0.3]]).log()
    means = torch.tensor([[[0.4, 0.0, 0.0], [0.0, 0.0, -0.4]]])
    covariances = (0.01 * torch.eye(3)).expand(1, 2, 3, 3)
    mixture = GaussianMixture(log_weights, means, covariances)
    density = grid_density(mixture, 24, 2.0)
    assert density.shape == (1, 24, 24, 24)
    assert density.sum() * (2 / 24) ** 3 == pytest.approx(1, abs=1e-6)
    place = (torch.arange(24) + 0.5) / 12 - 1
    assert (density[0].sum((1, 2)) * place).sum() / density.sum() == pytest.approx(0.28, abs=1e-3)
    assert (density[0].sum((0, 1)) * place).sum() / density.sum() == pytest.approx(-0.12, abs=1e-3)


def test_one_component_is_one_gaussian_whose_entropy_is_known() -> None:
    points = torch.randn(1, 5000, 3)
    mixture = mixture_of_partition(points, torch.zeros(1, 5000, 1), noise=0.0)
    offset = points[0] - points[0].mean(0)
    log_det = (offset.T @ offset / 5000).logdet()
    expected = -0.5 * (3 * math.log(2 * math.pi) + 3 + log_det)
    torch.testing.assert_close(mixture.log_density(points).mean(), expected)


def test_density_of_what_is_no_gaussian_is_nan_and_no_error() -> None:
    points, log_partition = drawn()
    points[0, :, 2] = 0.0
    density = mixture_of_partition(points, log_partition, 0.0).log_density(points)
    assert density[0].isnan().all() and density[1].isfinite().all()
    points[1, 3, 0] = torch.nan
    assert mixture_of_partition(points, log_partition).log_density(points)[1].isnan().all()


def test_sizes_and_noise_that_cannot_be_are_refused() -> None:
    points, log_partition = drawn()
    with pytest.raises(ValueError, match=r"`noise` must not be negative, got -1\.0\."):
        mixture_of_partition(points, log_partition, -1.0)
    mixture = mixture_of_partition(points, log_partition)
    with pytest.raises(ValueError, match=r"`count` must be positive, got 0\."):
        mixture.sample(0)
    with pytest.raises(ValueError, match=r"`resolution` and `side` must be positive, got 0"):
        grid_density(mixture, 0)
