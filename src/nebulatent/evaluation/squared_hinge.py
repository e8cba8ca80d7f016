r"""Linear machines for classes, one against the rest, with a squared hinge loss.

.. math:: \min_w \tfrac12 \lVert w \rVert^2 + C \sum_i \max(0, 1 - y_i\, w \cdot x_i)^2

for each class, :math:`y_i` being 1 in it and -1 elsewhere. A last feature of 1 makes the offset,
which is held small like every weight: the objective of liblinear, and so of scikit-learn's
`LinearSVC`, which takes ten times as long at the sizes of our quick presets
(`benchmarks/probes.py`) and, for a large C, stops before the minimum.

Between samples that enter or leave the margin the loss is a square, so a step of Newton's method is
a ridge regression on the samples inside, solved in the features or in the samples, whichever are
fewer. Steps are halved until the loss falls; when a whole step leaves the same samples inside, the
minimum is found, up to rounding.

Source: Mangasarian: A Finite Newton Method for Classification, 2002; Keerthi, DeCoste: A Modified
Finite Newton Method for Fast Solution of Large Scale Linear SVMs, JMLR 2005.
"""

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.linalg import solve

STEPS = 100  # Newton's method takes 3 to 20
LEAST = 2.0**-30  # share of a step that is tried last

Samples = Float[np.ndarray, "samples features"]
Weights = Float[np.ndarray, "classes features"]
Vector = Float[np.ndarray, " features"]
Signs = Float[np.ndarray, " samples"]


def with_offset(x: Samples) -> Float[np.ndarray, "samples features+1"]:
    """Samples with a last feature of 1.

    Examples:
        >>> with_offset(np.array([[2.0, 3.0]])).tolist()
        [[2.0, 3.0, 1.0]]
    """
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def fit_machines(
    x: Samples, label: Integer[np.ndarray, " samples"], strength: float, start: Weights | None
) -> Weights:
    """Weights of a machine for each class, the classes in increasing order.

    Arguments:
        x: In float64; with a feature of 1 if there is to be an offset.
        label: Class of each sample.
        strength: C.
        start: Where to begin, such as the weights for another C; None begins at 0. The minimum is
            the same.

    Examples:
        >>> x, label = with_offset(np.array([[-2.0], [-1.0], [1.0], [2.0]])), np.array([3, 3, 7, 7])
        >>> (x @ fit_machines(x, label, 1.0, None).T).argmax(1).tolist()
        [0, 0, 1, 1]
    """
    classes = np.unique(label)
    begun = np.zeros((len(classes), x.shape[1])) if start is None else start
    signs = [np.where(label == one, 1.0, -1.0) for one in classes]
    return np.stack([_fit(x, sign, strength, w) for sign, w in zip(signs, begun, strict=True)])


def _fit(x: Samples, sign: Signs, strength: float, w: Vector) -> Vector:
    margin = sign * (x @ w)
    loss, inside = _loss(w, margin, strength), margin < 1
    for _ in range(STEPS):
        step = _ridge(x, sign, inside, strength) - w
        moved, share = sign * (x @ step), 1.0
        while share > LEAST:
            if _loss(w + share * step, margin + share * moved, strength) < loss:
                break
            share /= 2
        if share <= LEAST:  # no lower loss can be told from this one
            break
        w, margin, before = w + share * step, margin + share * moved, inside
        loss, inside = _loss(w, margin, strength), margin < 1
        if share == 1 and np.array_equal(before, inside):
            break
    return w


def _loss(w: Vector, margin: Float[np.ndarray, " samples"], strength: float) -> float:
    short = np.maximum(0.0, 1 - margin)
    return float(w @ w / 2 + strength * (short @ short))


def _ridge(
    x: Samples, sign: Signs, inside: Bool[np.ndarray, " samples"], strength: float
) -> Vector:
    """The minimum if exactly the samples inside counted."""
    some, wanted = x[inside], sign[inside]
    if len(some) == 0:
        return np.zeros(x.shape[1])
    if len(some) < x.shape[1]:
        products = some @ some.T
        products[np.diag_indices(len(some))] += 1 / (2 * strength)
        return some.T @ _solved(products, wanted)
    products = some.T @ some
    products[np.diag_indices(x.shape[1])] += 1 / (2 * strength)
    return _solved(products, some.T @ wanted)


def _solved(products: Float[np.ndarray, "n n"], y: Float[np.ndarray, " n"]) -> np.ndarray:
    """products⁻¹ y; of the products only the lower triangle is read, and overwritten."""
    return solve(products, y, assume_a="pos", lower=True, overwrite_a=True, check_finite=False)
