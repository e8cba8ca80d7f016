"""Accuracy of the simplest classifiers on frozen codes: what the codes hold of the labels.

The classifier reads labels, the codes never did. Sets are cut to a size that keeps this fast by a
draw with a fixed seed, because files are often sorted by class; smaller sets are used whole.
"""

import warnings

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.stats import mode
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from nebulatent.evaluation.measures import Measure, require_finite

Codes = Float[np.ndarray, "codes latent"]
Labels = Integer[np.ndarray, " codes"]

MAX_TRAIN = 20_000
MAX_TEST = 5_000
SEED = 0
STRENGTHS = (0.01, 0.1, 1.0, 10.0)


def obstacle(label: Integer[np.ndarray, " codes"], needed: int = 2) -> str:
    """Why no classifier can be trained on these labels, as a sentence; empty if one can.

    Arguments:
        label: Labels of the training codes.
        needed: Codes it must have, such as the number of neighbours.

    Examples:
        >>> obstacle(np.array([3, 3, 3]))
        '`label` must have at least two classes, got one; a probe of one class is always right.'
    """
    classes = len(np.unique(label))
    if len(label) < needed:
        return (
            f"`label` must be of at least {needed} codes for this probe, got {len(label)}; add "
            f"codes or ask for fewer neighbours."
        )
    if classes < 2:
        return (
            "`label` must have at least two classes, got one; a probe of one class is always right."
        )
    if 2 * classes > len(label):
        return (
            f"`label` must repeat to be learned, got {classes} classes for {len(label)} codes; "
            f"pass classes, not identifiers."
        )
    return ""


def knn_accuracy(
    train_codes: Float[np.ndarray, "train latent"],
    train_label: Integer[np.ndarray, " train"],
    test_codes: Float[np.ndarray, "test latent"],
    test_label: Integer[np.ndarray, " test"],
    *,
    k: int = 5,
    max_train: int = MAX_TRAIN,
    max_test: int = MAX_TEST,
) -> float:
    """Share of test codes whose class is the most frequent among their k nearest training codes.

    Euclidean distance on the codes as they are; a tie goes to the smallest label.

    Raises:
        ValueError: If codes are missing or not finite, there are fewer than `k` training codes,
            one class only, or more than half as many classes as codes.
    """
    _require_codes(train_codes, test_codes)
    train = _drawn(len(train_codes), max_train)
    test = _drawn(len(test_codes), max_test)
    _require_labels(train_label[train], k)
    classifier = KNeighborsClassifier(k).fit(train_codes[train], train_label[train])
    return float(classifier.score(test_codes[test], test_label[test]))


def leave_one_out_accuracy(
    codes: Float[np.ndarray, "codes latent"],
    label: Integer[np.ndarray, " codes"],
    *,
    k: int = 5,
    max_codes: int = MAX_TRAIN,
    max_test: int = MAX_TEST,
) -> float:
    """k-NN accuracy within one set: each code is judged by its k nearest *other* codes.

    Our reading: this is cross-validation with one fold per code. It needs no choice of folds and
        works for classes with fewer members than folds.

    Raises:
        ValueError: As for `knn_accuracy`, with `k` others needed.
    """
    _require_codes(codes)
    rows = _drawn(len(codes), max_codes)
    codes, label = codes[rows], label[rows]
    _require_labels(label, k + 1)
    # The draw is in file order, and files may be sorted: the codes judged are drawn as well.
    judged = _drawn(len(codes), max_test)
    near = NearestNeighbors(n_neighbors=k + 1).fit(codes)
    near = near.kneighbors(codes[judged], return_distance=False)
    # The code itself is usually the first of its neighbours; equal codes may stand before it.
    is_other = near != judged[:, None]
    others = np.take_along_axis(near, np.argsort(~is_other, axis=1, kind="stable")[:, :k], 1)
    return float((mode(label[others], axis=1).mode == label[judged]).mean())


