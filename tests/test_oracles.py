"""The oracles of NVC against values worked out by hand."""

import math

import pytest

from oracles import nvc

APART_2 = [[0.0, 0.0], [2.0, 0.0]]


def literal(z: nvc.Vectors, anchors: nvc.Vectors) -> float:
    """Eq. (7) as printed."""
    return nvc.nebula_loss(z, anchors, force="literal", reduction="sum", normalised=False)


def test_nearest_takes_the_closest_anchor_and_the_first_in_a_tie() -> None:
    assert nvc.nearest([[1.9, 0.0], [-5.0, 0.0], [1.0, 7.0]], APART_2) == [1, 0, 0]


def test_masses_are_one_plus_squared_distances_summed_or_over_the_whole_batch() -> None:
    z = [[0.0, 1.0], [0.0, 2.0], [2.0, 3.0], [2.0, 0.0]]
    labels = nvc.nearest(z, APART_2)
    assert labels == [0, 0, 1, 1]
    assert nvc.masses(z, APART_2, labels, "sum") == [6.0, 10.0]
    assert nvc.masses(z, APART_2, labels, "mean") == [2.25, 3.25]


def test_given_labels_decide_whose_mass_a_code_adds_to() -> None:
    assert nvc.masses([[0.0, 0.0]], APART_2, [1], "sum") == [1.0, 5.0]


def test_anchor_without_codes_weighs_one() -> None:
    assert nvc.masses([], APART_2, []) == [1.0, 1.0]


def test_literal_loss_is_zero_at_anchor_distance_one() -> None:
    assert literal([], [[0.0], [1.0]]) == 0.0


def test_literal_loss_at_anchor_distance_one_half_is_ln_4() -> None:
    assert literal([[0.0]], [[0.0], [0.5]]) == pytest.approx(math.log(4))


@pytest.mark.parametrize(("away", "loss"), [(0.0, -1.4), (1.0, -2.8), (4.0, -23.6)])
def test_literal_loss_falls_as_a_code_leaves_its_anchor_at_anchor_distance_two(
    away: float, loss: float
) -> None:
    assert literal([[-away, 0.0]], APART_2) == pytest.approx(loss, abs=0.05)
    assert literal([[-away, 0.0]], APART_2) == pytest.approx(-(1 + away**2) * math.log(4))


def test_clamped_force_is_off_beyond_distance_one_and_literal_below() -> None:
    assert nvc.inverse_distance([0.0], [2.0], "clamped") == 0.0
    assert nvc.inverse_distance([0.0], [0.5], "clamped") == pytest.approx(math.log(4))


def test_log1p_force_is_literal_when_close_and_newton_when_far() -> None:
    close, far = [[0.0], [1e-3]], [[0.0], [1e3]]
    assert nvc.inverse_distance(*close, force="log1p") == pytest.approx(math.log(1e6), rel=1e-6)
    assert nvc.inverse_distance(*far, force="log1p") == pytest.approx(1e-6, rel=1e-6)


def test_distance_floor_bounds_coincident_anchors_and_can_be_lifted() -> None:
    assert nvc.inverse_distance([1.0], [1.0]) == pytest.approx(8 * math.log(10))
    assert nvc.inverse_distance([1.0], [1.0], floor=0.0) == math.inf


def test_default_nebula_loss_scales_by_latent_dimension_and_divides_by_anchors_less_one() -> None:
    anchors = [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]  # squared distances 4, 4, 8; s^2 = 2
    z = [[-1.0, 0.0], [2.0, 0.0]]  # masses 1.5, 1, 1
    by_hand = (2 * 1.5 * math.log(1.5) + math.log(1.25)) / 2
    assert nvc.nebula_loss(z, anchors) == pytest.approx(by_hand)
    assert nvc.nebula_loss(z, anchors, normalised=False) == pytest.approx(2 * by_hand)
    assert nvc.nebula_loss(z, anchors, labels=[0, 1]) == pytest.approx(by_hand)


def test_explicit_scale_of_the_latent_dimension_is_the_default() -> None:
    z = [[0.3, -0.1]]
    assert nvc.nebula_loss(z, APART_2) == nvc.nebula_loss(z, APART_2, scale2=2.0)
    assert nvc.nebula_loss([], APART_2, scale2=4.0) == pytest.approx(math.log(2))


def test_one_anchor_has_no_gravitation() -> None:
    assert nvc.nebula_loss([[3.0]], [[0.0]]) == 0.0


def test_euclidean_loss_is_the_mean_squared_distance_to_the_closest_anchor() -> None:
    assert nvc.euclidean_loss([[0.0, 1.0], [2.0, 3.0]], APART_2) == 5.0


def test_pair_loss_averages_squared_distances_inside_labels_only() -> None:
    z = [[0.0], [1.0], [3.0], [10.0]]
    assert nvc.pair_loss(z, [0, 0, 0, 1]) == pytest.approx((1 + 4 + 9) / 3)
    assert nvc.pair_loss(z, [0, 1, 2, 3]) == 0.0


def test_triplet_loss_of_three_collinear_points() -> None:
    # positives 0 and 1, negative 0.5: d_ip = 1, d_in = 0.25 from either end.
    value = math.log(2 - 0.25 / 1.01)
    assert nvc.triplet_loss([[0.0], [1.0], [0.5]], [0, 0, 1]) == pytest.approx(value)


