r"""Oracles of Wang et al., TPAMI 2022 (Nebula Variational Coding): slow loops over floats.

Written from the paper (and from ``spec/nvc.md`` section 2 where the paper is silent or diverges),
without looking at the library. A vector is ``list[float]``, a set of vectors ``list[list[float]]``;
what exists once per code comes back as a list with one entry per code.

=====================  =====================================================================
equation               function
=====================  =====================================================================
(2), (14) second term  `bernoulli_nll` (logits), `gaussian_nll`
(4), label rule of 3.1  `nearest`, `masses`
(5)                    `inverse_distance` (literal, clamped, log1p)
(6)-(7)                `nebula_loss`
5.1, "without M_a"     `euclidean_loss`
(13), (14) first term  `kl_standard_normal` (prior N(0, I)), `mixture_kl_one_sample`
prior p(z | A)         `mixture_log_density` (not in the paper; anchors as mixture means)
(15)                   `pair_loss`
(16)                   `triplet_loss`
authors' code          `released_0d`, `released_1d`, `released_2d`, `released_3d`
soft assignment        `anchor_probabilities` (not in the paper)
gradients              `gradient` (central differences)
=====================  =====================================================================

Eq. (17) is the plain sum of these terms.
"""

import math
from collections.abc import Callable
from typing import Literal

Vector = list[float]
Vectors = list[list[float]]
Force = Literal["literal", "clamped", "log1p"]


def squared_distance(a: Vector, b: Vector) -> float:
    """Squared Euclidean distance between two vectors."""
    return math.fsum((u - v) ** 2 for u, v in zip(a, b, strict=True))


def mean_or_zero(terms: Vector) -> float:
    """Mean; 0 where there is no term (no pair, no triplet)."""
    return math.fsum(terms) / len(terms) if terms else 0.0


def log_sum_exp(values: Vector) -> float:
    """Logarithm of the sum of exponentials, shifted by the largest value."""
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values))


def nearest(z: Vectors, anchors: Vectors) -> list[int]:
    """Section 3.1: index of the anchor nearest to each code; the lowest index in a tie."""
    labels = []
    for code in z:
        distances = [squared_distance(code, anchor) for anchor in anchors]
        labels.append(distances.index(min(distances)))
    return labels


def masses(
    z: Vectors,
    anchors: Vectors,
    labels: list[int],
    reduction: Literal["mean", "sum"] = "mean",
) -> Vector:
    """Eq. (4): 1 + the squared distances of an anchor's codes to it.

    "sum" is as printed; "mean" (our reading) divides by the number of ALL codes of the batch,
    not by the codes of that anchor. An anchor without codes weighs 1.
    """
    result = []
    for index, anchor in enumerate(anchors):
        total = 0.0
        for code, label in zip(z, labels, strict=True):
            if label == index:
                total += squared_distance(code, anchor)
        if reduction == "mean" and z:
            total /= len(z)
        result.append(1.0 + total)
    return result


def inverse_distance(
    a: Vector,
    b: Vector,
    force: Force = "literal",
    scale2: float = 1.0,
    floor: float = 1e-8,
) -> float:
    """Eq. (5): what stands for 1 / distance^2 between two anchors.

    With r = max(|a - b|^2, floor) / scale2: "literal" -ln r (as printed at scale2 = 1),
    "clamped" max(0, -ln r), "log1p" ln(1 + 1/r) (our reading, positive everywhere).
    The floor (spec: 1e-8) is ours too; with ``floor=0`` coincident anchors give infinity.
    """
    ratio = max(squared_distance(a, b), floor) / scale2
    if ratio == 0.0:
        return math.inf
    if force == "log1p":
        return math.log1p(1.0 / ratio)
    literal = -math.log(ratio)
    return literal if force == "literal" else max(0.0, literal)


