"""Spread of codes against closed forms and loops over floats."""

import math

import numpy as np
import pytest

from nebulatent.evaluation.latent import (
    active_units,
    covariance,
    covariance_deviation,
    gaussian_entropy,
    latent_measures,
    softmax_entropy,
)

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(50, 3)) @ RNG.normal(size=(3, 3)) + 5


def whitened(count: int, latent: int) -> np.ndarray:
    """Codes whose covariance is the identity to rounding."""
    z = np.random.default_rng(1).normal(size=(count, latent))
    z -= z.mean(0)
    return z @ np.linalg.inv(np.linalg.cholesky(z.T @ z / count)).T


def test_covariance_is_the_loop_over_codes() -> None:
    n, d = Z.shape
    mean = [sum(float(Z[k, i]) for k in range(n)) / n for i in range(d)]
    for i in range(d):
        for j in range(d):
            terms = [(Z[k, i] - mean[i]) * (Z[k, j] - mean[j]) for k in range(n)]
            assert covariance(Z)[i, j] == pytest.approx(sum(terms) / n, rel=1e-12)


def test_softmax_entropy_is_the_loop_over_codes() -> None:
    total = 0.0
    for row in Z.tolist():
        weights = [math.exp(value) for value in row]
        shares = [weight / sum(weights) for weight in weights]
        total -= sum(share * math.log(share) for share in shares)
    assert softmax_entropy(Z) == pytest.approx(total / len(Z), rel=1e-12)


def test_softmax_entropy_is_greatest_for_constant_codes_and_survives_large_ones() -> None:
    assert softmax_entropy(np.full((4, 7), 3.0)) == pytest.approx(math.log(7))
    assert softmax_entropy(np.array([[1e4, 0.0, -1e4]])) == 0
    assert softmax_entropy(RNG.normal(size=(5, 1))) == 0


@pytest.mark.parametrize("latent", [1, 2, 10])
def test_gaussian_entropy_of_unit_codes_is_that_of_the_standard_normal(latent: int) -> None:
    expected = 0.5 * latent * math.log(2 * math.pi * math.e)
    assert gaussian_entropy(whitened(60, latent)) == pytest.approx(expected, rel=1e-9)


def test_gaussian_entropy_grows_by_the_log_of_the_scale() -> None:
    assert gaussian_entropy(5 * Z) == pytest.approx(gaussian_entropy(Z) + 3 * math.log(5))


@pytest.mark.parametrize(
    "flat",
    [
        np.full((9, 2), 0.1),
        np.full((9, 1), 0.1, dtype=np.float32),
        np.column_stack([Z[:, 0], np.full(50, 1 / 3)]),
        np.column_stack([Z[:, 0], 2 * Z[:, 0]]),
        Z[:3],
        Z[:1],
    ],
)
def test_codes_in_a_subspace_have_no_gaussian_entropy(flat: np.ndarray) -> None:
    assert gaussian_entropy(flat) == -math.inf
    names = [measure.name for measure in latent_measures(flat, flat)]
    assert "Gaussian entropy" not in names and "softmax entropy" in names


def test_covariance_deviation_is_zero_at_the_prior_and_one_for_constant_codes() -> None:
    assert covariance_deviation(whitened(40, 4)) == pytest.approx(0, abs=1e-12)
    assert covariance_deviation(np.ones((5, 4))) == pytest.approx(1)


def test_covariance_deviation_is_the_loop_over_cells() -> None:
    cells = [(covariance(Z)[i, j] - (i == j)) ** 2 for i in range(3) for j in range(3)]
    assert covariance_deviation(Z) == pytest.approx(math.sqrt(sum(cells) / 3))


def test_a_unit_is_active_above_a_variance_of_a_hundredth() -> None:
    signs = np.array([1.0, -1.0] * 10)
    mean = np.column_stack([0.099 * signs, 0.101 * signs, 0 * signs + 7])
    assert active_units(mean) == 1


def test_far_float32_codes_keep_their_spread() -> None:
    far = (whitened(200, 3) + 1000).astype(np.float32)
    assert covariance_deviation(far) == pytest.approx(0, abs=1e-4)


def test_codes_that_are_not_finite_are_refused() -> None:
    bad = Z.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="`z` must be finite, got NaN or infinity in 1 of 50 rows"):
        latent_measures(bad, Z)
