"""Corrupted clouds meet a classifier of clean ones; all features meet the same clouds."""

import numpy as np
import pytest
import torch

from nebulatent.evaluation.robustness import CORRUPTIONS, Corruption, robustness
from nebulatent.evaluation.svm import Machine, train_svm
from nebulatent.ops.cloud_corruptions import jittered, turned, turned_about_z
from nebulatent.typing import Tensor


def heights(x: Tensor) -> np.ndarray:
    """Spread along each axis: blind to a turn about z, not to others."""
    flat = x[..., :2].square().sum(2).mean(1)
    return torch.stack([flat, x[..., 2].square().mean(1)], 1).numpy()


def clouds(seed: int, count: int = 60) -> tuple[Tensor, np.ndarray]:
    """Discs that lie, and needles that stand."""
    label = np.arange(count) % 2
    sides = torch.tensor([[0.7, 0.7, 0.05], [0.1, 0.1, 0.9]])[torch.from_numpy(label)]
    x = torch.rand(count, 40, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return x * sides.unsqueeze(1), label


@pytest.fixture(scope="module")
def machine() -> Machine:
    x, label = clouds(0)
    return train_svm(heights(x), label)


def test_clean_clouds_come_first_and_what_features_ignore_does_no_harm(machine: Machine) -> None:
    found = robustness(machine, heights, *clouds(1), corruptions=CORRUPTIONS[2:4], draws=2)
    about_z, any_axis = found
    assert [level.at for level in about_z.levels] == [None, 15.0, 45.0, 90.0, 180.0]
    assert about_z.levels[0] == any_axis.levels[0]
    assert about_z.levels[0].values == (1.0,)
    assert all(level.values == (1.0, 1.0) for level in about_z.levels[1:])
    assert any_axis.levels[1].mean > 0.95 and any_axis.levels[-1].mean < 0.8
    assert "2 draws of the corruption" in any_axis.convention


def test_every_corruption_can_be_applied_to_every_number_of_points(machine: Machine) -> None:
    found = robustness(machine, heights, *clouds(1, 8), draws=1)
    assert [curve.name for curve in found] == [corruption.name for corruption in CORRUPTIONS]
    assert all(0 <= level.mean <= 1 for curve in found for level in curve.levels)


def test_a_corruption_is_the_same_whatever_else_is_measured_and_repeats(machine: Machine) -> None:
    seen: list[Tensor] = []

    def watched(x: Tensor) -> np.ndarray:
        seen.append(x)
        return heights(x)

    noise = Corruption("jitter", "radii", jittered, (0.05,))
    turn = Corruption("turn", "degrees", turned, (90.0,))
    x, label = clouds(1)
    robustness(machine, watched, x, label, corruptions=[turn, noise], draws=1)
    robustness(machine, watched, x, label, corruptions=[noise], draws=1)
    _, _, first, clean, second = seen
    assert torch.equal(first, second) and torch.equal(clean, x)
    robustness(machine, watched, x, label, corruptions=[noise], draws=2, seed=1)
    assert not torch.equal(seen[-1], seen[-2]) and not torch.equal(seen[-2], second)


def test_clouds_are_scaled_before_they_are_corrupted(machine: Machine) -> None:
    x, label = clouds(1)
    noise = (Corruption("jitter", "radii", jittered, (0.02,)),)
    small = robustness(
        machine, heights, x / 100, label, prepare=lambda x: 100 * x, corruptions=noise
    )
    assert small[0].levels[1].mean > 0.95
    bare = robustness(machine, lambda x: heights(100 * x), x / 100, label, corruptions=noise)
    assert bare[0].levels[1].mean < small[0].levels[1].mean


def test_labels_that_do_not_fit_are_refused(machine: Machine) -> None:
    x, label = clouds(1)
    with pytest.raises(ValueError, match="with a label each, got 60 clouds and 59 labels"):
        robustness(machine, heights, x, label[:59])
    with pytest.raises(ValueError, match="`draws` must be positive, got 0"):
        robustness(machine, heights, x, label, draws=0)
    wrong = Corruption("turn", "degrees", turned_about_z, (360.0,))
    with pytest.raises(ValueError, match=r"within 0 to 180, got 360\.0"):
        robustness(machine, heights, x, label, corruptions=[wrong])
