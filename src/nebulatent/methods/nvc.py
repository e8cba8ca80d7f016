r"""Nebula Variational Coding: anchors that attract codes and repel one another.

.. math:: L = L_{\text{enc-gen}} + L_{\text{nebula}} + L_{\text{metric}}

Source: Wang, Tan, Navab, Tombari: Self-supervised Latent Space Optimization with Nebula
Variational Coding, TPAMI 2022.

| equation | function |
|---|---|
| (4) mass of an anchor | `masses` |
| (5) inverse distance of two anchors | `inverse_distances` |
| (6), (7) nebula loss | `nebula_loss` |
| section 5.1, "without M_a" | `euclidean_loss` |
| (13), (14) variational constraint | `nebulatent.objectives.elbo.elbo_terms` |
| (15) pair, (16) triplet | `nebulatent.objectives.metric` |
| (17) their sum | `NVC` |

The released code has none of (5)-(7) and (16); what it has is in `nebulatent.methods.nvc_released`.
"""

import warnings
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.latents.priors import AnchorMixture
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.objectives.metric import pair_value_and_gradient, triplet_value_and_gradient
from nebulatent.objectives.small_batches import SmallBatch, small_batch
from nebulatent.ops.distances import at_least_single, squared_distances
from nebulatent.ops.known_gradients import Gradients, with_gradients
from nebulatent.ops.processes import gather_rows
from nebulatent.terms import NO_TERMS, Terms
from nebulatent.typing import Float, Int, Tensor

Force = Literal["log1p", "clamped", "literal"]
Form = Force | Literal["euclidean"]
Reduction = Literal["mean", "sum"]
CLOSEST = 1e-8  # squared distance below which two anchors count as this far apart


def masses(
    z: Float[Tensor, "codes latent"],
    anchors: Float[Tensor, "anchors latent"],
    label: Int[Tensor, " codes"],
    reduction: Reduction = "mean",
) -> Float[Tensor, " anchors"]:
    r"""Mass of each anchor: one plus the squared distances of the codes that belong to it.

    .. math:: M(a_i) = 1 + \sum_{n:\, k(n) = i} \lVert z_n - a_i \rVert^2

    Source: Wang et al., TPAMI 2022, Eq. (4).
    Our reading: `"mean"` divides the sum by the number of codes, so that the force between two
        anchors does not grow with the square of the batch; `"sum"` is as printed.
    """
    return _masses(z - anchors.index_select(0, label), label, len(anchors), reduction)


def _masses(offset: Tensor, label: Tensor, num_anchors: int, reduction: Reduction) -> Tensor:
    spread = torch.linalg.vecdot(offset, offset)
    spread = spread / len(offset) if reduction == "mean" else spread
    ones = torch.ones(num_anchors, dtype=offset.dtype, device=offset.device)
    return ones.index_add_(0, label, spread)


def inverse_distances(
    anchors: Float[Tensor, "anchors latent"], form: Force = "log1p", scale2: float = 1.0
) -> Float[Tensor, "anchors anchors"]:
    r"""How strongly two anchors repel by their distance; the diagonal is 0.

    .. math:: D^{-2}_{ij} = -\log(d_{ij}^2 / s^2) \;(\text{literal}), \quad
        \max(0, -\log(d_{ij}^2 / s^2)) \;(\text{clamped}), \quad
        \log(1 + s^2 / d_{ij}^2) \;(\text{log1p})

    Source: Wang et al., TPAMI 2022, Eq. (5), which is `"literal"` with :math:`s = 1`.
    Our reading: `"log1p"` equals the literal form for near anchors and Newton's inverse square for
        far ones, and is positive everywhere; squared distances are taken as at least 1e-8.
    Valid when: `"literal"` only while every distance is below s. Beyond, the force is negative,
        heavier masses lower the loss and training diverges.
    """
    return _forces(squared_distances(anchors, anchors), form, scale2)


