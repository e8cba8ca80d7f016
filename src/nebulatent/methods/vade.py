r"""Variational Deep Embedding: a VAE whose prior is a mixture of Gaussians, one for each cluster.

.. math:: L = -\mathbb E_q [\log p(y|z)] + \sum_c \gamma_c \Bigl(\log \frac{\gamma_c}{\pi_c}
    + \mathrm{KL}\bigl[q(z|x) \,\|\, \mathcal N(\mu_c, \sigma_c^2)\bigr]\Bigr), \qquad
    \gamma_c = p(c \mid z) = \frac{\pi_c\, \mathcal N(z; \mu_c, \sigma_c^2)}
    {\sum_k \pi_k\, \mathcal N(z; \mu_k, \sigma_k^2)}

Source: Jiang, Zheng, Tan, Tang, Zhou: Variational Deep Embedding: An Unsupervised and Generative
Approach to Clustering, IJCAI 2017.

| equation | function |
|---|---|
| (12) bound, all but its reconstruction | `VaDE.divergence` |
| (16) q(c given x) | `VaDE.assign_probabilities` |
| pretraining, then a Gaussian mixture | `AnchorSet(warmup_epochs=...)`, `VaDE.begin_epoch` |

The bound takes q(c|x) as independent of z, so it is looser than the one with the mixture itself,
:math:`\log q(z|x) - \log p(z)`, which the `AnchorMixture` prior of NVC estimates: by about the
information that z, drawn from q(z|x), still has of c. Its estimate is the less noisy one.

Our reading: pretraining is the warm-up, the VAE without its divergence. With no warm-up the bound
    is maximised early by clusters that coincide. The authors pretrain stacked layers on the mean;
    here the decoder sees samples throughout, so that codes grow until the noise is small beside
    them: codes trained without noise are drowned by it when the warm-up ends.
"""

from collections.abc import Callable

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.gaussians import gaussian_kl, gaussian_log_density
from nebulatent.latents.posterior import DiagonalGaussian, Posterior
from nebulatent.latents.priors import AnchorMixture
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


class VaDE(nn.Module):
    """Creates the objective of VaDE.

    Arguments:
        autoencoder: Encoder, `Variational` bottleneck and decoder.
        clusters: The means; give them a warm-up and leave `start` at k-means, from which a Gaussian
            mixture is then fitted.
        likelihood: p(y|z).
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        clusters: AnchorSet,
        *,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        self.autoencoder, self.clusters = autoencoder, clusters
        self.mixture = AnchorMixture(clusters.num_anchors, clusters.latent_dim)
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read. A warm-up has no divergence."""
        coding = self.code(batch)
        return self.elbo(coding, batch) | self.latent_terms(coding.posterior.mean)

    def code(self, batch: Batch) -> Coding:
        """Posterior, one sample of it, and its reconstruction."""
        return self.autoencoder(batch.x)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and divergence of a coded batch."""
        y = batch.x if batch.y is None else batch.y
        kl = self.divergence(coding) if self.clusters.active else None
        return elbo_terms(coding, y, self.likelihood, kl=kl)

    def divergence(self, coding: Coding) -> Float[Tensor, " codes"]:
        """What the bound takes from the reconstruction, in nats; cluster and code together.

        Source: Jiang et al. 2017, Eq. (12). One sample decides the clusters' probabilities, the
            rest is in closed form.

        Raises:
            TypeError: If the posterior is not a diagonal Gaussian.
        """
        posterior = coding.posterior
        if not isinstance(posterior, DiagonalGaussian):
            raise TypeError(
                f"`autoencoder` must have a `Variational` bottleneck, got {type(posterior)}."
            )
        joint = self._joint(coding.z)
        log_share = joint.log_softmax(1)
        mean, logvar = (part.unsqueeze(1) for part in posterior)
        apart = gaussian_kl(mean, logvar, self.clusters.positions, self.mixture.logvar)
        prior = self.mixture.logits.log_softmax(0)
        return (log_share.exp() * (log_share - prior + apart)).sum(1)

    def _joint(self, z: Tensor) -> Tensor:
        """Logarithm of p(c) p(z|c)."""
        means, logvar = self.clusters.positions, self.mixture.logvar
        density = gaussian_log_density(z.unsqueeze(1), means, logvar)
        return density + self.mixture.logits.log_softmax(0)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected data for each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))

    def assign_probabilities(
        self, z: Float[Tensor, "codes latent"]
    ) -> Float[Tensor, "codes anchors"]:
        """Probability of each cluster for each code, Eq. (16)."""
        return self._joint(z).softmax(1)

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """The most probable cluster of each code; no gradient."""
        with torch.no_grad():
            return self._joint(z).argmax(1)

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Fit the mixture to the codes when the warm-up ends."""
        before = self.clusters.placed
        self.clusters.begin_epoch(epoch, snapshot, seed)
        if self.clusters.placed and not before:
            self._fit_mixture(snapshot().z, seed)

    @torch.no_grad()
    def _fit_mixture(self, z: Float[Tensor, "codes latent"], seed: int) -> None:
        """Expectation maximisation from the k-means centres, diagonal covariances."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        means = self.clusters.positions
        model = GaussianMixture(
            self.clusters.num_anchors,
            covariance_type="diag",
            means_init=means.cpu().double().numpy(),  # pyright: ignore[reportArgumentType]
            random_state=seed,
        )
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)  # 100 steps are a start as well
            model.fit(z.cpu().double().numpy())
        means.copy_(torch.as_tensor(model.means_))
        self.mixture.logvar.copy_(torch.as_tensor(model.covariances_).log())
        self.mixture.logits.copy_(torch.as_tensor(model.weights_).log())
