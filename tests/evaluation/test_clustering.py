"""Clustering measures against searches by hand."""

import math
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from nebulatent.evaluation.clustering import (
    Clustered,
    anchors_in_use,
    clustering_measures,
    majority_accuracy,
    matched_accuracy,
    nearest_sample_accuracy,
    perplexity,
)

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=30)


def ints(values: object) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def split(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return ints([a for a, _ in pairs]), ints([c for _, c in pairs])


def best_matching(pairs: list[tuple[int, int]]) -> float:
    """Try every way to give 6 clusters a class of 5, or one of 6 that nobody has."""
    ways = permutations(range(6))
    return max(sum(way[a] == c for a, c in pairs) for way in ways) / len(pairs)


@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_matched_accuracy_is_the_best_of_all_matchings(pairs: list[tuple[int, int]]) -> None:
    assert matched_accuracy(*split(pairs)) == pytest.approx(best_matching(pairs), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_majority_accuracy_counts_each_clusters_commonest_class(
    pairs: list[tuple[int, int]],
) -> None:
    groups = {a: Counter(c for b, c in pairs if b == a) for a, _ in pairs}
    right = sum(max(group.values()) for group in groups.values())
    assert majority_accuracy(*split(pairs)) == pytest.approx(right / len(pairs), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(PAIRS, PAIRS)
def test_majority_classes_may_come_from_other_samples(
    train: list[tuple[int, int]], test: list[tuple[int, int]]
) -> None:
    right = 0
    for cluster, label in test:
        counts = Counter(c for a, c in train if a == cluster)
        named = [c for c, n in counts.items() if n == max(counts.values())]
        right += bool(named) and min(named) == label  # a tie goes to the smallest class
    fit_assign, fit_label = split(train)
    value = majority_accuracy(*split(test), fit_assign=fit_assign, fit_label=fit_label)
    assert value == pytest.approx(right / len(test), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.permutations(range(6)))
def test_names_of_clusters_do_not_matter(pairs: list[tuple[int, int]], names: list[int]) -> None:
    assign, label = split(pairs)
    renamed = ints(names)[assign] * 10**12 - 7
    assert matched_accuracy(renamed, label * 10**12) == matched_accuracy(assign, label)
    assert majority_accuracy(renamed, label - 3) == majority_accuracy(assign, label)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_one_to_one_never_beats_many_to_one(pairs: list[tuple[int, int]]) -> None:
    assert matched_accuracy(*split(pairs)) <= majority_accuracy(*split(pairs)) + 1e-12


def test_each_sample_its_own_cluster_matches_one_sample_per_class() -> None:
    assign, label = np.arange(5000), np.arange(5000) % 7
    assert matched_accuracy(assign, label) == pytest.approx(7 / 5000)
    assert majority_accuracy(assign, label) == 1


def test_as_many_clusters_and_classes_as_samples_need_no_square_table() -> None:
    labels = np.random.default_rng(0).permutation(20_000)  # a dense table would be 3.2 GB
    assert matched_accuracy(np.arange(20_000), labels) == 1


def test_one_cluster_is_worth_its_commonest_class() -> None:
    assign, label = ints([4, 4, 4, 4]), ints([1, 2, 2, 0])
    assert matched_accuracy(assign, label) == majority_accuracy(assign, label) == 0.5


def test_nearest_sample_rule_is_the_loop_over_anchors() -> None:
    rng = np.random.default_rng(0)
    distances, label = rng.random((40, 6)), rng.integers(0, 3, 40)
    other, other_label = rng.random((25, 6)), rng.integers(0, 3, 25)
    for fit, fit_label in ((distances, label), (other, other_label)):
        named = [fit_label[min(range(len(fit)), key=lambda n, i=i: fit[n, i])] for i in range(6)]
        right = 0
        for n in range(40):
            own = min(range(6), key=lambda i: distances[n, i])
            right += named[own] == label[n]
        value = nearest_sample_accuracy(distances, label, fit_distances=fit, fit_label=fit_label)
        assert value == pytest.approx(right / 40)
    assert nearest_sample_accuracy(distances, label) == nearest_sample_accuracy(
        distances, label, fit_distances=distances, fit_label=label
    )


def test_perplexity_is_the_number_of_evenly_used_anchors() -> None:
    assert perplexity(ints([0, 0, 3, 3, 5, 5]), 8) == pytest.approx(3)
    shares = [1 / 4, 3 / 4]
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert perplexity(ints([2, 1, 1, 1]), 3) == pytest.approx(expected)


def test_more_anchors_than_samples_leaves_the_rest_unused() -> None:
    assert anchors_in_use(ints([99, 0, 99]), 100) == 2
    assert perplexity(ints([99]), 100) == 1


def test_clusters_named_by_labels_score_one_everywhere() -> None:
    label = ints([0, 0, 1, 1, 2])
    distances = np.abs(label[:, None] - np.arange(3.0))
    train = Clustered(label, label, distances)
    measures = clustering_measures(label, label, 3, distances=distances, train=train)
    scores = {m.name: m.value for m in measures if m.uses_labels}
    assert scores.keys() == {
        *("ACC", "many-to-one", "NMI", "ARI", "nearest sample"),
        *("many-to-one (train)", "nearest sample (train)"),
    }
    assert all(value == pytest.approx(1) for value in scores.values())


def test_nmi_and_ari_are_the_textbook_ones() -> None:
    assign, label = ints([0, 0, 1, 1, 1, 2]), ints([0, 1, 1, 1, 0, 0])
    values = {m.name: m.value for m in clustering_measures(assign, label, 3)}
    joint, a, c = (Counter(zip(assign, label, strict=True)), Counter(assign), Counter(label))
    information = sum(n / 6 * math.log(6 * n / (a[i] * c[j])) for (i, j), n in joint.items())
    halves = [-sum(n / 6 * math.log(n / 6) for n in counts.values()) for counts in (a, c)]
    assert values["NMI"] == pytest.approx(2 * information / sum(halves))
    assert values["ARI"] == pytest.approx(adjusted_rand_score(label, assign))


def test_without_labels_nothing_that_needs_them_is_measured() -> None:
    train = Clustered(ints([0, 1]), ints([0, 1]))
    for reference in (None, train):
        measures = clustering_measures(ints([0, 0, 1]), None, 4, train=reference)
        assert [m.name for m in measures] == ["anchors in use", "perplexity"]
        assert not any(m.uses_labels for m in measures)
    unlabelled = clustering_measures(ints([0]), ints([0]), 1, train=Clustered(ints([0])))
    assert not any("train" in m.name for m in unlabelled)


@pytest.mark.parametrize("label", [[0, 0, 0], [0, 1, 2]])
def test_one_cluster_or_one_class_gives_finite_measures(label: list[int]) -> None:
    measures = clustering_measures(ints([0, 0, 0]), ints(label), 1)
    assert all(math.isfinite(m.value) for m in measures)


def test_bad_clusters_are_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="`assign` must have at least one code, got none"):
        matched_accuracy(ints([]), ints([]))
    with pytest.raises(ValueError, match="must lie between 0 and num_anchors - 1 = 2, got values"):
        anchors_in_use(ints([0, 3]), 3)
    with pytest.raises(ValueError, match="from -1 to 0"):
        perplexity(ints([-1, 0]), 3)
    with pytest.raises(ValueError, match="`fit_assign` and `fit_label` must be given together"):
        majority_accuracy(ints([0]), ints([0]), fit_assign=ints([0]))
    with pytest.raises(ValueError, match="`distances` must be finite"):
        nearest_sample_accuracy(np.array([[np.nan, 1.0]]), ints([0]))