def _forces(gap: Tensor, form: Force, scale2: float) -> Tensor:
    """Forces by squared distance; an anchor is made infinitely far from itself, in place."""
    inverse = scale2 / gap.fill_diagonal_(torch.inf).clamp_min(CLOSEST)
    if form == "log1p":
        return inverse.log1p()
    force = inverse.log()
    return force.clamp_min(0) if form == "clamped" else force.fill_diagonal_(0)


def nebula_value_and_gradients(
    z: Float[Tensor, "codes latent"],
    anchors: Float[Tensor, "anchors latent"],
    label: Int[Tensor, " codes"],
    *,
    form: Force = "log1p",
    scale2: float = 1.0,
    reduction: Reduction = "mean",
) -> tuple[
    Float[Tensor, ""], tuple[Float[Tensor, "codes latent"], Float[Tensor, "anchors latent"]]
]:
    r"""`nebula_loss` and its gradients by codes and anchors.

    With :math:`D_{ij}` the forces' :math:`D^{-2}` and :math:`(DM)_k = \sum_j D_{kj} M_j / (m - 1)`,

    .. math:: \partial L / \partial z_n = \tfrac2B (DM)_{k(n)} (z_n - a_{k(n)}) ;

    the anchors receive the opposite of that, and their mutual repulsion through dD/d|a_i - a_j|².
    """
    z, anchors = z.detach(), anchors.detach()
    offset = z - anchors.index_select(0, label)
    mass = _masses(offset, label, len(anchors), reduction)
    gap = squared_distances(anchors, anchors)
    force = _forces(gap, form, scale2)
    others = max(len(anchors) - 1, 1) if reduction == "mean" else 1
    share = 2 / len(z) if reduction == "mean" else 2.0
    pull = force.mv(mass)
    grad_z = offset.mul_((pull * (share / others)).index_select(0, label).unsqueeze(1))
    push = mass.outer(mass).mul_(_slopes(gap, force, form, scale2, 2 / others))
    grad_a = torch.addmm(push.sum(1, keepdim=True) * anchors, push, anchors, alpha=-1)
    back = torch.zeros_like(anchors).index_add_(0, label, grad_z)
    value = mass.dot(pull).div_(2 * others)
    if form == "literal":
        _guard_literal(value, anchors, scale2)
    return value, (grad_z, grad_a.sub_(back))


def _slopes(gap: Tensor, force: Tensor, form: Force, scale2: float, factor: float) -> Tensor:
    """Derivative of each force by the squared distance, times a factor; 0 where it is clamped."""
    slope = -factor * scale2 / (gap * (gap + scale2)) if form == "log1p" else -factor / gap
    still = gap <= CLOSEST
    return slope.masked_fill_(still | (force == 0) if form == "clamped" else still, 0)


def nebula_loss(
    z: Float[Tensor, "codes latent"],
    anchors: Float[Tensor, "anchors latent"],
    label: Int[Tensor, " codes"],
    *,
    form: Force = "log1p",
    scale2: float = 1.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""]:
    r"""Gravitation between anchors, each as heavy as the spread of its codes.

    .. math:: L = \frac{1}{m - 1} \sum_{i<j} M(a_i)\, M(a_j)\, D^{-2}(a_i, a_j)

    Source: Wang et al., TPAMI 2022, Eq. (6)-(7); the inner sum's lower bound is read as i + 1.
    Authors' code: has no such term.
    Our reading: divided by the number of other anchors, so that the attraction of a code does not
        grow with their number; `reduction="sum"` is as printed, undivided.
    Valid when: see `inverse_distances`; the literal form warns when a pair is too far apart.
    Unit: none (a mass is 1 + length²). 0 for a single anchor.

    Arguments:
        z: Codes of one batch.
        anchors: Anchors, at least one.
        label: Anchor that each code belongs to, normally its nearest.
        form: Shape of the force.
        scale2: Squared distance s² at which the literal force vanishes.
        reduction: Means over codes and anchors, or the printed sums.

    Raises:
        FloatingPointError: If the literal form has diverged.

    Examples:
        >>> anchors = torch.tensor([[0.0, 0.0], [0.5, 0.0]])
        >>> nebula_loss(torch.zeros(1, 2), anchors, torch.tensor([0]), form="literal")
        tensor(1.3863)
    """
    value, gradients = nebula_value_and_gradients(
        z, anchors, label, form=form, scale2=scale2, reduction=reduction
    )
    return with_gradients([z, anchors], [value], [gradients])[0]


