r"""Oracles of the baselines' papers: slow loops over floats, written before the library's code.

A vector is ``list[float]``; what exists once per code comes back as a list with one entry per code.

==========================================  ====================================================
paper                                       functions
==========================================  ====================================================
Xie et al. 2016 (DEC), Eq. (1)-(3)          `student_assignment`, `target_distribution`,
                                            `clustering_loss`
Jiang et al. 2017 (VaDE), Eq. (12), (16)    `vade_responsibilities`, `vade_kl`
Dilokthanakul et al. 2016 (GMVAE)           `gmvae_divergences`
van den Oord et al. 2017 (VQ-VAE), Eq. (3)  `quantisation`, `moving_average`
Zhao et al. 2019 (InfoVAE)                  `mmd`
Jang et al. 2017 (Gumbel-softmax), Eq. (2)  `gumbel_softmax`, `categorical_kl`
Fard et al. 2018 (deep k-means)             `deep_kmeans_loss`
==========================================  ====================================================
"""

import math
from collections.abc import Callable

from oracles.nvc import Vector, Vectors, gaussian_nll, log_sum_exp, nearest, squared_distance


def normalised(values: Vector) -> Vector:
    """The values divided by their sum."""
    total = math.fsum(values)
    return [value / total for value in values]


def softmax(values: Vector) -> Vector:
    """Probabilities of logits."""
    norm = log_sum_exp(values)
    return [math.exp(value - norm) for value in values]


def student_assignment(z: Vectors, centres: Vectors) -> Vectors:
    """DEC, Eq. (1) with one degree of freedom: q_ij ~ (1 + |z_i - mu_j|^2)^-1."""
    return [normalised([1 / (1 + squared_distance(code, c)) for c in centres]) for code in z]


def target_distribution(q: Vectors, frequency: Vector | None = None) -> Vectors:
    """DEC, Eq. (3): p_ij ~ q_ij^2 / f_j with f_j = sum_i q_ij (or as given)."""
    if frequency is None:
        frequency = [math.fsum(row[j] for row in q) for j in range(len(q[0]))]
    return [normalised([v**2 / f for v, f in zip(row, frequency, strict=True)]) for row in q]


def clustering_loss(p: Vectors, q: Vectors) -> float:
    """DEC, Eq. (2): KL(P || Q); the mean over the codes (our reading)."""
    total = 0.0
    for p_row, q_row in zip(p, q, strict=True):
        for a, b in zip(p_row, q_row, strict=True):
            total += a * math.log(a / b)
    return total / len(p)


def gaussian_kl(mean: Vector, logvar: Vector, mean2: Vector, logvar2: Vector) -> float:
    """KL between two diagonal Gaussians, in nats."""
    total = 0.0
    for m, v, m2, v2 in zip(mean, logvar, mean2, logvar2, strict=True):
        total += 0.5 * (v2 - v + (math.exp(v) + (m - m2) ** 2) / math.exp(v2) - 1)
    return total


def vade_responsibilities(
    z: Vectors, logits: Vector, centres: Vectors, logvars: Vectors
) -> Vectors:
    """VaDE, Eq. (16): gamma_c = p(c) p(z|c) / sum of these."""
    prior = softmax(logits)
    rows = []
    for code in z:
        logs = []
        for share, centre, logvar in zip(prior, centres, logvars, strict=True):
            logs.append(math.log(share) - gaussian_nll([code], [centre], [logvar])[0])
        rows.append(softmax(logs))
    return rows


def vade_kl(
    z: Vectors, mean: Vectors, logvar: Vectors, logits: Vector, centres: Vectors, logvars: Vectors
) -> Vector:
    """VaDE, Eq. (12) without its first line, negated: all but the reconstruction, per code."""
    prior, result = softmax(logits), []
    for row, gamma in enumerate(vade_responsibilities(z, logits, centres, logvars)):
        total = 0.0
        for c, weight in enumerate(gamma):
            inner = 0.0
            for j, v in enumerate(logvar[row]):
                s = logvars[c][j]
                inner += s + math.exp(v) / math.exp(s)
                inner += (mean[row][j] - centres[c][j]) ** 2 / math.exp(s)
            total += weight * inner / 2 - weight * math.log(prior[c] / weight)
        total -= sum(1 + v for v in logvar[row]) / 2
        result.append(total)
    return result