def nebula_loss(
    z: Vectors,
    anchors: Vectors,
    labels: list[int] | None = None,
    *,
    force: Force = "log1p",
    reduction: Literal["mean", "sum"] = "mean",
    scale2: float | None = None,
    normalised: bool = True,
) -> float:
    """Eq. (6)-(7): sum over i < j of M_i M_j D^-2(a_i, a_j); the printed "j=1+1" is read as i+1.

    As printed: ``force="literal", reduction="sum", normalised=False``. Our reading: the defaults,
    which divide the sum by m - 1. ``labels=None`` means the nearest anchor (supervised: labels).
    ``scale2=None`` is the latent dimension for "log1p" and 1 for the other forces. One anchor: 0.
    """
    if len(anchors) < 2:
        return 0.0
    if scale2 is None:
        scale2 = float(len(anchors[0])) if force == "log1p" else 1.0
    mass = masses(z, anchors, nearest(z, anchors) if labels is None else labels, reduction)
    total = 0.0
    for i in range(len(anchors) - 1):
        for j in range(i + 1, len(anchors)):
            total += mass[i] * mass[j] * inverse_distance(anchors[i], anchors[j], force, scale2)
    return total / (len(anchors) - 1) if normalised else total


def euclidean_loss(z: Vectors, anchors: Vectors) -> float:
    """Section 5.1, "without M_a": mean squared distance of the codes to their closest anchor."""
    return mean_or_zero([min(squared_distance(code, a) for a in anchors) for code in z])


def pair_loss(z: Vectors, labels: list[int]) -> float:
    """Eq. (15): mean squared distance over ordered pairs i != p of equal label; no pair: 0.

    The printed |.|^2 is read as the squared Euclidean norm. Pairs of different labels do not
    enter, although the paper's text says that they move apart: the equation has no such term.
    """
    terms = []
    for i in range(len(z)):
        for p in range(len(z)):
            if i != p and labels[i] == labels[p]:
                terms.append(squared_distance(z[i], z[p]))
    return mean_or_zero(terms)


def triplet_loss(z: Vectors, labels: list[int]) -> float:
    """Eq. (16): mean over all valid (i, p, n) of ln max(1, 2 - d_in / (d_ip + 0.01)).

    Valid: i != p, label i = label p, label i != label n; d is the squared distance.
    The mean counts triplets whose value is 0 too; no valid triplet: 0.
    """
    terms = []
    for i in range(len(z)):
        for p in range(len(z)):
            if i == p or labels[i] != labels[p]:
                continue
            closeness = squared_distance(z[i], z[p]) + 0.01
            for n in range(len(z)):
                if labels[n] != labels[i]:
                    ratio = squared_distance(z[i], z[n]) / closeness
                    terms.append(math.log(max(1.0, 2.0 - ratio)))
    return mean_or_zero(terms)


def gaussian_nll(x: Vectors, mean: Vectors, logvar: Vectors) -> Vector:
    """-ln N(x; mean, diag exp(logvar)) of each row in nats, constant included, summed over it."""
    result = []
    for row, centre, spread in zip(x, mean, logvar, strict=True):
        total = 0.0
        for value, mu, lv in zip(row, centre, spread, strict=True):
            total += 0.5 * (math.log(2.0 * math.pi) + lv + (value - mu) ** 2 / math.exp(lv))
        result.append(total)
    return result


def log_sigmoid(logit: float) -> float:
    """ln(1 / (1 + exp(-logit))), without overflow."""
    return min(logit, 0.0) - math.log1p(math.exp(-abs(logit)))


def bernoulli_nll(x: Vectors, logits: Vectors) -> Vector:
    """Eq. (2): -x ln y - (1 - x) ln(1 - y) with y = sigmoid(logit), summed over each row."""
    result = []
    for row, row_logits in zip(x, logits, strict=True):
        total = 0.0
        for value, logit in zip(row, row_logits, strict=True):
            total += -value * log_sigmoid(logit) - (1.0 - value) * log_sigmoid(-logit)
        result.append(total)
    return result


def kl_standard_normal(mean: Vectors, logvar: Vectors) -> Vector:
    """Eq. (13)-(14): D_KL[N(mean, diag exp(logvar)) || N(0, I)] of each code, in nats."""
    result = []
    for centre, spread in zip(mean, logvar, strict=True):
        total = 0.0
        for mu, lv in zip(centre, spread, strict=True):
            total += 0.5 * (mu**2 + math.exp(lv) - 1.0 - lv)
        result.append(total)
    return result


