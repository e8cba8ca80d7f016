"""Linear machines by Newton's method stand at the minimum that liblinear looks for."""

import numpy as np
import pytest
from sklearn.svm import LinearSVC

from nebulatent.evaluation.squared_hinge import fit_machines, with_offset


def samples(count: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping blobs of three classes that are not numbered from 0."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    centre = 1.5 * rng.normal(size=(3, features)) / features**0.5
    return centre[label] + rng.normal(size=(count, features)), 2 * label + 5


def slope(w: np.ndarray, x: np.ndarray, sign: np.ndarray, strength: float) -> np.ndarray:
    """The objective's gradient, sample by sample."""
    total = w.copy()
    for one, y in zip(x, sign, strict=True):
        total -= 2 * strength * max(0.0, 1 - y * float(one @ w)) * y * one
    return total


@pytest.mark.parametrize("strength", [0.001, 1.0, 100.0])
@pytest.mark.parametrize(("count", "features"), [(200, 12), (40, 90)])
def test_the_gradient_is_zero(count: int, features: int, strength: float) -> None:
    x, label = samples(count, features)
    x = with_offset(x)
    for one, w in zip(np.unique(label), fit_machines(x, label, strength, None), strict=True):
        sign = np.where(label == one, 1.0, -1.0)
        scale = np.abs(slope(np.zeros_like(w), x, sign, strength)).max()
        assert np.abs(slope(w, x, sign, strength)).max() < 1e-9 * scale


def test_weights_are_those_of_liblinear() -> None:
    x, label = samples(150, 6)
    theirs = LinearSVC(C=0.5, dual=False, tol=1e-12, max_iter=10_000).fit(x, label)
    ours = fit_machines(with_offset(x), label, 0.5, None)
    np.testing.assert_allclose(ours[:, :-1], theirs.coef_, atol=1e-7)
    np.testing.assert_allclose(ours[:, -1], theirs.intercept_, atol=1e-7)


def test_where_it_begins_does_not_matter() -> None:
    x, label = samples(120, 8)
    x = with_offset(x)
    far = 100 * np.random.default_rng(1).normal(size=(3, 9))
    np.testing.assert_allclose(
        fit_machines(x, label, 2.0, far), fit_machines(x, label, 2.0, None), atol=1e-9
    )


def test_same_samples_of_two_classes_give_no_numbers_that_are_not_finite() -> None:
    x, label = np.ones((8, 3)), np.arange(8) % 2
    weights = fit_machines(with_offset(x), label, 1e4, None)
    np.testing.assert_allclose(weights, 0, atol=1e-9)
