"""Ellipsoids lie at one standard deviation, and mixtures are measured beside one Gaussian."""

import numpy as np
import pytest
import torch

from nebulatent.apps.pictures.mixture_figures import SURFACE, divided, ellipsoids
from nebulatent.apps.planning.cloud_plan import COMPONENTS
from nebulatent.backbones.pointnet import PointNetEncoder, PointNetSegmenter
from nebulatent.methods.parae import ParAE
from nebulatent.ops.mixtures import GaussianMixture


def test_points_of_an_ellipsoid_are_one_deviation_away_and_all_around() -> None:
    factor = torch.randn(2, 3, 3, 3, generator=torch.Generator().manual_seed(0)).tril()
    covariances = factor @ factor.mT + 0.1 * torch.eye(3)
    means = torch.arange(18.0).view(2, 3, 3)
    surface = ellipsoids(GaussianMixture(torch.zeros(2, 3), means, covariances))
    assert surface.shape == (2, 3, SURFACE, 3)
    offset = surface - means.unsqueeze(2)
    inverse = torch.linalg.inv(covariances)
    distance = torch.einsum("bcni,bcij,bcnj->bcn", offset, inverse, offset)
    assert torch.allclose(distance, torch.ones_like(distance), atol=1e-3)
    assert offset.mean(2).abs().max() < 0.05  # as many on one side as on the other


def test_a_round_gaussian_is_a_sphere() -> None:
    unit = GaussianMixture(torch.zeros(1, 1), torch.zeros(1, 1, 3), torch.eye(3).view(1, 1, 3, 3))
    radius = ellipsoids(unit).norm(dim=3)
    assert radius.min().item() == pytest.approx(1, abs=1e-5)
    assert radius.max().item() == pytest.approx(1, abs=1e-5)


def test_points_and_ellipsoids_are_of_the_same_gaussians() -> None:
    torch.manual_seed(0)
    encoder = PointNetEncoder(width=1 / 16)
    model = ParAE(PointNetSegmenter(COMPONENTS, encoder=encoder, width=1 / 16)).eval()
    found = divided(model, torch.rand(5, 40, 3))
    assert found is not None
    assert found.surface.shape == (5, COMPONENTS * SURFACE, 3)
    for part, owner, surface in zip(found.part, found.owner, found.surface, strict=True):
        assert 1 <= len(np.unique(part)) < COMPONENTS  # some have no points
        assert np.array_equal(np.unique(part), np.unique(owner))
        assert np.abs(surface).max() < 3
