"""The probe with a Gaussian kernel beside scikit-learn's own, its choice, and what is refused."""

import numpy as np
import pytest
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.svm import SVC

from nebulatent.evaluation.kernel_svm import (
    GAMMAS,
    STRENGTHS,
    chosen_kernel,
    kernel_accuracy,
    kernel_measures,
)
from nebulatent.evaluation.svm import FOLDS, fold_numbers


def rings(count: int, seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Three rings around one point in 4 dimensions: no plane parts them."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    z = rng.normal(size=(count, 4))
    z *= (1 + label[:, None] + 0.35 * rng.normal(size=(count, 1))) / np.linalg.norm(
        z, axis=1, keepdims=True
    )
    return scale * z, label


def test_the_paper_s_machine_is_scikit_learn_s() -> None:
    train, test = rings(150, 0), rings(60, 1)
    found = kernel_accuracy(*train, *test, gamma=0.5, strength=2.0)
    machine = SVC(C=2.0, gamma=0.5).fit(*train)
    right = machine.predict(test[0]) == test[1]
    assert found.accuracy == right.mean()
    assert found.class_mean == np.mean([right[test[1] == k].mean() for k in range(3)])
    assert (found.gamma, found.strength, found.trained) == (0.5, 2.0, 150)


def test_what_is_chosen_does_best_in_cross_validation_on_training_codes() -> None:
    z, label = rings(150, 2)
    unit = 1 / (4 * z.var())
    split = PredefinedSplit(fold_numbers(label, FOLDS))
    scores = {
        (share * unit, strength): cross_val_score(
            SVC(C=strength, gamma=share * unit), z, label, cv=split
        ).mean()
        for strength in STRENGTHS
        for share in GAMMAS
    }
    gamma, strength = chosen_kernel(z, label)
    key = min(scores, key=lambda pair: abs(pair[0] - gamma) + abs(pair[1] - strength))
    assert (gamma, strength) == pytest.approx(key)
    assert scores[key] == max(scores.values())


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_chosen_kernel_does_not_care_for_the_scale_of_codes(scale: float) -> None:
    train, test = rings(150, 0, scale), rings(60, 1, scale)
    values = {m.name: m.value for m in kernel_measures(*train, *test)}
    assert values["RBF SVM"] > 0.8
    assert values["RBF SVM"] == pytest.approx(
        {m.name: m.value for m in kernel_measures(*rings(150, 0), *rings(60, 1))}["RBF SVM"]
    )
    if scale != 1.0:
        assert values["RBF SVM, 1/128"] < values["RBF SVM"]


def test_labels_of_the_test_codes_choose_nothing() -> None:
    train, (test, label) = rings(90, 0), rings(60, 1)
    one, other = kernel_measures(*train, test, label), kernel_measures(*train, test, label[::-1])
    chosen = {"RBF SVM, C", "RBF SVM, gamma"}
    assert [m for m in one if m.name in chosen] == [m for m in other if m.name in chosen]
    assert all(m.uses_labels for m in one)


def test_codes_that_are_all_the_same_give_one_class() -> None:
    z, label = np.zeros((30, 4)), np.arange(30) % 3
    assert kernel_accuracy(z, label, z, label).accuracy == pytest.approx(1 / 3)
    assert chosen_kernel(z, label) == (GAMMAS[0] / 4, STRENGTHS[0])


def test_what_cannot_be_probed_is_refused() -> None:
    z, label = rings(30, 0)
    with pytest.raises(ValueError, match="`codes` must be finite"):
        kernel_accuracy(np.where(z == z[0, 0], np.nan, z), label, z, label)
    with pytest.raises(ValueError, match="`label` must have at least two classes"):
        kernel_accuracy(z, label * 0, z, label)
    with pytest.raises(ValueError, match="`label` must repeat"):
        chosen_kernel(z, np.arange(30))
    with pytest.raises(ValueError, match="`gamma` must be positive and finite, got 0"):
        kernel_accuracy(z, label, z, label, gamma=0.0)
    with pytest.raises(ValueError, match="`strength` must be positive and finite, got nan"):
        kernel_accuracy(z, label, z, label, strength=np.nan)