def linear_accuracy(
    train_codes: Float[np.ndarray, "train latent"],
    train_label: Integer[np.ndarray, " train"],
    test_codes: Float[np.ndarray, "test latent"],
    test_label: Integer[np.ndarray, " test"],
    *,
    max_train: int = MAX_TRAIN,
) -> float:
    """Share of test codes that a logistic regression on the training codes classifies rightly.

    Codes are standardised by the training codes. The strength of regularisation is the one of
    0.01, 0.1, 1, 10 that does best on every fifth training code of each class, then all training
    codes are used.

    Raises:
        ValueError: As for `knn_accuracy`.
    """
    _require_codes(train_codes, test_codes)
    train = _drawn(len(train_codes), max_train)
    codes, label = train_codes[train].astype(np.float64), train_label[train]
    _require_labels(label)
    probe = _fit_linear(codes, label, _best_strength(codes, label))
    return float(probe.score(test_codes, test_label))


def _fit_linear(codes: Codes, label: Labels, strength: float) -> Pipeline:
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
    with warnings.catch_warnings():
        # A fit that stops early is still a linear classifier, chosen on training codes.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return probe.fit(codes, label)


def _best_strength(codes: Codes, label: Labels) -> float:
    held = _every_fifth(label)
    if not held.any():
        return 1.0
    scores = {
        strength: _fit_linear(codes[~held], label[~held], strength).score(codes[held], label[held])
        for strength in STRENGTHS
    }
    return max(scores, key=lambda strength: scores[strength])


def _every_fifth(label: Labels) -> Bool[np.ndarray, " codes"]:
    """Every fifth member of each class, so that no class is held out whole."""
    order = np.argsort(label, kind="stable")
    first = np.searchsorted(label[order], label[order])
    held = np.empty(len(label), dtype=bool)
    held[order] = (np.arange(len(label)) - first) % 5 == 4
    return held


def _drawn(count: int, largest: int) -> Integer[np.ndarray, " rows"]:
    """Row numbers in order: all, or `largest` of them drawn with a fixed seed."""
    if count <= largest:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).permutation(count)[:largest])


def _require_codes(*sets: Float[np.ndarray, "_ latent"]) -> None:
    for codes in sets:
        require_finite("codes", codes)


def _require_labels(label: Labels, needed: int = 2) -> None:
    reason = obstacle(label, needed)
    if reason:
        raise ValueError(reason)


def probe_measures(
    train_codes: Float[np.ndarray, "train latent"],
    train_label: Integer[np.ndarray, " train"],
    test_codes: Float[np.ndarray, "test latent"],
    test_label: Integer[np.ndarray, " test"],
    *,
    k: int = 5,
    linear: bool = True,
) -> list[Measure]:
    """k-NN and linear accuracy from training to test codes.

    The linear probe takes most of a minute on raw images and can be left out. A probe that cannot
    be trained is left out; `obstacle(train_label, k)` says why.

    Raises:
        ValueError: If codes are missing or not finite.
    """
    _require_codes(train_codes, test_codes)
    sets = (train_codes, train_label, test_codes, test_label)
    train = min(len(train_codes), MAX_TRAIN)
    knn_text = (
        f"Share of {min(len(test_codes), MAX_TEST)} test codes whose class is the most frequent "
        f"among the {k} nearest of {train} training codes (Euclidean)."
    )
    linear_text = (
        f"Share of test codes that a logistic regression on {train} training codes gets right, "
        f"its regularisation chosen on training codes."
    )
    measures = []
    if not obstacle(train_label, k):
        value = knn_accuracy(*sets, k=k)
        measures.append(Measure("k-NN", value, "higher", "", knn_text, True))
    if linear and not obstacle(train_label):
        value = linear_accuracy(*sets)
        measures.append(Measure("linear", value, "higher", "", linear_text, True))
    return measures


def single_set_measures(
    codes: Float[np.ndarray, "codes latent"], label: Integer[np.ndarray, " codes"], *, k: int = 5
) -> list[Measure]:
    """k-NN accuracy where there is no separate training set; left out where impossible.

    Raises:
        ValueError: If codes are missing or not finite.
    """
    _require_codes(codes)
    if obstacle(label, k + 1):
        return []
    convention = (
        f"Share of codes whose class is the most frequent among their {k} nearest other codes of "
        f"the same set (leave-one-out, Euclidean)."
    )
    value = leave_one_out_accuracy(codes, label, k=k)
    return [Measure("k-NN (leave-one-out)", value, "higher", "", convention, True)]
