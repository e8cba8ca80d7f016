r"""SwitchVAE: one latent for shapes seen as voxels, as pictures or in any other form.

Every form :math:`\alpha` of a sample has an encoder of its own; all share a decoder, which always
gives the first form. A switch picks the encoder whose code is decoded:

.. math:: L = L_{\text{recon}}(x, \hat x^\alpha) + \beta\, L_{\text{KL}}(\mu^\alpha, \sigma^\alpha)
    + \lambda\, \lVert z^{\text{img}} - z^{\text{vox}} \rVert^2

Source: Wu, Pfrommer, Zhou, Beyerer: Generative-Contrastive Learning for Self-Supervised Latent
Representations of 3D Shapes from Multi-Modal Euclidean Input, 2023.

| equation | function |
|---|---|
| (1) | `SwitchVAE` |
| (2) | `nebulatent.objectives.likelihoods.WeightedBernoulli` |
| (3) | `nebulatent.latents.posterior.DiagonalGaussian.kl` |
| (4) | `contrastive_loss` |
| SwitchBTCVAE, section 4.4 | `total_correlation_weight` |

| model | how |
|---|---|
| voxel VAE | `VAE` with `Batches(voxels)` |
| image VAE | `VAE` with `Batches(views, y=voxels)` |
| SwitchVAE | `SwitchVAE` with `Batches(voxels, also={"views": views})` |
| SwitchVAE + NVC | `latent_terms=NebulaAnchors(...)` |
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import Snapshot
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import DiagonalGaussian, Posterior
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Likelihood, WeightedBernoulli
from nebulatent.objectives.total_correlation import total_correlation
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Tensor

Switch = Literal["epoch", "batch"]
OWN = ""  # the form that `Batch.x` holds


def contrastive_loss(
    a: Float[Tensor, "batch latent"], b: Float[Tensor, "batch latent"]
) -> Float[Tensor, ""]:
    r"""Squared distance between the codes of two forms of each sample, mean over the batch.

    Source: Wu et al. 2023, Eq. (4).

    Examples:
        >>> contrastive_loss(torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor(13.)
    """
    return (a - b).square().sum(1).mean()


class SwitchVAE(nn.Module):
    r"""Creates the objective of a VAE with an encoder for each form of a sample.

    Source: Wu et al. 2023, Eq. (1).
    Authors' code: switches once a batch, which is `switch="batch"`; the paper says once an epoch.
        Gradients flow to both sides of the contrastive term; the paper says that the switch "does
        the work of stopping gradient on random branch", which is `stop_gradient=True`. It anneals
        the KL in cycles that run away after the first (its weight grows to 3).
    Our reading: where a batch lacks a form, the switch chooses among the others, so that samples
        without pictures, and batches of another source, can be trained on as well.

    Arguments:
        autoencoder: Encoder and bottleneck of `Batch.x`, and the decoder of all.
        others: For each name in `Batch.also` an encoder that ends in its bottleneck.
        likelihood: p(x|z); the paper's weighs ones by 0.8.
        share: Probability that the switch picks one of the others, all equally likely.
        switch: When it is thrown.
        contrastive_weight: Lambda. At 0, encoders that are not picked are not run.
        stop_gradient: Whether the contrastive term moves only the picked encoder.
        beta: Weight of the KL term.
        total_correlation_weight: What beta-TCVAE adds: the paper's beta of 5 is 4 here, as the KL
            contains the total correlation once.
        cycle_epochs: Epochs of a cycle in whose first half the weight of the KL (and of the total
            correlation) rises from 0; 0 is a constant weight.
        latent_terms: Further terms of the picked posterior's mean, such as `NebulaAnchors`.

    Raises:
        ValueError: If there are no others, or a number is out of its range.
    """

    def __init__(  # noqa: PLR0913
        self,
        autoencoder: Autoencoder,
        others: Mapping[str, nn.Module],
        *,
        likelihood: Likelihood | None = None,
        share: float = 0.2,
        switch: Switch = "epoch",
        contrastive_weight: float = 1.0,
        stop_gradient: bool = False,
        beta: float = 1.0,
        total_correlation_weight: float = 0.0,
        cycle_epochs: int = 0,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if not others:
            raise ValueError("`others` must name at least one more encoder, got none; use `VAE`.")
        if not 0 <= share <= 1:
            raise ValueError(f"`share` must lie in 0..1, got {share}.")
        if switch not in get_args(Switch):
            raise ValueError(f"`switch` must be epoch or batch, got {switch!r}.")
        weights = {
            "contrastive_weight": contrastive_weight,
            "beta": beta,
            "total_correlation_weight": total_correlation_weight,
            "cycle_epochs": cycle_epochs,
        }
        for name, weight in weights.items():
            if weight < 0:
                raise ValueError(f"`{name}` must not be negative, got {weight}.")
        self.autoencoder, self.others = autoencoder, nn.ModuleDict(others)
        self.likelihood = WeightedBernoulli() if likelihood is None else likelihood
        self.share, self.switch, self.stop_gradient = share, switch, stop_gradient
        self.contrastive_weight, self.beta = contrastive_weight, beta
        self.total_correlation_weight = total_correlation_weight
        self.cycle_epochs, self.latent_terms = cycle_epochs, latent_terms
        self.epoch, self.drawn = 0, 1.0  # a number in [0, 1) below `share` picks another encoder

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read.

        Raises:
            ValueError: If the batch has a form without an encoder.
        """
        also = self._also(batch)
        picked = self._picked(sorted(also))
        names = [OWN, *sorted(also)] if self.contrastive_weight else [picked]
        posteriors = {name: self._encode(name, batch) for name in names}
        codes = {name: posterior.rsample() for name, posterior in posteriors.items()}
        z, posterior = codes[picked], posteriors[picked]
        coding = Coding(batch.x, posterior, z, self.autoencoder.decode(z))
        terms = self.elbo(coding, batch) | self.latent_terms(posterior.mean)
        if self.total_correlation_weight and isinstance(posterior, DiagonalGaussian):
            weight = {"total_correlation": self.total_correlation_weight * self._warmth}
            terms |= Terms({"total_correlation": total_correlation(z, posterior)}, weight)
        return terms | self._contrast(codes, picked)

    def code(self, batch: Batch) -> Coding:
        """Posterior of `Batch.x`, one sample of it, and its reconstruction."""
        return self.autoencoder(batch.x)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL of a coded batch."""
        y, kl = batch.x if batch.y is None else batch.y, coding.posterior.kl()
        return elbo_terms(coding, y, self.likelihood, kl=kl, beta=self.beta * self._warmth)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of the first form."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected first form for each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))

    def branch(self, name: str) -> Autoencoder:
        """The encoder of another form and the shared decoder, as an autoencoder of its own.

        Raises:
            ValueError: If there is no such encoder.
        """
        if name not in self.others:
            raise ValueError(f"`name` must be one of {sorted(self.others)}, got {name!r}.")
        return Autoencoder(self.others[name], nn.Identity(), self.autoencoder.decoder)

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Throw the switch, and say where in its cycle the weight of the KL is.

        Arguments:
            epoch: Number of the epoch that begins, from 0.
            snapshot: Not used.
            seed: Fixes the switch.
        """
        self.epoch = epoch
        if self.switch == "epoch":
            self.drawn = float(np.random.default_rng((seed, epoch)).random())

    def get_extra_state(self) -> Tensor:
        """The epoch and where the switch stands."""
        return torch.tensor([self.epoch, self.drawn], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` saved."""
        self.epoch, self.drawn = int(state[0]), float(state[1])

    @property
    def _warmth(self) -> float:
        """Share of the KL's weight that acts in this epoch."""
        if not self.cycle_epochs:
            return 1.0
        return min(1.0, 2 * (self.epoch % self.cycle_epochs) / self.cycle_epochs)

    def _also(self, batch: Batch) -> Mapping[str, Tensor]:
        also = batch.also or {}
        if not also.keys() <= set(self.others):
            raise ValueError(
                f"`also` must hold forms that have an encoder ({sorted(self.others)}), got "
                f"{sorted(also)}."
            )
        return also

    def _picked(self, names: list[str]) -> str:
        if not self.training:  # a score is always that of the first form
            return OWN
        if self.switch == "batch":
            self.drawn = float(torch.rand(()))
        if not names or self.drawn >= self.share:
            return OWN
        return names[min(int(self.drawn / self.share * len(names)), len(names) - 1)]

    def _encode(self, name: str, batch: Batch) -> Posterior:
        if name == OWN:
            return self.encode(batch.x)
        assert batch.also is not None
        return self.others[name](batch.also[name])

    def _contrast(self, codes: Mapping[str, Tensor], picked: str) -> Terms:
        if len(codes) < 2:
            return Terms({})
        if self.stop_gradient:
            codes = {name: z if name == picked else z.detach() for name, z in codes.items()}
        pairs = [contrastive_loss(a, b) for a, b in combinations(codes.values(), 2)]
        weights = {"contrastive": self.contrastive_weight}
        return Terms({"contrastive": torch.stack(pairs).mean()}, weights)
