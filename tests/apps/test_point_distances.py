"""Distances from a picked point: of what, and in which colours."""

import numpy as np
import torch

from nebulatent.apps.pictures.cloud_pictures import MARK, paint, to_pictures, view
from nebulatent.apps.pictures.point_distances import draw_distances, point_distances
from nebulatent.backbones.pointnet import PointNetEncoder, PointNetSegmenter
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.parae import ParAE
from nebulatent.methods.vae import VAE


def parae() -> ParAE:
    torch.manual_seed(0)
    encoder = PointNetEncoder(width=1 / 16)
    return ParAE(PointNetSegmenter(8, encoder=encoder, width=1 / 16)).eval()


def brightness(image: np.ndarray) -> float:
    """Mean of what is drawn."""
    return float(image[:, (image < 0.99).any(0)].mean())


def test_distances_are_those_of_places_and_of_scores() -> None:
    model, x = parae(), torch.rand(3, 25, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    found, again = point_distances(model, x), point_distances(model, x)
    assert found is not None and again is not None
    assert np.array_equal(found.picked, again.picked)
    scores = model.network(x).logits.detach().numpy()
    for cloud, one in enumerate(found.picked):
        place = x[cloud].numpy()
        for i in range(25):
            assert np.isclose(found.space[cloud, i], np.linalg.norm(place[i] - place[one]))
            expected = np.linalg.norm(scores[cloud, i] - scores[cloud, one])
            assert np.isclose(found.features[cloud, i], expected, atol=1e-6)


def test_methods_that_divide_nothing_have_no_such_picture() -> None:
    encoder = PointNetEncoder(width=1 / 16)
    host = Autoencoder(encoder, Deterministic(encoder.feature_dim, 3), torch.nn.Linear(3, 3))
    assert point_distances(VAE(host), torch.rand(2, 10, 3)) is None


def test_what_is_near_is_dark_whatever_the_unit() -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 200, 3)).astype(np.float32)
    picked = np.array([3, 4])
    near = np.full((2, 200), 0.1, np.float32)
    near[:, 0] = 1.0
    far = np.full((2, 200), 0.9, np.float32)
    far[:, 0] = 1.0
    dark, light = draw_distances(x, picked, near), draw_distances(x, picked, far)
    assert all(brightness(a) < brightness(b) for a, b in zip(dark, light, strict=True))
    assert np.array_equal(dark, draw_distances(x, picked, 4 * near))
    same = draw_distances(x, picked, np.zeros((2, 200), np.float32))  # all at one place
    assert np.isfinite(same).all()


def test_the_marked_point_is_in_front_of_all_others() -> None:
    eye = view()[2].astype(np.float32)
    points = np.stack([-0.5 * eye, 0.5 * eye])
    image = paint(points, np.zeros((2, 3)), marked=0)
    middle = to_pictures(image)[image.shape[1] // 2, image.shape[2] // 2].tolist()
    assert middle == [int(MARK[i : i + 2], 16) for i in (1, 3, 5)]