def gmvae_divergences(
    z: Vector,
    posterior: tuple[Vector, Vector],
    noise_posterior: tuple[Vector, Vector],
    components: tuple[Vectors, Vectors],
) -> tuple[float, float, float]:
    """GMVAE: conditional prior, w-prior and z-prior terms of the bound for one sample.

    Ours is z, what the paper calls x; `components` are mu_k(w) and ln sigma_k^2(w) at the w drawn.
    """
    means, logvars = components
    logs = [-gaussian_nll([z], [m], [v])[0] for m, v in zip(means, logvars, strict=True)]
    share = softmax(logs)  # p(k) is uniform
    code, cluster = 0.0, 0.0
    for weight, m, v in zip(share, means, logvars, strict=True):
        code += weight * gaussian_kl(*posterior, m, v)
        cluster += weight * math.log(weight * len(means)) if weight else 0.0
    zeros = [0.0] * len(noise_posterior[0])
    return code, gaussian_kl(*noise_posterior, zeros, zeros), cluster


def quantisation(z: Vectors, codebook: Vectors) -> tuple[list[int], float]:
    """VQ-VAE, Eq. (1)-(3): nearest entries, and mean |z - e|^2, the value of both last terms."""
    label = nearest(z, codebook)
    total = math.fsum(squared_distance(code, codebook[k]) for code, k in zip(z, label, strict=True))
    return label, total / len(z)


def moving_average(
    z: Vectors, codebook: Vectors, counts: Vector, sums: Vectors, decay: float
) -> tuple[Vector, Vectors]:
    """VQ-VAE, appendix A.1: N_i and m_i after one batch; the entry is then m_i / N_i."""
    label = nearest(z, codebook)
    new_counts, new_sums = [], []
    for i, (count, total) in enumerate(zip(counts, sums, strict=True)):
        own = [code for code, k in zip(z, label, strict=True) if k == i]
        new_counts.append(decay * count + (1 - decay) * len(own))
        columns = range(len(total))
        moved = [decay * total[j] + (1 - decay) * math.fsum(c[j] for c in own) for j in columns]
        new_sums.append(moved)
    return new_counts, new_sums


def rbf(distance2: float, latent_dim: int) -> float:
    """Gaussian kernel whose variance is the dimension."""
    return math.exp(-distance2 / (2 * latent_dim))


def imq(distance2: float, latent_dim: int) -> float:
    """Inverse multiquadratic kernel C / (C + d^2) with C = 2 d (Tolstikhin et al. 2018)."""
    return 2 * latent_dim / (2 * latent_dim + distance2)


def mmd(a: Vectors, b: Vectors, kernel: Callable[[float, int], float]) -> float:
    """Squared maximum mean discrepancy, unbiased: no sample is compared with itself."""
    size = len(a[0])

    def within(rows: Vectors) -> float:
        values = []
        for i, first in enumerate(rows):
            for j, second in enumerate(rows):
                if i != j:
                    values.append(kernel(squared_distance(first, second), size))
        return math.fsum(values) / len(values)

    across = [kernel(squared_distance(first, second), size) for first in a for second in b]
    return within(a) + within(b) - 2 * math.fsum(across) / len(across)


def gumbel_softmax(logits: Vector, noise: Vector, temperature: float) -> Vector:
    """Jang et al., Eq. (2): softmax of (log pi + g) / tau, g standard Gumbel."""
    return softmax([(a + g) / temperature for a, g in zip(logits, noise, strict=True)])


def categorical_kl(logits: Vector) -> float:
    """KL of one categorical variable from the uniform one, in nats."""
    return math.fsum(q * math.log(q * len(logits)) for q in softmax(logits))


def deep_kmeans_loss(z: Vectors, centres: Vectors, sharpness: float) -> float:
    """Fard et al.: mean of sum_k |z - r_k|^2 G_k, G the softmax of -alpha |z - r_k|^2.

    Both distances relative to the codes' mean squared distance from their mean (our reading).
    """
    middle = [math.fsum(code[j] for code in z) / len(z) for j in range(len(z[0]))]
    spread = math.fsum(squared_distance(code, middle) for code in z) / len(z)
    total = 0.0
    for code in z:
        distances = [squared_distance(code, centre) / spread for centre in centres]
        weights = softmax([-sharpness * d for d in distances])
        total += math.fsum(w * d for w, d in zip(weights, distances, strict=True))
    return total / len(z)