def test_triplet_mean_counts_the_satisfied_triplets() -> None:
    # negative at -0.5: d_in = 0.25 from 0 (active) and 2.25 from 1 (satisfied, adds 0).
    value = math.log(2 - 0.25 / 1.01) / 2
    assert nvc.triplet_loss([[0.0], [1.0], [-0.5]], [0, 0, 1]) == pytest.approx(value)


def test_no_triplet_no_loss() -> None:
    assert nvc.triplet_loss([[0.0], [1.0]], [0, 0]) == 0.0
    assert nvc.triplet_loss([[0.0], [1.0]], [0, 1]) == 0.0
    assert nvc.released_3d([[0.0], [1.0]], [0, 0], 0.5) == 0.0


def test_kl_is_zero_at_the_prior_and_known_off_it() -> None:
    kl = nvc.kl_standard_normal([[0.0, 0.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, math.log(2)]])
    assert kl == pytest.approx([0.0, 4.5 + 0.5 * (1 - math.log(2))])


def test_gaussian_nll_of_the_standard_normal() -> None:
    assert nvc.gaussian_nll([[0.0, 1.0]], [[0.0, 0.0]], [[0.0, 0.0]]) == pytest.approx(
        [math.log(2 * math.pi) + 0.5]
    )


def test_bernoulli_nll_sums_features_and_stays_finite() -> None:
    assert nvc.bernoulli_nll([[0.0, 1.0, 0.5]], [[0.0, 0.0, 0.0]]) == pytest.approx(
        [3 * math.log(2)]
    )
    assert nvc.bernoulli_nll([[1.0], [0.0]], [[math.log(3)]] * 2) == pytest.approx(
        [math.log(4 / 3), math.log(4)]
    )
    assert nvc.bernoulli_nll([[0.0]], [[1e4]]) == [1e4]


def test_mixture_of_one_standard_normal_is_the_prior() -> None:
    density = nvc.mixture_log_density([[1.0]], [[0.0]], [7.0], [[0.0]])
    assert density == pytest.approx([-0.5 * math.log(2 * math.pi) - 0.5])


def test_mixture_weighs_its_anchors() -> None:
    # weights 1/4 and 3/4, both anchors at distance 1 with variances 1 and e^2.
    density = nvc.mixture_log_density([[0.0]], [[-1.0], [1.0]], [0.0, math.log(3)], [[0.0], [2.0]])
    parts = 0.25 * math.exp(-0.5) + 0.75 * math.exp(-1 - 0.5 * math.exp(-2.0))
    assert density == pytest.approx([math.log(parts / math.sqrt(2 * math.pi))])


def test_one_sample_kl_vanishes_where_the_posterior_is_the_mixture() -> None:
    kl = nvc.mixture_kl_one_sample(
        [[0.7]], [[2.0]], [[0.3]], [[2.0], [2.0]], [0.0, 1.0], [[0.3]] * 2
    )
    assert kl == pytest.approx([0.0], abs=1e-12)


def test_one_sample_kl_averages_to_the_closed_form() -> None:
    # Two-point Gauss-Hermite nodes mean +- sd integrate the quadratic log ratio exactly.
    mean, logvar = [[1.5]], [[math.log(0.25)]]
    nodes = [[[2.0]], [[1.0]]]
    samples = [
        nvc.mixture_kl_one_sample(z, mean, logvar, [[0.0]], [0.0], [[0.0]])[0] for z in nodes
    ]
    assert sum(samples) / 2 == pytest.approx(nvc.kl_standard_normal(mean, logvar)[0])


def test_released_losses_on_three_points() -> None:
    z, labels, anchors = [[0.0], [1.0], [3.0]], [0, 0, 1], [[0.0], [4.0]]
    assert nvc.released_0d(z, anchors) == pytest.approx(2 / 3)
    assert nvc.released_1d(z, anchors) == pytest.approx(2 / 3)
    assert nvc.released_1d(z, anchors, [1, 0, 1]) == pytest.approx(18 / 3)
    assert nvc.released_2d(z, labels) == pytest.approx(2 / 9)
    # six entries of the mask: (0,0,2), (0,1,2), (1,0,2), (1,1,2), (2,2,0), (2,2,1)
    assert nvc.released_3d(z, labels, 0.5) == pytest.approx((1 / 9.5 + 1 / 4.5) / 6)


def test_anchor_probabilities_sum_to_one_and_follow_the_temperature() -> None:
    z = [[0.0, 0.0], [1.0, 9.0], [500.0, 0.0]]
    rows = nvc.anchor_probabilities(z, APART_2, 0.5)
    assert [sum(row) for row in rows] == pytest.approx([1.0] * 3)
    assert rows[0][1] == pytest.approx(1 / (1 + math.exp(4.0)))
    assert rows[1] == pytest.approx([0.5, 0.5])
    assert nvc.anchor_probabilities(z, APART_2, 2.0)[0][1] == pytest.approx(1 / (1 + math.e))


def test_gradient_of_a_cubic_and_of_the_euclidean_loss() -> None:
    cubic = nvc.gradient(lambda v: v[0][0] ** 3 * v[1][0], [[2.0], [5.0]])
    assert cubic == [pytest.approx([60.0]), pytest.approx([8.0])]
    pull = nvc.gradient(lambda z: nvc.euclidean_loss(z, APART_2), [[0.5, 0.0], [2.0, 3.0]])
    assert pull == [pytest.approx([0.5, 0.0]), pytest.approx([0.0, 3.0])]
