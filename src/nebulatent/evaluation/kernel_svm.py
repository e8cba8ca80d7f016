r"""Accuracy of a support vector machine with a Gaussian kernel on frozen codes.

.. math:: k(z, z') = \exp(-\gamma \lVert z - z' \rVert^2)

Papers fix :math:`\gamma` for codes of their own scale; on codes of another scale the same figure
means a kernel that sees all codes as one, or none as alike. So two probes stand side by side: one
with the paper's numbers, one whose :math:`\gamma`, in units of :math:`\gamma_0 = 1 / (d \cdot
\operatorname{Var} z)`, and strength C do best in cross-validation on the training codes.

Source: Wu et al. 2023 (SwitchVAE), section 4.3: "an SVM with RBF kernel and hyper-parameter
:math:`\gamma = 1/128`" on codes of 128 numbers.
Authors' code: scikit-learn's `SVC` with C = 1, and its default :math:`\gamma`. Our reading: C = 1,
the paper's :math:`\gamma`; codes are taken as they are, not standardised.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.svm import SVC

from nebulatent.evaluation.measures import Measure, require_finite
from nebulatent.evaluation.probes import MAX_TRAIN, SEED, obstacle
from nebulatent.evaluation.svm import FOLDS, fold_numbers

PAPER_GAMMA, PAPER_STRENGTH = 1 / 128, 1.0
GAMMAS = (0.25, 1.0, 4.0)  # in units of gamma_0
STRENGTHS = (1.0, 10.0, 100.0)
MAX_CHOOSING = 4000  # training codes: all their distances are held at once

Codes = Float[np.ndarray, "codes latent"]
Labels = Integer[np.ndarray, " codes"]


class KernelProbed(NamedTuple):
    """What a probe found.

    Arguments:
        accuracy: Share of the test codes that are classified rightly.
        class_mean: The same within each class of the test codes, averaged over the classes.
        gamma: Of the kernel.
        strength: C.
        trained: Training codes used.
    """

    accuracy: float
    class_mean: float
    gamma: float
    strength: float
    trained: int


def kernel_accuracy(
    train: Float[np.ndarray, "train latent"],
    train_label: Integer[np.ndarray, " train"],
    test: Float[np.ndarray, "test latent"],
    test_label: Integer[np.ndarray, " test"],
    *,
    gamma: float = PAPER_GAMMA,
    strength: float = PAPER_STRENGTH,
) -> KernelProbed:
    """Train a machine with a Gaussian kernel on codes and test it on others.

    Of more than 20 000 training codes so many are drawn.

    Raises:
        ValueError: If codes are missing or not finite, the training labels cannot be learned, or
            `gamma` or `strength` is not positive.
    """
    for codes in (train, test):
        require_finite("codes", codes)
    for name, value in (("gamma", gamma), ("strength", strength)):
        if not 0 < value < np.inf:
            raise ValueError(f"`{name}` must be positive and finite, got {value}.")
    codes, label = _drawn(train, train_label, MAX_TRAIN)
    machine = SVC(gamma=gamma, C=strength)  # pyright: ignore[reportArgumentType]
    machine.fit(codes, label)
    right = machine.predict(test.astype(np.float64)) == test_label
    by_class = [right[test_label == one].mean() for one in np.unique(test_label)]
    return KernelProbed(float(right.mean()), float(np.mean(by_class)), gamma, strength, len(codes))


def chosen_kernel(
    train: Float[np.ndarray, "train latent"], train_label: Integer[np.ndarray, " train"]
) -> tuple[float, float]:
    """Gamma and C of the machine that does best in cross-validation on training codes.

    Of 1/4, 1 and 4 times 1 / (d · variance of all numbers), and of 1, 10 and 100; five parts with
    the classes' shares; of equally good ones the smallest C, then the smallest gamma. Of more than
    4 000 codes so many are drawn.

    Raises:
        ValueError: If codes are missing or not finite, or the labels cannot be learned.
    """
    require_finite("codes", train)
    codes, label = _drawn(train, train_label, MAX_CHOOSING)
    unit = 1 / (codes.shape[1] * (float(codes.var()) or 1.0))
    squared, fold = euclidean_distances(codes, squared=True), fold_numbers(label, FOLDS)
    best, chosen = -1, (unit, STRENGTHS[0])
    for strength in STRENGTHS:
        for share in GAMMAS:
            right = _validated(np.exp(-share * unit * squared), label, fold, strength)
            if right > best:
                best, chosen = right, (share * unit, strength)
    return chosen


def kernel_measures(
    train: Float[np.ndarray, "train latent"],
    train_label: Integer[np.ndarray, " train"],
    test: Float[np.ndarray, "test latent"],
    test_label: Integer[np.ndarray, " test"],
) -> list[Measure]:
    """Both probes, for tables.

    Raises:
        ValueError: As for `kernel_accuracy`.
    """
    sets = (train, train_label, test, test_label)
    paper = kernel_accuracy(*sets)
    gamma, strength = chosen_kernel(train, train_label)
    own = kernel_accuracy(*sets, gamma=gamma, strength=strength)
    what = f"Share of test codes that an SVM with a Gaussian kernel on {own.trained} training codes"
    told = f"{what} gets right; gamma = 1/128 and C = 1, as in the paper (SwitchVAE)."
    text = (
        f"{what} gets right; C and gamma by {FOLDS}-fold cross-validation on training codes: C of "
        f"{', '.join(f'{c:g}' for c in STRENGTHS)}, gamma of "
        f"{', '.join(f'{share:g}' for share in GAMMAS)} over (dimensions · variance)."
    )
    mean = "The same within each class, averaged over the classes."
    return [
        Measure("RBF SVM, 1/128", paper.accuracy, "higher", "", told, True),
        Measure("RBF SVM", own.accuracy, "higher", "", text, True),
        Measure("RBF SVM, class mean", own.class_mean, "higher", "", mean, True),
        Measure("RBF SVM, C", strength, "neither", "", "Strength that was chosen.", True),
        Measure("RBF SVM, gamma", gamma, "neither", "", "Gamma that was chosen.", True),
    ]


def _drawn(train: Codes, label: Labels, largest: int) -> tuple[Codes, Labels]:
    rows = np.sort(np.random.default_rng(SEED).permutation(len(train))[:largest])
    if reason := obstacle(label[rows]):
        raise ValueError(reason)
    return train[rows].astype(np.float64), label[rows]


def _validated(
    kernel: Float[np.ndarray, "codes codes"],
    label: Labels,
    fold: Integer[np.ndarray, " codes"],
    strength: float,
) -> int:
    """Codes that a machine trained without their part gets right."""
    right = 0
    for number in range(FOLDS):
        held = np.flatnonzero(fold == number)
        kept = np.flatnonzero(fold != number)
        if len(held) and len(np.unique(label[kept])) > 1:
            machine = SVC(kernel="precomputed", C=strength)
            machine.fit(kernel[np.ix_(kept, kept)], label[kept])
            right += int((machine.predict(kernel[np.ix_(held, kept)]) == label[held]).sum())
    return right
