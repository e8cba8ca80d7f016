r"""How far apart true classes lie in a code space: what a t-SNE picture shows, as numbers.

With :math:`a_i` the mean distance of code i from the other codes of its class, :math:`b_i` that
from the codes of the nearest other class, and :math:`\bar d` the mean distance of any two codes,

.. math::
    \text{silhouette} = \operatorname*{mean}_i \frac{b_i - a_i}{\max(a_i, b_i)} \qquad
    \text{own class} = \operatorname*{mean}_i a_i / \bar d \qquad
    \text{next class} = \operatorname*{mean}_i b_i / \bar d

and purity the share of the k nearest other codes that are of a code's own class. Distances are
Euclidean, on the codes as they are. A code that is alone in its class has silhouette 0 and no
:math:`a_i`; codes that are all equal have silhouette 0 and are as far from their own class as from
any.

Source: Rousseeuw, Silhouettes, 1987 (silhouette).
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from scipy.spatial.distance import cdist

from nebulatent.evaluation.measures import Better, Measure, require_finite
from nebulatent.ops.neighbours import nearest_rows

NEIGHBOURS = 10
MAX_CODES = 5_000  # a table of all distances: 200 MB
SEED = 0

Codes = Float[np.ndarray, "codes latent"]
Labels = Integer[np.ndarray, " labels"]


class Gaps(NamedTuple):
    """Mean distances of each code.

    Arguments:
        own: From the other codes of its class; NaN if there is none.
        next: From the codes of the nearest other class.
        any: Of any two codes.
    """

    own: Float[np.ndarray, " codes"]
    next: Float[np.ndarray, " codes"]
    any: float

    @property
    def silhouette(self) -> Float[np.ndarray, " codes"]:
        """Of each code, in -1..1."""
        larger = np.fmax(self.own, self.next)
        found = np.divide(self.next - self.own, larger, out=np.zeros_like(larger), where=larger > 0)
        return np.nan_to_num(found)


def class_gaps(codes: Codes, label: Labels) -> Gaps:
    """Mean distances of each code from its own class and from the nearest other one.

    Raises:
        ValueError: If codes are missing or not finite, or are of one class only.

    Examples:
        >>> gaps = class_gaps(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1]))
        >>> gaps.own.tolist(), gaps.next.tolist(), gaps.silhouette.round(2).tolist()
        ([1.0, 1.0, 1.0, 1.0], [4.5, 3.5, 3.5, 4.5], [0.78, 0.71, 0.71, 0.78])
    """
    _check(codes, label)
    z, (names, place) = codes.astype(np.float64), np.unique(label, return_inverse=True)
    table = cdist(z, z)
    members = np.bincount(place)
    sums = table @ np.eye(len(names))[place]  # of each code's distances to each class
    rows = np.arange(len(z))
    others = members[place] - 1
    own = np.divide(sums[rows, place], others, out=np.full(len(z), np.nan), where=others > 0)
    means = sums / members
    means[rows, place] = np.inf
    return Gaps(own, means.min(1), float(table.sum() / (len(z) * (len(z) - 1))))


def neighbour_purity(codes: Codes, label: Labels, k: int = NEIGHBOURS) -> float:
    """Share of the k nearest other codes that are of a code's own class, mean over codes.

    Raises:
        ValueError: If codes are missing or not finite, are of one class only, or there are not k
            other codes.
    """
    _check(codes, label)
    near = nearest_rows(torch.from_numpy(codes.astype(np.float64)), k).numpy()
    return float((label[near] == label[:, None]).mean())


def class_gap_measures(codes: Codes, label: Labels) -> list[Measure]:
    """Silhouette, purity of neighbours and distances of classes.

    Of more than 5 000 codes, so many are drawn with a fixed seed; of fewer than eleven, all other
    codes are neighbours.

    Raises:
        ValueError: As for `class_gaps`.
    """
    rows = _drawn(len(codes))
    codes, label = codes[rows], label[rows]
    gaps, k = class_gaps(codes, label), min(NEIGHBOURS, len(codes) - 1)
    scale = gaps.any or 1.0
    own, other = gaps.own[~np.isnan(gaps.own)], gaps.next
    on = f"{len(codes)} codes, Euclidean"
    near = f"Share of the {k} nearest other codes of the same class; {on}."
    shares: list[tuple[str, float, Better, str]] = [
        ("own class", float(own.mean()) if len(own) else 0.0, "lower", "other codes of its class"),
        ("next class", float(other.mean()), "higher", "those of the nearest other class"),
    ]
    return [
        Measure(
            "silhouette", float(gaps.silhouette.mean()), "higher", "",
            f"Silhouette of the true classes in the code space, mean over {on}.", True,
        ),
        Measure("k-NN purity", neighbour_purity(codes, label, k), "higher", "", near, True),
        *(
            Measure(
                name, value / scale if gaps.any else 1.0, better, "",
                f"Mean distance of a code from {what}, as a share of that of any two; {on}.", True,
            )
            for name, value, better, what in shares
        ),
    ]  # fmt: skip


def _drawn(count: int) -> Int[np.ndarray, " rows"]:
    if count <= MAX_CODES:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).permutation(count)[:MAX_CODES])


def _check(codes: Codes, label: Labels) -> None:
    require_finite("codes", codes)
    if label.shape != (len(codes),):
        raise ValueError(
            f"`label` must have one class per code ({len(codes)}), got shape {label.shape}."
        )
    if (label == label[0]).all():
        raise ValueError("`label` must have at least two classes, got one.")
