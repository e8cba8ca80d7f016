"""The linear SVM chooses on training samples alone and says what it chose."""

import numpy as np
import pytest

from nebulatent.evaluation import svm
from nebulatent.evaluation.svm import FOLDS, STRENGTHS, fold_numbers, svm_accuracy, svm_measures


def blobs(seed: int, apart: float, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    centre = apart * np.eye(3, 5)[label]
    return (centre + rng.normal(size=(count, 5))).astype(np.float32), label


def test_what_is_apart_is_told_apart() -> None:
    found = svm_accuracy(*blobs(0, 20.0), *blobs(1, 20.0))
    assert (found.accuracy, found.class_mean, found.validated) == (1.0, 1.0, 1.0)
    assert found.strength == STRENGTHS[0]  # the smallest of the best
    assert found.trained == 90


def test_test_samples_and_their_labels_choose_nothing() -> None:
    train = blobs(0, 2.0)
    test, label = blobs(1, 2.0)
    first = svm_accuracy(*train, test, label)
    other = svm_accuracy(*train, 100 * test[:10], (label[:10] + 1) % 3)
    assert (first.strength, first.validated) == (other.strength, other.validated)
    assert first.accuracy != other.accuracy


def test_units_of_features_do_not_matter() -> None:
    (x, y), (u, v) = blobs(0, 2.0), blobs(1, 2.0)
    unit = np.array([1e-3, 1, 1e3, 1e5, 1], np.float32)
    one, other = svm_accuracy(x, y, u, v), svm_accuracy(x * unit, y, u * unit, v)
    assert one.accuracy == pytest.approx(other.accuracy, abs=0.02)


def test_a_constant_feature_is_not_divided_by_the_rounding_of_its_mean() -> None:
    (x, y), (u, v) = blobs(0, 20.0), blobs(1, 20.0)
    x = np.concatenate([x.astype(float), np.full((90, 1), 0.1)], 1)
    u = np.concatenate([u.astype(float), np.full((90, 1), 0.1 + 1e-6)], 1)
    assert x[:, -1].std() > 0
    assert svm_accuracy(x, y, u, v).accuracy == 1.0


def test_the_class_mean_counts_small_classes_fully() -> None:
    x, y = blobs(0, 20.0)
    u, v = blobs(1, 20.0, 30)
    keep = (v != 2) | (np.arange(30) < 3)  # one sample of class 2, which is then mislabelled
    u, v = u[keep], v[keep]
    u[v == 2] = u[v == 0][0]
    found = svm_accuracy(x, y, u, v)
    assert found.accuracy == pytest.approx(20 / 21)
    assert found.class_mean == pytest.approx(2 / 3)


def test_labels_the_training_part_does_not_know_are_errors() -> None:
    x, y = blobs(0, 20.0)
    assert svm_accuracy(x, y, x[:6], y[:6] + 7).accuracy == 0


def test_folds_share_each_class() -> None:
    label = np.repeat([4, 7, 9], [50, 10, 2])
    fold = fold_numbers(label, FOLDS)
    for one, least, most in ((4, 10, 10), (7, 2, 2), (9, 0, 1)):
        counts = np.bincount(fold[label == one], minlength=FOLDS)
        assert (counts.min(), counts.max()) == (least, most)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [(np.zeros(90, int), "at least two classes, got one"), (np.arange(90), "must repeat")],
)
def test_labels_that_cannot_be_learned_are_refused(label: np.ndarray, sentence: str) -> None:
    x, y = blobs(0, 2.0)
    with pytest.raises(ValueError, match=sentence):
        svm_accuracy(x, label, x, y)


def test_the_convention_names_what_was_chosen() -> None:
    found = svm_accuracy(*blobs(0, 2.0), *blobs(1, 2.0))
    first, *_, strength = svm_measures(found)
    assert f"C = {found.strength:g} was best" in first.convention
    assert (first.value, strength.value) == (found.accuracy, found.strength)
    assert all(measure.uses_labels for measure in svm_measures(found))


def test_strengths_after_two_that_were_worse_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = dict(zip(STRENGTHS, (0.5, 0.7, 0.6, 0.6, 0.9), strict=True))
    tried: list[float] = []

    def validated(x: np.ndarray, y: np.ndarray, f: np.ndarray, strength: float, _: list) -> float:
        tried.append(strength)
        return scores[strength]

    monkeypatch.setattr(svm, "_validated", validated)
    assert svm_accuracy(*blobs(0, 2.0), *blobs(1, 2.0)).strength == STRENGTHS[1]
    assert tried == list(STRENGTHS[:4])
