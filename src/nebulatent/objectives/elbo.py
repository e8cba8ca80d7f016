r"""The negative evidence lower bound as two named terms.

.. math:: -\mathrm{ELBO} = \underbrace{-\mathbb E_{q}\,[\log p(y \mid z)]}_{\text{reconstruction}}
    + \beta\, \underbrace{\mathrm{KL}[q(z \mid x) \,\|\, p(z)]}_{\text{kl}}

Source: Wang et al., TPAMI 2022, Eq. (13)-(14); Kingma & Welling 2014; beta from Higgins 2017.
"""

from nebulatent.latents.autoencoder import Coding
from nebulatent.objectives.likelihoods import Likelihood
from nebulatent.terms import Terms
from nebulatent.typing import Float, Tensor


def elbo_terms(
    coding: Coding,
    y: Tensor,
    likelihood: Likelihood,
    *,
    kl: Float[Tensor, " codes"] | None,
    beta: float = 1.0,
) -> Terms:
    """Reconstruction and KL, each summed over a sample and averaged over the batch, in nats.

    Arguments:
        coding: What the autoencoder made of the batch.
        y: Target of the decoder.
        likelihood: p(y|z).
        kl: Divergence of each code; `None` for a point mass, which then adds no term.
        beta: Weight of the KL.
    """
    reconstruction = likelihood(coding.recon, y).mean()
    if kl is None:
        return Terms({"reconstruction": reconstruction})
    return Terms({"reconstruction": reconstruction, "kl": kl.sum() / len(y)}, {"kl": beta})
