r"""How codes are spread: entropies, covariance, and the components that carry something.

.. math:: H_{\text{softmax}} = -\tfrac1N \sum_n \sum_j p_{nj} \ln p_{nj},\; p_n =
    \operatorname{softmax}(z_n), \qquad H_{\text{Gauss}} = \tfrac12 \ln\det(2\pi e\,\Sigma), \qquad
    \lVert \Sigma - I \rVert_F / \sqrt d

with $\Sigma$ the covariance of the codes, divided by their number. The two entropies move in
opposite directions when codes shrink towards anchors; the paper shows only the first.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import entr, softmax

from nebulatent.evaluation.measures import Measure, finite, require_finite

Codes = Float[np.ndarray, "codes latent"]
ACTIVE = 0.01


def softmax_entropy(z: Codes) -> float:
    """Mean over the codes of the entropy of the softmax of a code.

    Source: Wang et al., TPAMI 2022, Fig. 5(a).
    Authors' code: `entropy1` is this; the paper gives no formula.
    Unit: nats; at most ln(latent).
    Notes: A code's components are no logits, so this has no meaning of its own: it rises as codes
        shrink towards 0, which is what nearby anchors make them do.
    """
    require_finite("z", z)
    return float(entr(softmax(z.astype(np.float64), axis=1)).sum(1).mean())


def covariance(z: Codes) -> Float[np.ndarray, "latent latent"]:
    """Covariance of the codes, divided by their number; zeros for a single code; float64.

    Raises:
        ValueError: If there are no codes or one is not finite.
    """
    require_finite("z", z)
    offset = z - z.mean(0, dtype=np.float64)
    return offset.T @ offset / len(z)


def gaussian_entropy(z: Codes) -> float:
    """Entropy of the Gaussian with the codes' covariance.

    Unit: nats, relative to the codes' unit of length; `latent` * 1.4189 for N(0, I).
    Notes: Minus infinity when the codes lie in a subspace (a constant component, or no more codes
        than components), judged by the resolution of their floating-point type.
    """
    spread = np.linalg.eigvalsh(covariance(z))
    # Rounding leaves a singular covariance some 1e-16 of its scale, or a little below zero.
    scale = max(spread[-1], np.square(z, dtype=np.float64).mean())
    if spread[0] <= np.finfo(np.float64).eps * z.shape[1] * scale:
        return float("-inf")
    return float(0.5 * np.log(2 * np.pi * np.e * spread).sum())


def covariance_deviation(z: Codes) -> float:
    """Frobenius distance of the codes' covariance from the identity, over sqrt(latent).

    Source: puts a number on Wang et al., TPAMI 2022, Fig. 3 ("almost identity").
    """
    latent = z.shape[1]
    return float(np.linalg.norm(covariance(z) - np.eye(latent)) / np.sqrt(latent))


def active_units(mean: Codes) -> int:
    """Number of components whose posterior mean has a variance above 0.01 over the data.

    Source: Burda et al., Importance Weighted Autoencoders, 2016, section 5.2.
    """
    require_finite("mean", mean)
    return int((mean.var(0, dtype=np.float64) > ACTIVE).sum())


def latent_measures(z: Codes, mean: Codes) -> list[Measure]:
    """All measures of the codes; the Gaussian entropy only if it is finite.

    Arguments:
        z: One draw of each sample's posterior (the mean itself for a method without noise).
        mean: Mean of each sample's posterior.

    Raises:
        ValueError: If there are no codes or one is not finite.
    """
    deviation = (
        "Frobenius distance of the sampled codes' covariance from the identity, divided by the "
        "square root of the number of components."
    )
    softmax_text = (
        "Mean over sampled codes of the entropy of softmax(code), as in the authors' program; "
        "rises when codes shrink."
    )
    gaussian = "Entropy of the Gaussian with the covariance of the sampled codes."
    active = (
        f"Components of the code, of {mean.shape[1]}, whose posterior mean has a variance above "
        f"{ACTIVE} over the samples."
    )
    rows = (
        ("covariance deviation", covariance_deviation(z), "", deviation),
        ("softmax entropy", softmax_entropy(z), "nats", softmax_text),
        ("Gaussian entropy", gaussian_entropy(z), "nats", gaussian),
        ("active units", float(active_units(mean)), "", active),
    )
    return finite(
        Measure(name, value, "neither", unit, how, False) for name, value, unit, how in rows
    )
