"""D2: a histogram that knows neither place, nor size, nor pose."""

import numpy as np

from nebulatent.evaluation.descriptors import BINS, REACH, d2_distribution


def cloud(seed: int, count: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, count, 3)).astype(np.float32)


def test_it_is_a_share_of_pairs_in_each_range_of_distance() -> None:
    x = cloud(0, 40)
    found = d2_distribution(x)[0]
    offsets = x[0][:, None] - x[0][None]
    distance = np.linalg.norm(offsets, axis=2)[~np.eye(40, dtype=bool)]
    expected = np.histogram(distance / distance.mean(), BINS, (0, REACH))[0] / len(distance)
    assert np.isclose(found.sum(), 1)
    # All pairs against 2^15 draws of them: a binomial error of at most 0.0014 a bin.
    assert np.abs(found - expected).max() < 0.015
    assert np.abs(np.cumsum(found - expected)).max() < 0.02


def test_place_size_and_pose_do_not_matter() -> None:
    x = cloud(1)
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    moved = (3.0 * x @ turn + 5.0).astype(np.float32)
    assert np.abs(d2_distribution(x) - d2_distribution(moved)).max() < 2e-3


def test_shapes_differ_and_rows_are_described_alone() -> None:
    line = np.linspace(0, 1, 200)[:, None] * np.ones((1, 3))
    both = np.concatenate([cloud(3), line[None].astype(np.float32)])
    found = d2_distribution(both)
    assert np.array_equal(found[:1], d2_distribution(both[:1]))
    assert np.abs(found[0] - found[1]).sum() > 0.3


def test_a_repeated_point_has_no_distances_and_no_nan() -> None:
    found = d2_distribution(np.zeros((1, 5, 3), np.float32))
    assert found[0, 0] == 1
    assert np.isfinite(d2_distribution(np.zeros((1, 1, 3), np.float32))).all()