def mixture_log_density(z: Vectors, anchors: Vectors, logits: Vector, logvars: Vectors) -> Vector:
    """Spec 2.7: ln sum_i pi_i N(z; a_i, diag exp(logvars_i)) of each code, pi = softmax(logits).

    ``logvars`` holds one vector per anchor; for a shared one, repeat it.
    """
    norm = log_sum_exp(logits)
    result = []
    for code in z:
        terms = []
        for anchor, logit, logvar in zip(anchors, logits, logvars, strict=True):
            terms.append(logit - norm - gaussian_nll([code], [anchor], [logvar])[0])
        result.append(log_sum_exp(terms))
    return result


def mixture_kl_one_sample(
    z: Vectors, mean: Vectors, logvar: Vectors, anchors: Vectors, logits: Vector, logvars: Vectors
) -> Vector:
    """Spec 2.7: ln q(z | x) - ln p(z | A) of each code, z one sample of q = N(mean, exp(logvar)).

    Its expectation is the KL divergence of Eq. (13) with the mixture prior; it can be negative.
    """
    posterior = [-nll for nll in gaussian_nll(z, mean, logvar)]
    prior = mixture_log_density(z, anchors, logits, logvars)
    return [q - p for q, p in zip(posterior, prior, strict=True)]


def anchor_probabilities(z: Vectors, anchors: Vectors, temperature: float = 1.0) -> Vectors:
    """Spec 4b: softmax over anchors of -|z - a_i|^2 / (2 temperature), one row per code."""
    result = []
    for code in z:
        scores = [-squared_distance(code, a) / (2.0 * temperature) for a in anchors]
        norm = log_sum_exp(scores)
        result.append([math.exp(score - norm) for score in scores])
    return result


def released_0d(z: Vectors, anchors: Vectors) -> float:
    """Authors' code, loss_0d: mean over codes of the squared distance to the nearest anchor."""
    return mean_or_zero([min(squared_distance(code, a) for a in anchors) for code in z])


def released_1d(z: Vectors, anchors: Vectors, labels: list[int] | None = None) -> float:
    """Authors' code, loss_1d: mean squared distance to the labelled anchor (None: the nearest)."""
    chosen = nearest(z, anchors) if labels is None else labels
    return mean_or_zero(
        [squared_distance(code, anchors[c]) for code, c in zip(z, chosen, strict=True)]
    )


def released_2d(z: Vectors, labels: list[int]) -> float:
    """Authors' code, loss_2d: mean of same(i, j) d_ij over ALL N x N pairs, self pairs too."""
    terms = []
    for i in range(len(z)):
        for j in range(len(z)):
            same = labels[i] == labels[j]
            terms.append(squared_distance(z[i], z[j]) if same else 0.0)
    return mean_or_zero(terms)


def released_3d(z: Vectors, labels: list[int], margin: float) -> float:
    """Authors' code, loss_3d: mean of d_ij / (d_ik + margin) over same(i, j), diff(i, k).

    The denominator counts the non-zero entries of the mask, so j = i is counted (and adds 0).
    Our reading: without any triplet 0, where the code gives 0/0.
    """
    terms = []
    for i in range(len(z)):
        for j in range(len(z)):
            for k in range(len(z)):
                if labels[i] == labels[j] and labels[i] != labels[k]:
                    far = squared_distance(z[i], z[k]) + margin
                    terms.append(squared_distance(z[i], z[j]) / far)
    return mean_or_zero(terms)


def gradient(f: Callable[[Vectors], float], point: Vectors, step: float = 1e-6) -> Vectors:
    """Derivative of f by every entry of a set of vectors, by central differences.

    Error about step^2 |f'''| + 1e-16 |f| / step: trust 1e-8 relative at best, and only where no
    code sits between two anchors (f itself may assign anew). The point is left unchanged.
    """
    result = []
    for r, row in enumerate(point):
        entries = []
        for c in range(len(row)):
            up, down = [list(v) for v in point], [list(v) for v in point]
            up[r][c] += step
            down[r][c] -= step
            entries.append((f(up) - f(down)) / (up[r][c] - down[r][c]))
        result.append(entries)
    return result