def _guard_literal(loss: Tensor, anchors: Tensor, scale2: float) -> None:
    if not loss.isfinite():
        raise FloatingPointError(
            'The nebula loss must be finite, got a diverged one: `form="literal"` is unbounded '
            'below; use `form="log1p"`.'
        )
    if squared_distances(anchors, anchors).max() > scale2:
        warnings.warn(
            'Anchors are further apart than 1, where `form="literal"` (Eq. 7 as printed) is '
            'unbounded below and pushes codes away; use `form="log1p"` to train.',
            stacklevel=3,
        )


def euclidean_loss(
    z: Float[Tensor, "codes latent"],
    anchors: Float[Tensor, "anchors latent"],
    label: Int[Tensor, " codes"],
) -> Float[Tensor, ""]:
    r"""Mean squared distance of each code to its anchor: the ablation "without M_a".

    .. math:: \frac1B \sum_n \lVert z_n - a_{k(n)} \rVert^2

    Source: Wang et al., TPAMI 2022, section 5.1; the released code's `loss_0d`.
    """
    return (z - anchors.index_select(0, label)).square().sum(1).mean()


class NebulaWeights(NamedTuple):
    """How much each latent term counts; one that counts 0 is not computed.

    Our reading: Eq. (17) adds the terms with weight 1. The pair term is a mean of squared
        distances, an order of magnitude larger than the others, and weighs a tenth.
    """

    nebula: float = 1.0
    pair: float = 0.1
    triplet: float = 1.0


