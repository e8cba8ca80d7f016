"""The oracles of the baselines against values worked out by hand."""

import math

import pytest

from oracles import baselines as oracle


def test_student_assignment_is_the_ratio_of_kernels() -> None:
    assert oracle.student_assignment([[0.0]], [[0.0], [1.0]]) == [pytest.approx([2 / 3, 1 / 3])]


def test_target_squares_and_divides_by_the_frequency() -> None:
    q = [[0.5, 0.5], [1.0, 0.0]]
    assert oracle.target_distribution(q) == [pytest.approx([0.25, 0.75]), [1.0, 0.0]]


def test_clustering_loss_of_a_certain_target_is_the_cross_entropy() -> None:
    assert oracle.clustering_loss([[0.75, 0.25]], [[0.5, 0.5]]) == pytest.approx(
        0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    )


def test_divergence_of_a_narrow_gaussian() -> None:
    kl = oracle.gaussian_kl([1.0], [math.log(4.0)], [0.0], [0.0])
    assert kl == pytest.approx(0.5 * (-math.log(4) + 4 + 1 - 1))


def test_vade_with_equal_clusters_is_one_gaussian() -> None:
    args = ([[0.3]], [[1.0]], [[math.log(4.0)]], [0.0, 0.0], [[0.0], [0.0]], [[0.0], [0.0]])
    expected = oracle.gaussian_kl([1.0], [math.log(4.0)], [0.0], [0.0])
    assert oracle.vade_kl(*args) == [pytest.approx(expected)]


def test_gmvae_with_far_clusters_pays_log_k() -> None:
    point = ([0.0], [0.0])
    parts = oracle.gmvae_divergences([0.0], point, point, ([[0.0], [90.0]], [[0.0], [0.0]]))
    assert parts == (pytest.approx(0.0), 0.0, pytest.approx(math.log(2)))


def test_moving_average_halves_towards_the_batch() -> None:
    counts, sums = oracle.moving_average([[2.0], [4.0]], [[1.0], [-9.0]], [1, 1], [[1], [-9]], 0.5)
    assert counts == [1.5, 0.5] and sums == [[3.5], [-4.5]]


def test_discrepancy_of_far_pairs_counts_pairs_within_only() -> None:
    found = oracle.mmd([[0.0], [0.0]], [[99.0], [99.0]], oracle.rbf)
    assert found == pytest.approx(2.0)


def test_gumbel_softmax_and_its_divergence() -> None:
    assert oracle.gumbel_softmax([0.0, math.log(2)], [0.0, 0.0], 0.5) == pytest.approx([0.2, 0.8])
    expected = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert oracle.categorical_kl([0.0, math.log(3)]) == pytest.approx(expected)


def test_deep_kmeans_weighs_distances_by_nearness() -> None:
    near, far = 1 / (1 + math.exp(-4.0)), 1 / (1 + math.exp(4.0))
    found = oracle.deep_kmeans_loss([[-1.0], [1.0]], [[-1.0], [1.0]], sharpness=1.0)
    assert found == pytest.approx(near * 0 + far * 4)
