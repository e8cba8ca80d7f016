r"""3D-RecGAN: completes a shape from one view of it, with a critic of what is made up.

.. math:: L_G = \lambda_r\, L_{\text{ae}}(y, \hat y) - \lambda_a\, \overline{D(x, \hat y)}, \qquad
    L_D = \overline{D(x, \hat y)} - \overline{D(x, y)}
    + 10\, \bigl(\lVert \nabla_{\tilde y} D(x, \tilde y) \rVert_2 - 1\bigr)^2

with x the partial grid, y the whole one, :math:`\hat y` the completed one and
:math:`\tilde y = y + \alpha (\hat y - y)`.

Source: Yang, Wen, Wang, Clark, Markham, Trigoni: 3D Object Reconstruction from a Single Depth View
with Adversarial Networks, ICCVW 2017, Eq. (1)-(4).

**Two players, one loss.** Both players' terms are stated together, each cut off from the other's
weights: the critic's terms see the completed grid as data, the generator's term sees the critic's
weights as constants. So their sum has for each player the gradient of its own loss, and the loop
that minimises it need not know that there are two. Our reading: the players move at once; the
authors' code moves the critic first and then, on the same batch, the generator.

| model | how |
|---|---|
| 3D-AE ("3D-RecAE") | `VAE(Autoencoder(VolumeEncoder, Rectified, VolumeDecoder), WeightedBernoulli(0.85))` |
| 3D-RecGAN | `RecGAN` |
| either + NVC | `latent_terms=NebulaAnchors(...)` |
"""  # noqa: E501

from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call

from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.latents.skips import SkipAutoencoder
from nebulatent.objectives.likelihoods import Likelihood, WeightedBernoulli
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Tensor


class RecGAN(nn.Module):
    r"""Creates the objective of both players.

    Source: Yang et al. 2017; weights and rates are those of the authors' code.
    Authors' code: clamps probabilities at 0.01 in the reconstruction, which stops the gradient of
        every voxel that is wrong by more. Our reading: no clamp; logits need none.

    Arguments:
        autoencoder: The generator; `SkipAutoencoder` for shortcuts.
        critic: Maps pairs of grids to values; `VolumeCritic`.
        likelihood: Reconstruction, taken as the mean over voxels; ones weigh 0.85 by default.
        reconstruction_weight: Lambda_r.
        adversarial_weight: Lambda_a.
        penalty_weight: Of the gradient's length.
        beta: Weight of the KL term of a `Variational` bottleneck.
        critic_pace: The critic's learning rate as a share of the generator's.
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.

    Raises:
        ValueError: If a weight is negative or the pace is not positive.
    """

    def __init__(  # noqa: PLR0913
        self,
        autoencoder: Autoencoder | SkipAutoencoder,
        critic: nn.Module,
        *,
        likelihood: Likelihood | None = None,
        reconstruction_weight: float = 95.0,
        adversarial_weight: float = 5.0,
        penalty_weight: float = 10.0,
        beta: float = 1.0,
        critic_pace: float = 0.2,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        self.weights = {
            "reconstruction": reconstruction_weight,
            "adversarial": adversarial_weight,
            "penalty": penalty_weight,
            "kl": beta,
        }
        for name, weight in self.weights.items():
            if weight < 0:
                raise ValueError(f"The weight of `{name}` must not be negative, got {weight}.")
        if not critic_pace > 0:
            raise ValueError(f"`critic_pace` must be positive, got {critic_pace}.")
        self.autoencoder, self.critic = autoencoder, critic
        self.likelihood = WeightedBernoulli(0.85) if likelihood is None else likelihood
        self.critic_pace, self.latent_terms = critic_pace, latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of both players; labels are not read.

        Raises:
            ValueError: If the batch has no whole grids to complete to.
        """
        if batch.y is None:
            raise ValueError(
                "`y` must hold the whole grids, got a batch without; pass `Batches(partial, "
                "y=whole)`."
            )
        x, y, coding = batch.x, batch.y.to(batch.x.dtype), self.code(batch)
        completed = self.likelihood.mean(coding.recon)
        fixed = {name: value.detach() for name, value in self.critic.named_parameters()}
        seen = functional_call(self.critic, fixed, (x, completed))
        made = completed.detach()
        values = {
            "reconstruction": self.likelihood(coding.recon, y).mean() / y[0].numel(),
            "adversarial": -seen.mean(),
            "critic": self.critic(x, made).mean() - self.critic(x, y).mean(),
            "penalty": self._penalty(x, y, made),
        }
        kl = coding.posterior.kl()
        if kl is not None:
            values["kl"] = kl.mean()
        terms = Terms(values, {name: self.weights[name] for name in values.keys() & self.weights})
        return terms | self.latent_terms(coding.posterior.mean)

    def code(self, batch: Batch) -> Coding:
        """Posterior of the partial grids, one sample of it, and the logits of the whole ones."""
        return self.autoencoder(batch.x)

    def complete(self, x: Tensor) -> Tensor:
        """Probability that each voxel of the whole grid is filled."""
        return self.likelihood.mean(self.autoencoder(x).recon)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of a partial grid."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected whole grid for each code; without shortcuts only. Labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))

    def paces(self) -> dict[nn.Module, float]:
        """The critic learns more slowly."""
        return {self.critic: self.critic_pace}

    def _penalty(self, x: Tensor, y: Tensor, made: Tensor) -> Float[Tensor, ""]:
        """Mean squared distance of the gradient's length from 1, between real and made up grids.

        Authors' code: the share alpha is drawn for each voxel, not for each grid.
        """
        with torch.enable_grad():
            between = torch.lerp(y, made, torch.rand_like(y)).requires_grad_()
            total = self.critic(x, between).sum()
            (slope,) = torch.autograd.grad(total, between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()