class NebulaAnchors(nn.Module):
    r"""Trainable anchors and the terms that gather codes around them, for any network's latent.

    Source: Wang et al., TPAMI 2022, Eq. (7) and (15)-(16), summed as in Eq. (17).

    Arguments:
        num_anchors: Number of anchors :math:`m`; 10 for MNIST (Table 2).
        latent_dim: Dimension of a code.
        metric: Whether to add the pair and triplet terms (NVC-ML).
        form: Shape of the force; `"euclidean"` is the ablation without masses.
        weights: Weight of each term.
        scale: Distance s of `inverse_distances`: in units of the square root of `latent_dim` for
            `"log1p"` (standard normal anchors are twice that apart), absolute for the others.
        metric_rows: Largest number of codes in the metric terms; of more, every k-th is taken.
        gather: Whether processes that train together take masses, pairs and triplets over the
            codes of all, so that the terms do not depend on how many share a batch.
        anchors: The anchors themselves, if they need a warm-up or another start.

    Raises:
        ValueError: If a size or the scale is not positive, a weight is negative, or the given
            anchors have other sizes.

    Examples:
        >>> nebula = NebulaAnchors(num_anchors=10, latent_dim=16, metric=True)
        >>> terms = nebula(torch.randn(128, 16))
        >>> sorted(terms.values)
        ['nebula', 'pair', 'triplet']
    """

    def __init__(  # noqa: PLR0913
        self,
        num_anchors: int,
        latent_dim: int,
        *,
        metric: bool = False,
        form: Form = "log1p",
        weights: NebulaWeights = NebulaWeights(),
        scale: float = 1.0,
        metric_rows: int = 512,
        gather: bool = True,
        anchors: AnchorSet | None = None,
    ) -> None:
        super().__init__()
        if form not in (*get_args(Force), "euclidean"):
            raise ValueError(f"`form` must be log1p, clamped, literal or euclidean, got {form!r}.")
        if not scale > 0:
            raise ValueError(f"`scale` must be positive, got {scale}.")
        if min(weights) < 0:
            raise ValueError(f"`weights` must not be negative, got {weights}.")
        if metric_rows < 2:
            raise ValueError(f"`metric_rows` must be at least 2, got {metric_rows}.")
        self.anchors = AnchorSet(num_anchors, latent_dim) if anchors is None else anchors
        if (self.anchors.num_anchors, self.anchors.latent_dim) != (num_anchors, latent_dim):
            raise ValueError(
                f"`anchors` must have {num_anchors} anchors of dimension {latent_dim}, "
                f"got {self.anchors.num_anchors} of dimension {self.anchors.latent_dim}."
            )
        self.form: Form = form
        self.metric, self.weights = metric, weights
        self.scale2 = scale**2 * (latent_dim if form == "log1p" else 1)
        self.metric_rows, self.gather = metric_rows, gather

    def forward(self, z: Tensor, label: Int[Tensor, " batch"] | None = None) -> Terms:
        """The terms of one batch; none during the warm-up.

        Arguments:
            z: Codes `(batch, latent)`, or `(batch, sites, latent)`: each site is then a code.
            label: Class of each sample, to supervise; the nearest anchor if missing.

        Raises:
            ValueError: If `z` does not have `latent_dim` components.
        """
        if z.shape[-1] != self.anchors.latent_dim or z.ndim not in (2, 3):
            raise ValueError(
                f"`z` must be (batch, {self.anchors.latent_dim}) or (batch, sites, "
                f"{self.anchors.latent_dim}), got {tuple(z.shape)}."
            )
        if not self.anchors.active:
            return NO_TERMS
        if z.ndim == 3:
            label = None if label is None else label.repeat_interleave(z.shape[1])
            z = z.flatten(0, 1)
        if torch.is_autocast_enabled(z.device.type):
            with torch.autocast(z.device.type, enabled=False):
                return self._terms(z, label)
        return self._terms(z, label)

    def _terms(self, z: Tensor, label: Tensor | None) -> Terms:
        z, positions = at_least_single(z), at_least_single(self.anchors.positions)
        if self.gather:
            z, label = gather_rows(z), None if label is None else gather_rows(label)
        small = small_batch(z, positions, label)
        if small is not None:
            label = torch.from_numpy(small.owner)
        elif label is None:
            label = self.assign(z)
        known = self._known(z.detach(), positions.detach(), label, small)
        values, gradients = zip(*known.values(), strict=True) if known else ((), ())
        terms = dict(zip(known, with_gradients([z, positions], values, gradients), strict=True))
        if self.weights.nebula and self.form == "euclidean":
            terms["nebula"] = euclidean_loss(z, positions, label)
        return Terms(terms, self.weights._asdict())

    def _known(
        self, z: Tensor, positions: Tensor, label: Tensor, small: SmallBatch | None
    ) -> dict[str, tuple[Tensor, Gradients]]:
        """The terms whose gradients have a closed form, each with them."""
        known: dict[str, tuple[Tensor, Gradients]] = {}
        if self.weights.nebula and self.form != "euclidean":
            if small is not None and self.form == "log1p":
                known["nebula"] = small.nebula(self.scale2, CLOSEST)
            else:
                reduction = "sum" if self.form == "literal" else "mean"
                known["nebula"] = nebula_value_and_gradients(
                    z, positions, label, form=self.form, scale2=self.scale2, reduction=reduction
                )
        if self.metric and self.weights.pair:
            if small is not None and len(z) <= self.metric_rows:
                known["pair"] = small.pair()
            else:
                known["pair"] = self._of_few(pair_value_and_gradient, z, label)
        if self.metric and self.weights.triplet:
            known["triplet"] = self._of_few(triplet_value_and_gradient, z, label)
        return known

    def _of_few(
        self, term: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], z: Tensor, label: Tensor
    ) -> tuple[Tensor, Gradients]:
        """A metric term and its gradients, by at most `metric_rows` of the codes."""
        step = -(-len(z) // self.metric_rows)
        value, gradient = term(z[::step], label[::step])
        if step > 1:
            gradient, few = torch.zeros_like(z), gradient
            gradient[::step] = few
        return value, (gradient, None)

    def place(self, z: Float[Tensor, "codes latent"], *, seed: int = 0) -> None:
        """Move the anchors to the k-means centres of `z`; worth doing once, after a warm-up."""
        self.anchors.place(z, seed=seed)

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """Index of each code's nearest anchor: its self-supervised label."""
        return self.anchors.assign(z)


class NVC(nn.Module):
    r"""Creates the whole method: an autoencoder under a variational constraint, and its anchors.

    .. math:: L = -\mathbb E_q [\log p(y|z)] + \beta\, \mathrm{KL}[q(z|x) \| p(z)]
        + L_{\text{nebula}}(\mu) + L_{\text{metric}}(\mu)

    Source: Wang et al., TPAMI 2022, Eq. (17).
    Our reading: anchors see the posterior mean, not a sample, so that a code's anchor does not
        depend on chance.

    Arguments:
        autoencoder: Any encoder, bottleneck and decoder; a `Deterministic` bottleneck has no KL.
        latent_terms: The anchors.
        likelihood: p(y|z).
        beta: Weight of the KL term.
        prior: The mixture that replaces N(0, I) once the anchors act.
        supervised: Whether classes take the place of the nearest anchor (Table 2, "supervised").

    Raises:
        ValueError: If the prior has other sizes than the anchors.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        latent_terms: NebulaAnchors,
        *,
        likelihood: Likelihood | None = None,
        beta: float = 1.0,
        prior: AnchorMixture | None = None,
        supervised: bool = False,
    ) -> None:
        super().__init__()
        sizes = (latent_terms.anchors.num_anchors, latent_terms.anchors.latent_dim)
        if prior is not None and prior.logvar.shape != sizes:
            raise ValueError(
                f"`prior` must have {sizes[0]} components of dimension {sizes[1]} like the "
                f"anchors, got {tuple(prior.logvar.shape)}."
            )
        self.autoencoder, self.latent_terms = autoencoder, latent_terms
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.beta, self.prior, self.supervised = beta, prior, supervised

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are read only if `supervised`.

        Raises:
            ValueError: If `supervised` and the batch has no labels or more classes than anchors.
        """
        coding = self.code(batch)
        return self.elbo(coding, batch) | self.latent_terms(
            coding.posterior.mean, self._label(batch)
        )

    def code(self, batch: Batch) -> Coding:
        """Posterior, one sample of it, and its reconstruction."""
        return self.autoencoder(batch.x)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL of a coded batch, under the mixture prior once anchors act."""
        anchors = self.latent_terms.anchors
        if self.prior is not None and anchors.active:
            kl = self.prior.kl(coding.posterior, coding.z, anchors.positions)
        else:
            kl = coding.posterior.kl()
        y = batch.x if batch.y is None else batch.y
        return elbo_terms(coding, y, self.likelihood, kl=kl, beta=self.beta)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected data for each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))

    def _label(self, batch: Batch) -> Tensor | None:
        if not self.supervised:
            return None
        if batch.label is None:
            raise ValueError("`label` must be given when `supervised=True`, got a batch without.")
        num_anchors = self.latent_terms.anchors.num_anchors
        low, high = (int(value) for value in batch.label.aminmax())
        if low < 0 or high >= num_anchors:
            raise ValueError(
                f"`label` must lie in 0..{num_anchors - 1} when `supervised=True`, "
                f"got {low}..{high}; an anchor is needed for every class."
            )
        return batch.label
