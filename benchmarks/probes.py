"""The linear probe against scikit-learn's `LinearSVC` in the same procedure, as ratios of one run.

    python benchmarks/probes.py --threads 1

Features are drawn from Gaussians of each class and standardised; both train a machine on the rest
of each part for every strength C, as cross-validation does. Ours begins each strength at the
weights of the one before. Told beside: how often both say the same of samples that were held out.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from nebulatent.evaluation.squared_hinge import fit_machines, with_offset
from nebulatent.evaluation.svm import FOLDS, STRENGTHS, fold_numbers

# Samples, features, classes, parts held out: features of clouds in the quick presets, and of the
# full ones, where one part must do.
SIZES = ((3_200, 256, 10, FOLDS), (730, 256, 86, FOLDS), (3_200, 1024, 10, 1))


def drawn(count: int, features: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes whose features are correlated."""
    rng = np.random.default_rng(0)
    label = np.arange(count) % classes
    mixed = rng.normal(size=(features, features)) / features**0.5
    x = (0.3 * rng.normal(size=(classes, features))[label] + rng.normal(size=(count, features))) @ (
        np.diag(np.geomspace(1, 0.1, features)) @ mixed
    )
    return (x - x.mean(0)) / x.std(0), label


def ours(
    x: np.ndarray, label: np.ndarray, held: np.ndarray, start: np.ndarray | None, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and classes of the samples held out."""
    weights = fit_machines(with_offset(x), label, strength, start)
    return weights, np.unique(label)[(with_offset(held) @ weights.T).argmax(1)]


def theirs(x: np.ndarray, label: np.ndarray, held: np.ndarray, strength: float) -> np.ndarray:
    """Classes of the samples held out."""
    machine = LinearSVC(C=strength, dual="auto", max_iter=200, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(machine.fit(x, label).predict(held))


def compare(count: int, features: int, classes: int, parts: int) -> str:
    """A size's ratio, in words."""
    x, label = drawn(count, features, classes)
    fold = fold_numbers(label, FOLDS)
    mine, other, same, told = 0.0, 0.0, 0, 0
    for part in range(parts):
        kept, held, weights = fold != part, x[fold == part], None
        for strength in STRENGTHS:
            begun = time.perf_counter()
            weights, said = ours(x[kept], label[kept], held, weights, strength)
            mine += time.perf_counter() - begun
            begun = time.perf_counter()
            also = theirs(x[kept], label[kept], held, strength)
            other += time.perf_counter() - begun
            same, told = same + int((said == also).sum()), told + len(held)
    return (
        f"{count} samples, {features} features, {classes} classes: LinearSVC takes "
        f"{other / mine:.1f} x our {mine:.1f} s; {same / told:.4f} of the classes are the same."
    )


def main() -> None:
    """Print each size's ratio."""
    parser = argparse.ArgumentParser(description="The linear probe against LinearSVC.")
    parser.add_argument("--threads", type=int, default=1, help="of the matrix products")
    parser.add_argument("--quick", action="store_true", help="the first size alone")
    given = parser.parse_args()
    with threadpool_limits(given.threads):
        for size in SIZES[:1] if given.quick else SIZES:
            print(compare(*size), flush=True)


if __name__ == "__main__":
    main()
