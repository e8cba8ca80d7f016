"""Mean IoU of parts: by hand, against loops, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nebulatent.evaluation.part_iou import (
    ACCURACY,
    CLASS,
    INSTANCE,
    PartLabels,
    cloud_ious,
    part_measures,
    segment_all,
)
from oracles.parts import mean_ious

PARTS = [[0, 1, 2], [3], [4, 5]]
TABLE = np.array([[part in own for part in range(6)] for own in PARTS])
NAMES = ("chair", "ball", "mug")


def labels(part: list[list[int]], category: list[int]) -> PartLabels:
    return PartLabels(np.array(part), np.array(category), TABLE)


def drawn(seed: int, clouds: int = 7, points: int = 9) -> tuple[np.ndarray, PartLabels]:
    """Parts of the clouds' categories; some predictions are parts of other categories."""
    rng = np.random.default_rng(seed)
    category = rng.integers(3, size=clouds)
    part = np.array([rng.choice(PARTS[c], size=points) for c in category])
    predicted = np.where(rng.random(part.shape) < 0.5, part, rng.integers(6, size=part.shape))
    return predicted, PartLabels(part, category, TABLE)


@given(st.integers(0, 2**31 - 1))
def test_measures_are_those_of_plain_loops(seed: int) -> None:
    predicted, true = drawn(seed)
    found = {m.name: m.value for m in part_measures(predicted, true, NAMES)}
    every, classes, means = mean_ious(
        predicted.tolist(), true.part.tolist(), true.category.tolist(), PARTS
    )
    assert found.pop(ACCURACY) == pytest.approx((predicted == true.part).mean(), abs=1e-12)
    expected = {INSTANCE: every, CLASS: classes}
    expected |= {f"IoU {NAMES[c]}": value for c, value in means.items()}
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_part_that_is_neither_there_nor_predicted_counts_as_one() -> None:
    true = labels([[0, 0, 0, 1]], [0])
    # part 0: 2 of 3; part 1: 1 of 2; part 2: nobody speaks of it
    assert cloud_ious(np.array([[0, 0, 1, 1]]), true) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    # part 2 is predicted where it is not
    assert cloud_ious(np.array([[0, 0, 2, 1]]), true) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert cloud_ious(np.array([[0, 0, 0, 1]]), true) == 1


def test_instances_and_classes_are_weighed_differently() -> None:
    true = labels([[4, 5], [4, 5], [4, 5], [3, 3]], [2, 2, 2, 1])
    wrong = np.array([[5, 4], [5, 4], [5, 4], [3, 3]])
    found = {m.name: m.value for m in part_measures(wrong, true, NAMES)}
    assert (found[INSTANCE], found[CLASS], found[ACCURACY]) == (0.25, 0.5, 0.25)
    assert found["IoU mug"] == 0 and found["IoU ball"] == 1
    assert "IoU chair" not in found  # it has no cloud


def test_a_part_of_another_category_is_wrong_and_no_more_than_that() -> None:
    true = labels([[4, 4, 5, 5]], [2])
    assert cloud_ious(np.array([[4, 0, 5, 5]]), true) == pytest.approx((1 / 2 + 1) / 2)


def test_order_of_points_and_small_types_change_nothing() -> None:
    predicted, true = drawn(3)
    order = np.random.default_rng(1).permutation(true.part.shape[1])
    found = cloud_ious(predicted, true)
    moved = true._replace(part=true.part[:, order])
    assert np.array_equal(cloud_ious(predicted[:, order], moved), found)
    small = true._replace(part=true.part.astype(np.uint8), category=true.category.astype(np.uint8))
    assert np.array_equal(cloud_ious(predicted.astype(np.uint8), small), found)


def test_every_measure_says_that_it_uses_labels_and_more_is_better() -> None:
    measures = part_measures(*drawn(0), NAMES)
    assert all(m.uses_labels and m.better == "higher" and m.convention for m in measures)
    assert "1 for a part that is neither there" in measures[0].convention


@pytest.mark.parametrize(
    ("predicted", "part", "category", "message"),
    [
        ([[0, 1]], [[0, 1, 1]], [0], r"`predicted` must be one part per point \(1, 3\)"),
        ([[0, 1]], [[0, 1]], [0, 0], "of 2 clouds"),
        ([[0, 6]], [[0, 1]], [0], r"`predicted` must lie in 0\.\.5, got 0\.\.6\."),
        ([[0, -1]], [[0, 1]], [0], r"`predicted` must lie in 0\.\.5, got -1\.\.0\."),
        ([[0, 1]], [[0, 7]], [0], r"`part` must lie in 0\.\.5"),
        ([[0, 1]], [[0, 1]], [3], r"`category` must lie in 0\.\.2, got 3\.\.3\."),
        ([[0, 1]], [[0, 3]], [0], "got part 3 in cloud 0 of category 0"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    predicted: list, part: list, category: list, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        cloud_ious(np.array(predicted), labels(part, category))


def test_nothing_and_missing_names_are_refused() -> None:
    none = np.zeros((0, 4), np.int64)
    with pytest.raises(ValueError, match="at least one point"):
        cloud_ious(none, PartLabels(none, np.zeros(0, np.int64), TABLE))
    with pytest.raises(ValueError, match="`names` must be of all 3 categories, got 2"):
        part_measures(*drawn(0), NAMES[:2])


class Echo:
    """Says of each point the whole number of its first coordinate plus the category."""

    def segment(self, x: Tensor, category: Tensor) -> Tensor:
        return x[..., 0].long() + category[:, None]


def test_all_clouds_are_segmented_in_order_whatever_the_batches() -> None:
    x = torch.arange(5.0).repeat_interleave(40_000).view(5, 40_000, 1).expand(-1, -1, 3)
    found = segment_all(Echo(), x, np.array([1, 0, 0, 0, 2], np.uint8), lambda part: part)
    assert found.shape == (5, 40_000) and found[:, 0].tolist() == [1, 1, 2, 3, 6]
