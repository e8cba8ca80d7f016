"""Probes against searches by hand, and what they say when they cannot be trained."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from nebulatent.evaluation.probes import (
    knn_accuracy,
    leave_one_out_accuracy,
    linear_accuracy,
    obstacle,
    probe_measures,
    single_set_measures,
)


def blobs(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping clouds, sorted by class as files often are."""
    rng = np.random.default_rng(seed)
    label = np.sort(np.arange(count) % 3)
    return rng.normal(size=(count, 2)) + 1.5 * np.eye(3)[label, :2], label


def vote(near: list[int]) -> int:
    return min(set(near), key=lambda c: (-near.count(c), c))


def slow_knn(train: np.ndarray, label: np.ndarray, query: np.ndarray, k: int) -> int:
    order = sorted(range(len(train)), key=lambda n: sum((train[n] - query) ** 2))
    return vote([int(label[n]) for n in order[:k]])


@pytest.mark.parametrize("k", [1, 4, 5])
def test_knn_is_the_vote_of_the_nearest_training_codes(k: int) -> None:
    train, train_label = blobs(0)
    test, test_label = blobs(1, 30)
    right = [slow_knn(train, train_label, q, k) == c for q, c in zip(test, test_label, strict=True)]
    value = knn_accuracy(train, train_label, test, test_label, k=k)
    assert value == pytest.approx(sum(right) / 30)


@pytest.mark.parametrize("k", [1, 4, 5])
def test_leave_one_out_never_counts_a_code_as_its_own_neighbour(k: int) -> None:
    codes, label = blobs(0)
    right = 0
    for n in range(len(codes)):
        rest = np.arange(len(codes)) != n
        right += slow_knn(codes[rest], label[rest], codes[n], k) == label[n]
    assert leave_one_out_accuracy(codes, label, k=k) == pytest.approx(right / len(codes))


def test_leave_one_out_on_equal_codes_still_leaves_one_out() -> None:
    codes, label = np.zeros((12, 2)), np.array([0] * 11 + [1])
    assert leave_one_out_accuracy(codes, label) == pytest.approx(11 / 12)


def test_cutting_a_sorted_set_keeps_every_class() -> None:
    train, train_label = blobs(0, 600)
    test, test_label = blobs(1, 600)
    whole = knn_accuracy(train, train_label, test, test_label)
    cut = knn_accuracy(train, train_label, test, test_label, max_train=200, max_test=200)
    assert cut == pytest.approx(whole, abs=0.1)  # the first 200 are one class: a third at best
    alone = leave_one_out_accuracy(train, train_label, max_codes=200, max_test=100)
    assert alone == pytest.approx(whole, abs=0.1)
    linear = linear_accuracy(train, train_label, test, test_label, max_train=200)
    assert linear == pytest.approx(whole, abs=0.1)


def test_linear_probe_solves_what_a_plane_separates_at_any_scale() -> None:
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 3)) * [1e-3, 1.0, 1e3] + [5.0, 0.0, 0.0]
    label = (codes[:, 0] > 5).astype(np.int64) + 3
    half = slice(0, 200), slice(200, None)
    value = linear_accuracy(codes[half[0]], label[half[0]], codes[half[1]], label[half[1]])
    assert value > 0.95


def test_linear_probe_cannot_solve_exclusive_or_and_knn_can() -> None:
    rng = np.random.default_rng(0)
    codes = rng.uniform(-1, 1, size=(600, 2)).astype(np.float32)
    label = (codes.prod(1) > 0).astype(np.int64)
    sets = codes[:400], label[:400], codes[400:], label[400:]
    assert linear_accuracy(*sets) < 0.65
    assert knn_accuracy(*sets) > 0.9


def test_a_class_of_one_code_is_never_held_out() -> None:
    codes, label = blobs(0, 30)[0], np.zeros(30, dtype=np.int64)
    label[7] = 9  # without it the regression would see one class, and refuse
    assert linear_accuracy(codes, label, codes, label) >= 29 / 30


