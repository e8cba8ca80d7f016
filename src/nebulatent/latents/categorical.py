r"""Discrete posteriors: independent categorical variables, drawn by the Gumbel-softmax trick.

.. math:: z_k = \operatorname{softmax}_k\bigl((\log \pi_k + g_k) / \tau\bigr), \qquad
    g_k = -\log(-\log u_k), \quad u_k \text{ uniform in } (0, 1)

Source: Jang, Gu, Poole: Categorical Reparameterization with Gumbel-Softmax, ICLR 2017, Eq. (2);
found at the same time by Maddison, Mnih, Teh: The Concrete Distribution, ICLR 2017.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from nebulatent.typing import Float, Tensor


class Categorical(NamedTuple):
    """Independent categorical variables; a code is their one-hot vectors in a row.

    Arguments:
        logits: Unnormalised log-probabilities.
        temperature: tau of a relaxed sample, a scalar; 0 draws the one-hot vectors themselves.
    """

    logits: Float[Tensor, "codes variables categories"]
    temperature: Float[Tensor, ""]

    @property
    def mean(self) -> Float[Tensor, "codes latent"]:
        """Probabilities of all categories of all variables in a row."""
        return self.logits.softmax(2).flatten(1)

    def rsample(self) -> Float[Tensor, "codes latent"]:
        """One sample per code: relaxed, with a gradient, or one-hot, without."""
        noisy = self.logits + gumbel_noise(self.logits)
        if self.temperature > 0:
            return (noisy / self.temperature).softmax(2).flatten(1)
        return F.one_hot(noisy.argmax(2), noisy.shape[2]).to(noisy.dtype).flatten(1)

    def kl(self) -> Float[Tensor, " codes"]:
        r"""Divergence from uniform variables, in nats: :math:`\sum_{s,k} q_{sk} \log (K q_{sk})`.

        Valid when: samples are one-hot. Of a relaxed sample this is not the divergence, so the sum
            with its reconstruction is no bound (Maddison et al. 2017, appendix).
        """
        log_q = self.logits.log_softmax(2)
        return (log_q.exp() * (log_q + _log(self.logits.shape[2], log_q))).sum((1, 2))

    def log_prob(self, z: Float[Tensor, "codes latent"]) -> Float[Tensor, " codes"]:
        """Log-probability of one-hot codes, in nats."""
        return (z * self.logits.log_softmax(2).flatten(1)).sum(1)


def gumbel_noise(like: Float[Tensor, "*_"]) -> Float[Tensor, "*_"]:
    """Standard Gumbel noise: a normal's distribution function makes it uniform first.

    Normal noise is what every posterior draws, and the logarithm of its distribution function is
    known to the last digit on both tails: no value has to be clamped.
    """
    return -(-torch.special.log_ndtr(torch.randn_like(like))).log()


def _log(count: int, like: Tensor) -> Tensor:
    return torch.tensor(float(count), dtype=like.dtype, device=like.device).log()
