"""The whole procedure on rings, where k-means cannot succeed."""

import dataclasses
import math

import pytest
import torch

from nebulatent.backbones.vectors import MLPEncoder
from nebulatent.data.views import gaussian
from nebulatent.evaluation.clustering import matched_accuracy
from nebulatent.latents.anchors import kmeans
from nebulatent.ops.distances import squared_distances
from nebulatent.training.consistent import ConsistencyConfig, count_neighbours, fit_consistent

CONFIG = ConsistencyConfig(
    latent_dim=4, members=2, over_anchors=12, batch_size=150, first_steps=120, second_steps=60
)


def rings(count: int = 300) -> tuple[torch.Tensor, torch.Tensor]:
    """Two concentric rings."""
    ring = torch.arange(count) % 2
    angle = torch.arange(count) * (2 * math.pi / count) * 7
    radius = 1.0 + 2.0 * ring
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), ring


def jitter(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return gaussian(x, generator, std=0.1)


def found(config: ConsistencyConfig) -> tuple[torch.Tensor, float]:
    x, ring = rings()
    done = fit_consistent(x, x, 2, lambda: MLPEncoder((2,), (64, 64)), jitter, config)
    label = done.model.assign(x)
    return label, matched_accuracy(label.numpy(), ring.numpy())


def test_rings_are_told_apart() -> None:
    x, ring = rings()
    centres = kmeans(x, 2, 0)
    by_kmeans = squared_distances(x, centres).argmin(1).numpy()
    assert matched_accuracy(by_kmeans, ring.numpy()) < 0.6
    assert found(CONFIG)[1] > 0.95


def test_a_run_is_decided_by_its_seed() -> None:
    short = dataclasses.replace(CONFIG, first_steps=4, second_steps=4)
    label = found(short)[0]
    assert torch.equal(found(short)[0], label)
    assert not torch.equal(found(dataclasses.replace(short, seed=1))[0], label)


def test_neighbours_are_few_in_small_sets() -> None:
    config = ConsistencyConfig()
    assert count_neighbours(60_000, 10, config) == 20
    assert count_neighbours(1_797, 10, config) == 8
    assert count_neighbours(30, 10, config) == 5
    assert count_neighbours(4, 2, config) == 3


def test_too_many_anchors_are_refused() -> None:
    with pytest.raises(ValueError, match="at most half the number of samples"):
        count_neighbours(10, 6, ConsistencyConfig())
    with pytest.raises(ValueError, match=r"at most kept members × over_anchors \(180\), got 200"):
        count_neighbours(10_000, 200, ConsistencyConfig())
