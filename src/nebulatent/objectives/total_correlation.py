r"""How dependent the dimensions of a code are: the total correlation of the aggregate posterior.

.. math:: \mathrm{TC} = \mathrm{KL}\Bigl[q(z) \,\Big\|\, \prod_d q(z_d)\Bigr], \qquad
    q(z) = \frac1B \sum_n q(z \mid x_n)

Source: Chen, Li, Grosse, Duvenaud: Isolating Sources of Disentanglement in Variational Autoencoders,
NeurIPS 2018, Eq. (2) and section 4.1, which estimates it from one batch.
Our reading: q(z) is the mixture of the batch's posteriors. The paper's estimator assumes that they
stand for a whole data set of N; it differs by (d - 1) log N, which has no gradient.
"""  # noqa: E501

import math

from nebulatent.latents.posterior import LOG_2PI, DiagonalGaussian
from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Tensor


def total_correlation(
    z: Float[Tensor, "codes latent"], posterior: DiagonalGaussian
) -> Float[Tensor, ""]:
    """The estimate from one batch, in nats; biased upwards, by less the larger the batch.

    Arguments:
        z: One sample of each posterior.
        posterior: Its rows are the mixture's components.

    Examples:
        >>> import torch
        >>> one = DiagonalGaussian(torch.zeros(1, 3), torch.zeros(1, 3))
        >>> total_correlation(torch.randn(1, 3), one)  # one component has independent dimensions
        tensor(0.)
    """
    z, mean = at_least_single(z), at_least_single(posterior.mean)
    logvar = at_least_single(posterior.logvar)
    offset = z.unsqueeze(1) - mean  # (codes, components, latent)
    log_density = -0.5 * (offset.square() * (-logvar).exp() + logvar + LOG_2PI)
    joint = log_density.sum(2).logsumexp(1)
    single = log_density.logsumexp(1).sum(1)
    return (joint - single).mean() + (z.shape[1] - 1) * math.log(len(z))
