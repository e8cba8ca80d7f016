"""Accuracy of a linear support vector machine on frozen features: the field's usual probe.

Papers differ in the strength C (1, 0.01, the best on the test set, or unsaid) and so do their
figures. Here C is the one of five that does best in cross-validation on the training features, and
nothing of the test features but their number is known before. They are tried from the smallest up
until two in a row were worse than the best: the largest would take most of the time.
"""

import warnings
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from nebulatent.evaluation.measures import Measure, require_finite
from nebulatent.evaluation.probes import MAX_TRAIN, SEED, obstacle

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
FOLDS = 5
ITERATIONS = 200  # up to C = 1 Newton's method needs about 10 to 160
PATIENCE = 2  # strengths in a row that are worse than the best before the stronger are left out


class Probed(NamedTuple):
    """What a probe found.

    Arguments:
        accuracy: Share of the test samples that are classified rightly.
        class_mean: The same within each class of the test samples, averaged over the classes.
        strength: C.
        validated: Accuracy in cross-validation on the training samples.
        trained: Training samples used.
    """

    accuracy: float
    class_mean: float
    strength: float
    validated: float
    trained: int


class Machine(NamedTuple):
    """A linear SVM and how it was chosen.

    Arguments:
        pipeline: The standardisation and the machine.
        strength: C.
        validated: Accuracy in cross-validation on the training samples.
        trained: Training samples used.
    """

    pipeline: Pipeline
    strength: float
    validated: float
    trained: int

    def classify(self, features: Float[np.ndarray, "codes features"]) -> Int[np.ndarray, " codes"]:
        """The class of each sample."""
        return self.pipeline.predict(features.astype(np.float64))


def svm_accuracy(
    train: Float[np.ndarray, "train features"],
    train_label: Integer[np.ndarray, " train"],
    test: Float[np.ndarray, "test features"],
    test_label: Integer[np.ndarray, " test"],
) -> Probed:
    """Train a linear SVM on features and test it on others.

    Features are standardised by the training ones. C is chosen from 0.001, 0.01, 0.1, 1, 10 by
    cross-validation in five parts with the classes' shares; of equally good ones the smallest, and
    none is tried after two in a row that were worse. Of more than 20 000 training features so many
    are drawn.

    Raises:
        ValueError: If features are missing or not finite, or the training labels cannot be learned.
    """
    for features in (train, test):
        require_finite("features", features)
    if reason := obstacle(train_label):
        raise ValueError(reason)
    machine = train_svm(train, train_label)
    right = machine.classify(test) == test_label
    by_class = [right[test_label == one].mean() for one in np.unique(test_label)]
    return Probed(
        float(right.mean()),
        float(np.mean(by_class)),
        machine.strength,
        machine.validated,
        machine.trained,
    )


def train_svm(
    train: Float[np.ndarray, "train features"], train_label: Integer[np.ndarray, " train"]
) -> Machine:
    """Train a linear SVM as `svm_accuracy` does, to test it on several sets.

    Our reading: with a single label of each class nothing can be held out, so all strengths are
        equally good and C is the smallest.

    Raises:
        ValueError: If features are missing or not finite, or there is only one class.
    """
    require_finite("features", train)
    rows = np.random.default_rng(SEED).permutation(len(train))[:MAX_TRAIN]
    features, label = train[rows].astype(np.float64), train_label[rows]
    if len(np.unique(label)) < 2:
        raise ValueError("`label` must have at least two classes, got one.")
    strength, score = _best(features, label)
    return Machine(_fitted(features, label, strength), strength, score, len(rows))


def svm_measures(probed: Probed) -> list[Measure]:
    """What a probe found, for tables."""
    text = (
        f"Share of test samples that a linear SVM on the standardised features of {probed.trained} "
        f"training samples gets right; C = {probed.strength:g} was best of "
        f"{', '.join(f'{strength:g}' for strength in STRENGTHS)} in {FOLDS}-fold cross-validation "
        "on the training samples, tried upwards until two in a row were worse."
    )
    mean = "The same within each class, averaged over the classes."
    held = "Accuracy in that cross-validation: training samples only."
    return [
        Measure("linear SVM", probed.accuracy, "higher", "", text, True),
        Measure("linear SVM, class mean", probed.class_mean, "higher", "", mean, True),
        Measure("linear SVM, cross-validation", probed.validated, "higher", "", held, True),
        Measure("C", probed.strength, "neither", "", "Strength that was chosen.", True),
    ]


def _best(
    features: Float[np.ndarray, "codes features"], label: Integer[np.ndarray, " codes"]
) -> tuple[float, float]:
    """The strength that does best in cross-validation, and its accuracy there."""
    best, worse = (STRENGTHS[0], -1.0), 0
    for strength in STRENGTHS:
        score = _validated(features, label, strength)
        worse = worse + 1 if score < best[1] else 0
        if score > best[1]:
            best = strength, score
        if worse == PATIENCE:
            break
    return best


def _validated(
    features: Float[np.ndarray, "codes features"],
    label: Integer[np.ndarray, " codes"],
    strength: float,
) -> float:
    fold = fold_numbers(label, FOLDS)
    right = 0
    for number in range(FOLDS):
        held = fold == number
        if held.any() and len(np.unique(label[~held])) > 1:
            machine = _fitted(features[~held], label[~held], strength)
            right += int((machine.predict(features[held]) == label[held]).sum())
    return right / len(label)


def fold_numbers(label: Integer[np.ndarray, " codes"], folds: int) -> Int[np.ndarray, " codes"]:
    """A fold for each sample: the members of a class go to all folds in turn.

    Examples:
        >>> fold_numbers(np.array([0, 0, 1, 0, 1]), 2)
        array([0, 1, 0, 0, 1])
    """
    order = np.argsort(label, kind="stable")
    first = np.searchsorted(label[order], label[order])
    fold = np.empty(len(label), dtype=np.int64)
    fold[order] = (np.arange(len(label)) - first) % folds
    return fold


def _fitted(
    features: Float[np.ndarray, "codes features"],
    label: Integer[np.ndarray, " codes"],
    strength: float,
) -> Pipeline:
    # The primal for more samples than features, which is exact and draws nothing.
    machine = LinearSVC(C=strength, dual="auto", max_iter=ITERATIONS, random_state=SEED)
    with warnings.catch_warnings():
        # A machine that stops early is still a linear classifier, chosen on training samples.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), machine).fit(features, label)
