"""Accuracy of a linear support vector machine on frozen features: the field's usual probe.

Papers differ in the strength C (1, 0.01, the best on the test set, or unsaid) and so do their
figures. Here C is the one of five that does best in cross-validation on the training features, and
nothing of the test features but their number is known before. They are tried from the smallest up
until two in a row were worse than the best: the largest would take most of the time.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from nebulatent.evaluation.measures import Measure, require_finite
from nebulatent.evaluation.probes import MAX_TRAIN, SEED, obstacle
from nebulatent.evaluation.squared_hinge import fit_machines, with_offset

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
FOLDS = 5
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
        mean: Of the training features, which is subtracted.
        scale: Their standard deviation, which divides; 1 where it is 0 up to rounding.
        weights: Of each class, on the standardised features and a last one of 1.
        classes: The class of each row of weights.
        strength: C.
        validated: Accuracy in cross-validation on the training samples.
        trained: Training samples used.
    """

    mean: Float[np.ndarray, " features"]
    scale: Float[np.ndarray, " features"]
    weights: Float[np.ndarray, "classes features+1"]
    classes: Int[np.ndarray, " classes"]
    strength: float
    validated: float
    trained: int

    def classify(self, features: Float[np.ndarray, "codes features"]) -> Int[np.ndarray, " codes"]:
        """The class of each sample."""
        scores = _standardised(features, self.mean, self.scale) @ self.weights.T
        return self.classes[scores.argmax(1)]


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
    machine = _fitted(features, label, strength)
    return machine._replace(validated=score)


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
    fold = fold_numbers(label, FOLDS)
    # The machine of each part for the strength before: where the next one begins.
    parts: list[Machine | None] = [None] * FOLDS
    best, worse = (STRENGTHS[0], -1.0), 0
    for strength in STRENGTHS:
        score = _validated(features, label, fold, strength, parts)
        worse = worse + 1 if score < best[1] else 0
        if score > best[1]:
            best = strength, score
        if worse == PATIENCE:
            break
    return best


def _validated(
    features: Float[np.ndarray, "codes features"],
    label: Integer[np.ndarray, " codes"],
    fold: Int[np.ndarray, " codes"],
    strength: float,
    parts: list[Machine | None],
) -> float:
    """Accuracy on each part of a machine trained on the others, which is left in `parts`."""
    right = 0
    for number, before in enumerate(parts):
        held = fold == number
        if held.any() and len(np.unique(label[~held])) > 1:
            machine = _fitted(features[~held], label[~held], strength, before)
            right += int((machine.classify(features[held]) == label[held]).sum())
            parts[number] = machine
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
    before: Machine | None = None,
) -> Machine:
    """A machine of this strength; it is not validated."""
    mean, scale = features.mean(0), features.std(0)
    noise = len(features) * np.finfo(np.float64).eps * np.abs(mean)  # in the sums of a constant
    scale[scale <= noise] = 1.0
    x = _standardised(features, mean, scale)
    weights = fit_machines(x, label, strength, None if before is None else before.weights)
    return Machine(mean, scale, weights, np.unique(label), strength, np.nan, len(label))


def _standardised(
    features: Float[np.ndarray, "codes features"],
    mean: Float[np.ndarray, " features"],
    scale: Float[np.ndarray, " features"],
) -> Float[np.ndarray, "codes features+1"]:
    """Features in units of the training ones, and a last feature of 1."""
    return with_offset((features.astype(np.float64) - mean) / scale)
