"""The surface of a mixture is where its density is the level, and holds most of the points."""

import math

import numpy as np
import torch

from nebulatent.apps.pictures.cloud_pictures import SIDE
from nebulatent.apps.pictures.density_surfaces import SHOWN, density_surfaces, surface_of
from nebulatent.backbones.pointnet import PointNetEncoder, PointNetSegmenter
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.parae import ParAE
from nebulatent.methods.vae import VAE
from nebulatent.ops.mixtures import GaussianMixture


def ball(std: float) -> GaussianMixture:
    covariance = std**2 * torch.eye(3).view(1, 1, 3, 3)
    return GaussianMixture(torch.zeros(1, 1), torch.zeros(1, 1, 3), covariance)


def test_the_surface_of_a_round_gaussian_is_a_sphere() -> None:
    std, radius = 0.2, 0.5
    points = 0.6 * torch.eye(3)
    level = -1.5 * math.log(2 * math.pi * std**2) - radius**2 / (2 * std**2)
    corners, triangles = surface_of(ball(std), torch.cat([points, -points]), level)
    found = np.linalg.norm(corners, axis=1)
    assert len(triangles) > 1000 and np.abs(found - radius).max() < 5e-3


def test_a_surface_that_leaves_the_box_is_closed_at_its_sides() -> None:
    corners, triangles = surface_of(ball(3.0), 0.1 * torch.eye(3), -50.0)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, back = (np.sort(part @ np.array([len(corners), 1])) for part in (edges, edges[:, ::-1]))
    assert np.array_equal(there, back) and (np.diff(there) > 0).all()
    assert np.isfinite(corners).all()


def test_pictures_show_the_first_clouds_of_a_method_that_divides() -> None:
    torch.manual_seed(0)
    encoder = PointNetEncoder(width=1 / 16)
    model = ParAE(PointNetSegmenter(4, encoder=encoder, width=1 / 16)).eval()
    x = 0.5 * torch.randn(SHOWN + 1, 50, 3).clamp(-1, 1)
    x[0] = 0.3  # a single repeated point
    found = density_surfaces(model, x)
    assert found is not None and found.shape == (SHOWN, 3, SIDE, SIDE)
    assert found.min() >= 0 and found.max() <= 1
    assert all((picture < 0.9).mean() > 0.01 for picture in found[1:])
    host = Autoencoder(encoder, Deterministic(encoder.feature_dim, 3), torch.nn.Linear(3, 3))
    assert density_surfaces(VAE(host), x) is None