def test_linear_probe_takes_the_strength_that_does_best_on_every_fifth_training_code() -> None:
    rng = np.random.default_rng(3)
    codes, label = rng.normal(size=(160, 30)), np.arange(160) % 2
    codes[:, 0] += 1.5 * label
    train, test = slice(0, 60), slice(60, None)
    codes = (codes - codes[train].mean(0)) / codes[train].std(0)
    held = np.arange(60) // 2 % 5 == 4
    found: dict[float, tuple[float, float]] = {}
    for strength in (0.01, 0.1, 1.0, 10.0):
        inner, outer = codes[:60][~held], codes[:60][held]
        inner_mean, inner_std = inner.mean(0), inner.std(0)
        chosen = LogisticRegression(C=strength).fit(
            (inner - inner_mean) / inner_std, label[:60][~held]
        )
        whole = LogisticRegression(C=strength).fit(codes[train], label[train])
        found[strength] = (
            chosen.score((outer - inner_mean) / inner_std, label[:60][held]),
            whole.score(codes[test], label[test]),
        )
    best = max(found, key=lambda strength: (found[strength][0], -strength))
    assert len({test_score for _, test_score in found.values()}) > 1
    value = linear_accuracy(codes[train], label[train], codes[test], label[test])
    assert value == pytest.approx(found[best][1])


def test_constant_codes_are_right_as_often_as_the_commonest_class() -> None:
    codes, label = np.zeros((12, 2)), np.array([0] * 8 + [1] * 4)
    names = {m.name: m.value for m in probe_measures(codes, label, codes, label)}
    assert names["linear"] == pytest.approx(8 / 12)


def test_measures_say_which_sets_they_used() -> None:
    train, test = blobs(0), blobs(1, 30)
    measures = probe_measures(*train, *test)
    assert [m.name for m in measures] == ["k-NN", "linear"]
    assert all(m.uses_labels and m.better == "higher" for m in measures)
    assert "60 training codes" in measures[0].convention
    (alone,) = single_set_measures(*train)
    assert alone.name == "k-NN (leave-one-out)" and "same set" in alone.convention


@pytest.mark.parametrize(
    ("label", "needed", "message"),
    [
        ([0, 1, 0], 5, "`label` must be of at least 5 codes for this probe, got 3; "),
        ([2] * 9, 5, "`label` must have at least two classes, got one; "),
        ([], 2, "`label` must be of at least 2 codes for this probe, got 0; "),
        (list(range(9)), 5, "`label` must repeat to be learned, got 9 classes for 9 codes; "),
    ],
)
def test_why_no_probe_can_be_trained_is_one_sentence(
    label: list[int], needed: int, message: str
) -> None:
    assert obstacle(np.array(label, dtype=np.int64), needed).startswith(message)


def test_functions_refuse_and_lists_leave_out_what_cannot_be_trained() -> None:
    codes, label = np.zeros((9, 2)), np.zeros(9, dtype=np.int64)
    for probe in (knn_accuracy, linear_accuracy):
        with pytest.raises(ValueError, match="at least two classes, got one"):
            probe(codes, label, codes, label)
    with pytest.raises(ValueError, match="at least two classes, got one"):
        leave_one_out_accuracy(codes, label)
    with pytest.raises(ValueError, match="must be of at least 10 codes for this probe, got 9"):
        leave_one_out_accuracy(codes, np.arange(9) % 2, k=9)  # each code has 8 others
    assert probe_measures(codes, label, codes, label) == []
    assert single_set_measures(codes, label) == []
    few, pair = codes[:4], np.array([0, 1, 0, 1])
    assert [m.name for m in probe_measures(few, pair, few, pair)] == ["linear"]


def test_codes_that_are_not_finite_are_refused() -> None:
    codes, label = blobs(0)
    bad = codes.copy()
    bad[5] = np.nan
    for train, test in ((bad, codes), (codes, bad)):
        with pytest.raises(ValueError, match="`codes` must be finite, got NaN or infinity in 1 of"):
            probe_measures(train, label, test, label)
    with pytest.raises(ValueError, match="`codes` must be finite"):
        single_set_measures(bad, label)
