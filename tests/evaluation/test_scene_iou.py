"""Points of scenes: pooled counts against plain loops, absent classes, hostile input."""

import numpy as np
import pytest
import torch

from nebulatent.evaluation.scene_iou import class_iou, point_confusion, scene_measures

NAMES = ("wall", "floor", "door", "board")


def labels(seed: int, blocks: int = 5, points: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3, (blocks, points))


def by_loops(true: np.ndarray, given: np.ndarray, name: int) -> float:
    """Intersection over union of one class."""
    pairs = list(zip(true.ravel().tolist(), given.ravel().tolist(), strict=True))
    both = sum(t == name and g == name for t, g in pairs)
    either = sum(t == name or g == name for t, g in pairs)
    return both / either if either else float("nan")


def confusion(true: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Counts of a network that says what it is told."""
    return point_confusion(lambda x: x[..., 0].long(), torch.from_numpy(given)[..., None], true, 4)


def test_figures_are_those_of_loops_over_all_points() -> None:
    true, given = labels(0), labels(1)
    given[0] = 3  # a class that no point has
    found = {m.name: m.value for m in scene_measures(confusion(true, given), NAMES)}
    expected = [by_loops(true, given, name) for name in range(4)]
    np.testing.assert_allclose([found[f"IoU of {name}"] for name in NAMES], expected, rtol=1e-12)
    assert found["mIoU"] == pytest.approx(np.mean(expected))
    assert found["point accuracy"] == pytest.approx((true == given).mean())
    recall = [(given[true == name] == name).mean() for name in range(3)]
    assert found["class accuracy"] == pytest.approx(np.mean(recall))


def test_a_class_that_is_nowhere_counts_in_no_mean() -> None:
    true = labels(0)
    counts = confusion(true, true)
    assert np.isnan(class_iou(counts)[3])
    found = scene_measures(counts, NAMES)
    assert all(measure.value == 1 for measure in found)
    assert "IoU of board" not in [measure.name for measure in found]
    assert "mean over the 3 classes" in found[0].convention


def test_counts_are_pooled_and_not_averaged_over_blocks() -> None:
    true = np.array([[0, 0, 0, 1], [1, 1, 1, 1]])
    given = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    found = scene_measures(confusion(true, given), NAMES)[0]
    assert found.value == pytest.approx((3 / 4 + 4 / 5) / 2)


def test_blocks_are_prepared_and_read_a_few_at_a_time() -> None:
    true = labels(0, blocks=40, points=4000)  # three chunks
    sizes: list[int] = []

    def classify(x: torch.Tensor) -> torch.Tensor:
        sizes.append(len(x))
        return x[..., 0].round().long()

    blocks = torch.from_numpy(true)[..., None] / 10
    counts = point_confusion(classify, blocks, true, 3, prepare=lambda x: 10 * x)
    assert sum(sizes) == 40 and len(sizes) == 3
    assert np.array_equal(counts, np.diag(np.bincount(true.ravel())))


def test_what_does_not_fit_is_refused() -> None:
    true = labels(0)
    with pytest.raises(ValueError, match=r"one class per point, \[5, 30\], got \[5, 29\]"):
        point_confusion(lambda x: x[..., 0], torch.zeros(5, 30, 1), true[:, :29], 3)
    with pytest.raises(ValueError, match=r"`label` must give classes in 0\.\.1, got 0\.\.2"):
        point_confusion(lambda x: x[..., 0].long(), torch.zeros(5, 30, 1), true, 2)
    with pytest.raises(ValueError, match=r"`classify` must give classes in 0\.\.2, got 9\.\.9"):
        point_confusion(lambda x: x[..., 0].long() + 9, torch.zeros(5, 30, 1), true, 3)
    with pytest.raises(ValueError, match="got 0 points, 4 classes and 4 names"):
        scene_measures(np.zeros((4, 4), np.int64), NAMES)
    with pytest.raises(ValueError, match="3 classes and 4 names"):
        scene_measures(np.eye(3, dtype=np.int64), NAMES)
