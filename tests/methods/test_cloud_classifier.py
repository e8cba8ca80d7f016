"""A classifier of clouds learns its classes, and can begin with another method's encoder."""

import copy

import numpy as np
import pytest
import torch

from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder, PointNetSegmenter
from nebulatent.data.batch import Batch, Batches
from nebulatent.data.clouds.points import to_unit_sphere
from nebulatent.data.shapes.make import make_shapes
from nebulatent.methods.cloud_classifier import CloudClassifier
from nebulatent.methods.parae import ParAE
from nebulatent.objectives.classes import class_nll
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.typing import Tensor

SMALL, CATEGORIES = 1 / 8, ("airplane", "chair", "mug")


def build(encoder: PointNetEncoder) -> CloudClassifier:
    """A small classifier of three classes."""
    network = PointNetClassifier(3, encoder=encoder, dropout=0.0, width=SMALL)
    return CloudClassifier(network)


def shapes(seed: int, count: int = 96) -> tuple[Tensor, Tensor]:
    made = make_shapes(count, seed=seed, categories=CATEGORIES, num_points=64)
    return torch.from_numpy(to_unit_sphere(made.points)), torch.from_numpy(made.label)


def test_classes_of_the_built_in_shapes_are_learned() -> None:
    torch.manual_seed(0)
    method, (x, label) = build(PointNetEncoder(width=SMALL)), shapes(0)
    test, truth = shapes(1)
    before = (method.eval().classify(test) == truth).float().mean()
    fit(method, Batches(x, label, batch_size=16), FitConfig(epochs=12, lr=3e-3))
    after = (method.classify(test) == truth).float().mean()
    assert before < 0.5 and after > 0.8


def test_the_encoder_of_another_method_is_where_training_begins() -> None:
    torch.manual_seed(0)
    encoder = PointNetEncoder(width=SMALL)
    pretext = ParAE(PointNetSegmenter(8, encoder=encoder, width=SMALL))
    x, label = shapes(0)
    fit(pretext, Batches(x, batch_size=16), FitConfig(epochs=1))
    method = build(copy.deepcopy(encoder)).eval()
    assert torch.equal(method.encode(x).mean, pretext.encode(x).mean)
    fit(method, Batches(x, label, batch_size=16), FitConfig(epochs=1))
    assert not torch.equal(method.encode(x).mean, pretext.encode(x).mean)
    assert torch.equal(pretext.encode(x).mean, encoder(x))


def test_the_loss_is_the_mean_over_clouds_of_the_surprise() -> None:
    scores = np.array([[0.5, -1.0, 2.0], [3.0, 0.0, 0.0]])
    label = [2, 1]
    surprise = [
        -row[c] + np.log(sum(np.exp(s) for s in row)) for row, c in zip(scores, label, strict=True)
    ]
    found = class_nll(torch.from_numpy(scores), torch.tensor(label))
    np.testing.assert_allclose(found.numpy(), surprise, rtol=1e-9)
    method = build(PointNetEncoder(width=SMALL)).eval()
    x, y = shapes(0, 8)
    expected = class_nll(method.network(x).logits, y).mean()
    assert method(Batch(x, label=y)).values["class"].item() == pytest.approx(expected.item())


def test_missing_and_unknown_labels_are_refused() -> None:
    method, (x, label) = build(PointNetEncoder(width=SMALL)), shapes(0, 8)
    with pytest.raises(ValueError, match=r"`label` must be given .*, got none\."):
        method(Batch(x))
    with pytest.raises(ValueError, match=r"`label` must lie in 0\.\.2, got 1\.\.3\."):
        method(Batch(x, label=label + 1))
