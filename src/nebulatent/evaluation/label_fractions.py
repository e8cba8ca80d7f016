r"""Accuracy of a linear SVM on frozen features when few of the training samples have labels.

.. math:: n_c(f) = \max\bigl(1, \operatorname{round}(f\, n_c)\bigr) \quad
    \text{labels of a class with } n_c \text{ training samples}

Each draw puts the members of every class in a random order and reads the labels of the first ones,
so that the labels of a small fraction are among those of a larger one. Strengths are chosen on the
labels that are read (:mod:`nebulatent.evaluation.svm`).

Source: Eckart et al., ParAE, CVPR 2021, Sec. 4.3 (20, 50 and 100 % of the labels of ModelNet40).
Our reading: every class keeps at least one label; the paper does not say how many draws it made.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Integer

from nebulatent.evaluation.levels import Curve, Level
from nebulatent.evaluation.measures import require_finite
from nebulatent.evaluation.probes import SEED, obstacle
from nebulatent.evaluation.svm import train_svm

FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
DRAWS = 5


def labelled_rows(
    label: Integer[np.ndarray, " codes"], fraction: float, *, draw: int = 0, seed: int = SEED
) -> Int[np.ndarray, " rows"]:
    """Which samples keep their label: a share of each class, at least one, in ascending order.

    Arguments:
        label: Class of each sample.
        fraction: Share of each class; halves are rounded up.
        draw: Number of the draw; fractions of one draw are nested.
        seed: Fixes all draws.

    Raises:
        ValueError: If `fraction` is not in (0, 1].

    Examples:
        >>> label = np.repeat([0, 1], [100, 3])
        >>> np.bincount(label[labelled_rows(label, 0.1)]).tolist()
        [10, 1]
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"`fraction` must be above 0 and at most 1, got {fraction}.")
    rng = np.random.default_rng(np.random.SeedSequence((seed, draw)))
    rows = []
    for one in np.unique(label):
        members = rng.permutation(np.flatnonzero(label == one))
        rows.append(members[: max(1, int(fraction * len(members) + 0.5))])
    return np.sort(np.concatenate(rows))


def label_fractions(
    train: Float[np.ndarray, "train features"],
    train_label: Integer[np.ndarray, " train"],
    test: Float[np.ndarray, "test features"],
    test_label: Integer[np.ndarray, " test"],
    *,
    fractions: Sequence[float] = FRACTIONS,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Curve:
    """Accuracy on all test samples by the share of the training labels that is read.

    All training samples have been seen by whatever made the features; only their labels are few.

    Arguments:
        train: Features of the training samples.
        train_label: Their classes.
        test: Features of the test samples.
        test_label: Their classes.
        fractions: Shares of the labels.
        draws: How often labels are drawn; all of them are drawn once.
        seed: Fixes the draws.

    Raises:
        ValueError: If features are missing or not finite, the labels cannot be learned, a fraction
            is not in (0, 1], or `draws` is not positive.
    """
    for features in (train, test):
        require_finite("features", features)
    if reason := obstacle(train_label):
        raise ValueError(reason)
    if draws < 1:
        raise ValueError(f"`draws` must be positive, got {draws}.")
    levels = []
    for fraction in fractions:
        values = []
        for draw in range(draws if fraction < 1 else 1):
            rows = labelled_rows(train_label, fraction, draw=draw, seed=seed)
            machine = train_svm(train[rows], train_label[rows])
            values.append(float((machine.classify(test) == test_label).mean()))
        count = len(labelled_rows(train_label, fraction, seed=seed))
        levels.append(Level(fraction, f"{100 * fraction:g} %", tuple(values), str(count)))
    return Curve("labels", "share of the training labels", _convention(draws), tuple(levels))


def _convention(draws: int) -> str:
    return (
        "Share of test samples that a linear SVM gets right when it reads the labels of a share of "
        "each class of the training samples, at least one of each; C chosen by cross-validation "
        f"on those. Mean and standard deviation over {draws} draws of labels; all are drawn once."
    )
