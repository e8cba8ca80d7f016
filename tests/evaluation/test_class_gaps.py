"""Distances of classes: scikit-learn's silhouette, plain loops, and codes that say nothing."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from nebulatent.evaluation.class_gaps import (
    class_gap_measures,
    class_gaps,
    neighbour_purity,
)

RNG = np.random.default_rng(0)
LABEL = np.array([3, 3, 3, 3, 5, 5, 5, 9, 9, 9, 9, 9])
CODES = RNG.normal(size=(12, 4)) + LABEL[:, None] / 3


def values(codes: np.ndarray, label: np.ndarray) -> dict[str, float]:
    return {measure.name: measure.value for measure in class_gap_measures(codes, label)}


def test_the_silhouette_is_that_of_scikit_learn() -> None:
    found = class_gaps(CODES, LABEL).silhouette
    assert np.allclose(found, silhouette_samples(CODES, LABEL))
    alone = np.where(LABEL == 5, np.arange(12), LABEL)  # three classes of one code
    assert np.allclose(class_gaps(CODES, alone).silhouette, silhouette_samples(CODES, alone))


def test_distances_and_purity_are_those_of_plain_loops() -> None:
    own, other, pure = [], [], []
    distance = np.array([[np.linalg.norm(a - b) for b in CODES] for a in CODES])
    for i in range(12):
        mean = {
            one: np.mean([distance[i, j] for j in range(12) if LABEL[j] == one and j != i])
            for one in (3, 5, 9)
        }
        own.append(mean.pop(LABEL[i]))
        other.append(min(mean.values()))
        near = sorted((j for j in range(12) if j != i), key=lambda j: distance[i, j])[:3]
        pure.append(np.mean([LABEL[j] == LABEL[i] for j in near]))
    scale = distance.sum() / (12 * 11)
    found = values(CODES, LABEL)
    assert found["own class"] == pytest.approx(np.mean(own) / scale)
    assert found["next class"] == pytest.approx(np.mean(other) / scale)
    assert neighbour_purity(CODES, LABEL, 3) == pytest.approx(np.mean(pure))
    assert found["k-NN purity"] == pytest.approx(neighbour_purity(CODES, LABEL, 10))


def test_the_unit_of_codes_does_not_matter() -> None:
    assert values(CODES, LABEL) == pytest.approx(values(100 * CODES + 7, LABEL))


def test_classes_on_points_of_their_own_are_perfect_and_equal_codes_say_nothing() -> None:
    apart = values(np.eye(10)[LABEL], LABEL)
    assert (apart["silhouette"], apart["own class"]) == (1, 0)
    assert neighbour_purity(np.eye(10)[LABEL], LABEL, 2) == 1
    equal = values(np.full((12, 4), 0.1), LABEL)
    assert (equal["silhouette"], equal["own class"], equal["next class"]) == (0, 1, 1)


def test_codes_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two classes, got one"):
        class_gaps(CODES, np.zeros(12, int))
    with pytest.raises(ValueError, match="one class per code"):
        class_gaps(CODES, LABEL[:5])
    with pytest.raises(ValueError, match="must be finite"):
        class_gaps(np.full((12, 4), np.nan), LABEL)
