"""The latent space on a page: codes and anchors in two dimensions, and a scatter to explore.

More than two components are drawn with t-SNE (van der Maaten & Hinton 2008), which keeps
neighbours together and nothing else: distances between groups, their sizes and densities are not
to scale. Anchors take part as if they were codes, so that each lies among its neighbours.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

MAX_POINTS = 2_000
MIN_TSNE = 10
PERPLEXITY = 30.0
EQUAL = 1e-6  # codes that differ by less than this share of their size are float32 noise
# On 1 797 digits: trustworthiness 0.992 in 40 % of the time of the defaults at 500 steps, 0.993.
SPEED = {"max_iter": 350, "angle": 0.8, "early_exaggeration": 8.0}


class Projection(NamedTuple):
    """Codes and anchors in two dimensions.

    Arguments:
        codes: One point per code.
        anchors: One point per anchor; empty without anchors.
        how: What was done and how to read it, for people.
    """

    codes: Float[np.ndarray, "codes 2"]
    anchors: Float[np.ndarray, "anchors 2"]
    how: str


def sample_rows(count: int, *, seed: int, limit: int = MAX_POINTS) -> Int[np.ndarray, " rows"]:
    """All rows in order, or `limit` of them drawn without replacement.

    Examples:
        >>> sample_rows(3, seed=0)
        array([0, 1, 2])
    """
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, limit, replace=False))


def project(
    codes: Float[np.ndarray, "codes latent"],
    anchors: Float[np.ndarray, "anchors latent"] | None,
    *,
    seed: int,
) -> Projection:
    """Codes and anchors in two dimensions, the same for the same seed.

    Two components are drawn as they are, one on a line, more with t-SNE, or along the two
    directions of largest variance (PCA) when there are too few or only equal codes.

    Raises:
        ValueError: If there are more than 2 000 codes; `sample_rows` chooses some.
    """
    if len(codes) > MAX_POINTS:
        raise ValueError(
            f"`codes` must be at most {MAX_POINTS}, got {len(codes)}; "
            "choose rows with `sample_rows` first."
        )
    anchors = np.empty((0, codes.shape[1])) if anchors is None else anchors
    both = np.concatenate([codes, anchors]).astype(np.float64)
    points, how = _flatten(both, seed)
    among = ", anchors among them" if len(anchors) else ""
    return Projection(points[: len(codes)], points[len(codes) :], how.format(among=among))


def _flatten(z: np.ndarray, seed: int) -> tuple[np.ndarray, str]:
    if z.shape[1] == 2:
        return z, "A code has two components, so the map shows the codes exactly as they are."
    if z.shape[1] == 1:
        return (
            np.pad(z, ((0, 0), (0, 1))),
            "A code has one component: left and right are meant, up and down are not.",
        )
    if len(z) < MIN_TSNE or np.ptp(z, axis=0).max() <= EQUAL * np.abs(z).max():
        return _largest_variance(z), (
            "With so few different codes the map shows the two directions in which they vary "
            "most (PCA)."
        )
    return _tsne(z, seed), (
        f"A code has {z.shape[1]} components, so the map is a flattened view (t-SNE of {len(z):,} "
        "points{among}): neighbours stay together, but distances between groups, "
        "their sizes and their densities are not to scale."
    )


def _largest_variance(z: np.ndarray) -> np.ndarray:
    centred = z - z.mean(0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2] * np.sign(directions[:2].sum(1, keepdims=True) + 1e-12)
    points = centred @ directions.T
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))


def _tsne(z: np.ndarray, seed: int) -> np.ndarray:
    # One thread: scikit-learn adds its threads' sums in the order in which they finish.
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(z) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, **SPEED)
    with threadpool_limits(1):
        return model.fit_transform((z - z.mean(0)) / z.std(0).max()).astype(np.float64)
