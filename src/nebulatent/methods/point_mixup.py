r"""PointMixup: a cloud on the way from one to another, with a label on the way too.

.. math:: \varphi^* = \arg\min_{\varphi \text{ bijective}} \sum_i \lVert x_i - y_{\varphi(i)} \rVert,
    \quad u_i = (1 - \lambda)\, x_i + \lambda\, y_{\varphi^*(i)}, \quad
    c = (1 - \lambda)\, c_1 + \lambda\, c_2, \quad \lambda \sim \mathrm{Beta}(\gamma, \gamma)

Source: Chen, Hu, Gavves, Mensink, Mettes, Yang, Snoek: PointMixup: Augmentation for Point Clouds,
ECCV 2020.

| equation | function |
|---|---|
| (3), (4) assignment | `nebulatent.ops.transport.exact_matching` |
| (5)-(7) interpolation | `mix_places` |
| (2) label | `mixed_cross_entropy` |
| section 3.4, manifold mixup | `mixed_level` |
| both, for classifiers | `PointMixup` |
| both, for methods without labels | `OnMixedClouds` |

Authors' code: yunlu-chen/PointMixup matches by an auction that is neither exact nor always
one-to-one; folds λ into 0..1/2, which by symmetry changes nothing; reports the best test accuracy
of all epochs.
Our reading: every pair of clouds has a λ of its own. Without labels, what is learned from features
on the way between two clouds is the cloud on that way.
"""  # noqa: E501

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from nebulatent.backbones.pointnet2 import PointNet2Classifier, PointNet2Encoder
from nebulatent.backbones.prediction import PointNetwork, Prediction
from nebulatent.backbones.set_abstraction import Places
from nebulatent.data.batch import Batch
from nebulatent.latents.posterior import Dirac
from nebulatent.objectives.classes import told_classes
from nebulatent.ops.points import points_at
from nebulatent.ops.transport import exact_matching
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


class Mixing(NamedTuple):
    """Who is mixed with whom, and how much.

    Arguments:
        partner: The other cloud of each.
        ratio: λ, the other's share.
    """

    partner: Int[Tensor, " batch"]
    ratio: Float[Tensor, " batch"]


def draw_mixing(
    count: int, gamma: float, like: Tensor, generator: torch.Generator | None = None
) -> Mixing:
    """A random partner and share for each cloud.

    Arguments:
        count: Number of clouds.
        gamma: Of the Beta distribution; the larger, the more clouds are half and half.
        like: Gives the device and precision.
        generator: Source of the randomness; the global one if missing.

    Raises:
        ValueError: If `gamma` is not positive.
    """
    if not gamma > 0:
        raise ValueError(f"`gamma` must be positive, got {gamma}.")
    device = torch.device("cpu") if generator is None else generator.device
    partner = torch.randperm(count, generator=generator, device=device)
    # PyTorch draws Beta from no generator of one's choice.
    seed = int(torch.randint(2**62, (), generator=generator, device=device))
    ratio = torch.from_numpy(np.random.default_rng(seed).beta(gamma, gamma, count))
    return Mixing(partner.to(like.device), ratio.to(like))


def mix_places(places: Places, mixing: Mixing) -> Places:
    """Clouds on the way to their partners: positions and features along the same assignment.

    Source: Chen et al., ECCV 2020, Eq. (3) and (5)-(7); the assignment is by positions alone.
    """
    other = Places(*(part[mixing.partner] for part in places))
    index = exact_matching(places.xyz, other.xyz).partner
    ratio = mixing.ratio.view(-1, 1, 1)
    return Places(
        *(
            torch.lerp(mine, points_at(theirs, index), ratio.to(mine))
            for mine, theirs in zip(places, other, strict=True)
        )
    )


def mix_clouds(
    points: Float[Tensor, "batch points channels"], mixing: Mixing
) -> Float[Tensor, "batch points channels"]:
    """Clouds on the way to their partners; the first three channels are positions."""
    return torch.cat(mix_places(Places(points[..., :3], points[..., 3:]), mixing), 2)


@contextmanager
def mixed_level(encoder: PointNet2Encoder, level: int, mixing: Mixing) -> Iterator[None]:
    """Within it, what enters a level of the encoder is mixed.

    Source: Chen et al., ECCV 2020, section 3.4: centres are matched by position, and their features
    go with them.

    Arguments:
        encoder: Has levels of centres.
        level: Which one, from 0, whose points are the clouds'; the last pools what is left.
        mixing: Who with whom.
    """
    entered = [*encoder.levels, encoder.whole][level]
    hook = entered.register_forward_pre_hook(lambda _, given: (mix_places(given[0], mixing),))
    try:
        yield
    finally:
        hook.remove()


def drawn_level(encoder: PointNet2Encoder) -> int:
    """A level to mix at, all equally likely; from the global generator."""
    return int(torch.randint(len(encoder.levels) + 1, ()))


def mixed_cross_entropy(
    logits: Float[Tensor, "batch classes"], label: Int[Tensor, " batch"], mixing: Mixing
) -> Float[Tensor, ""]:
    """Cross-entropy with the mixed label, in nats.

    Source: Chen et al., ECCV 2020, Eq. (2).
    """
    log_p = logits.log_softmax(1)
    mine = log_p.gather(1, label.unsqueeze(1)).squeeze(1)
    theirs = log_p.gather(1, label[mixing.partner].unsqueeze(1)).squeeze(1)
    return -torch.lerp(mine, theirs, mixing.ratio).mean()


class PointMixup(nn.Module):
    """Creates the objective of a classifier of clouds that is trained on mixed ones.

    The mixing comes from the global generator, which `fit` seeds; nothing is mixed in evaluation.

    Arguments:
        network: Scores clouds; a `PointNet2Classifier` for manifold mixup.
        gamma: Of the Beta distribution; 0.4 (manifold 1.5) in the paper if clouds are not aligned,
            1.0 (manifold 2.0) if they are.
        manifold: Whether to mix the centres of a random level instead, the points being one.
        latent_terms: Further terms of the clouds' features, such as `NebulaAnchors`.

    Raises:
        ValueError: If `gamma` is not positive.
        TypeError: If `manifold` is asked of a network without levels of centres.
    """

    def __init__(
        self,
        network: PointNetwork,
        *,
        gamma: float = 1.0,
        manifold: bool = False,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if not gamma > 0:
            raise ValueError(f"`gamma` must be positive, got {gamma}.")
        if manifold and not isinstance(network, PointNet2Classifier):
            raise TypeError(
                f"`network` must be a PointNet2Classifier for manifold mixup, got {type(network)}; "
                "mix the points alone."
            )
        self.network, self.latent_terms = network, latent_terms
        self.gamma, self.manifold = gamma, manifold

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch.

        Raises:
            ValueError: If the batch has no labels, or one that the network has no class for.
        """
        label = told_classes(batch, self.network.num_classes)
        if self.training:
            mixing = draw_mixing(len(label), self.gamma, batch.x)
            prediction = self._mixed(batch.x, mixing)
        else:
            mixing = Mixing(
                torch.arange(len(label), device=label.device), batch.x.new_zeros(len(label))
            )
            prediction = self.network(batch.x)
        loss = mixed_cross_entropy(prediction.logits, label, mixing)
        return Terms({"class": loss}) | prediction.terms | self.latent_terms(prediction.h)

    def _mixed(self, x: Tensor, mixing: Mixing) -> Prediction:
        """What the network says of mixed clouds, or of clouds mixed on a random level."""
        if not isinstance(self.network, PointNet2Classifier) or not self.manifold:
            return self.network(mix_clouds(x, mixing))
        encoder = self.network.encoder
        with mixed_level(encoder, drawn_level(encoder), mixing):
            return self.network(x)

    def encode(self, x: Float[Tensor, "batch points channels"]) -> Dirac:
        """The network's feature of each cloud."""
        return Dirac(self.network.features(x))

    def classify(self, x: Float[Tensor, "batch points channels"]) -> Int[Tensor, " batch"]:
        """The most probable class of each cloud; no gradient."""
        with torch.no_grad():
            return self.network(x).logits.argmax(1)


class OnMixedClouds(nn.Module):
    """Another method, trained on mixed clouds instead of the clouds themselves.

    For methods that read no labels; nothing is mixed in evaluation. With `manifold` the clouds, or
    the centres of a random level, are mixed, and the method must explain the mixed clouds: so it
    must be one whose target is a cloud, an autoencoder or OcCo. Jigsaw3D and Rotation3D, whose
    targets are labels that they draw for each cloud, are for mixed clouds alone; so is ParAE, which
    describes each point by what enters a level as well.

    Arguments:
        method: A `Method` of clouds.
        gamma: Of the Beta distribution.
        manifold: Whether to mix a random level of the method's PointNet++, the points being one.

    Raises:
        ValueError: If `gamma` is not positive.
        TypeError: If `manifold` is asked of a method without levels of centres, or whose target is
            no cloud.
    """

    def __init__(self, method: nn.Module, *, gamma: float = 1.0, manifold: bool = False) -> None:
        super().__init__()
        if not gamma > 0:
            raise ValueError(f"`gamma` must be positive, got {gamma}.")
        if manifold:
            _find_levels(method)
        self.method, self.gamma, self.manifold = method, gamma, manifold

    def forward(self, batch: Batch) -> Terms:
        """The terms of a mixed batch; its labels are not handed on."""
        x = batch.x if batch.y is None else batch.y
        if not self.training:
            return self.method(Batch(x))
        mixing = draw_mixing(len(x), self.gamma, x)
        mixed = mix_clouds(x, mixing)
        encoder = _find_levels(self.method) if self.manifold else None
        level = 0 if encoder is None else drawn_level(encoder)
        if encoder is None or level == 0:
            return self.method(Batch(mixed))
        with mixed_level(encoder, level, mixing):
            return self.method(Batch(x, mixed))

    def encode(self, x: Tensor) -> Dirac:
        """The code of each cloud."""
        return self.method.encode(x)  # pyright: ignore[reportCallIssue]


def _find_levels(method: nn.Module) -> PointNet2Encoder:
    """The PointNet++ of a method that explains clouds."""
    found = [module for module in method.modules() if isinstance(module, PointNet2Encoder)]
    if not found:
        raise TypeError(
            "`method` must have a PointNet2Encoder for manifold mixup, got "
            f"{type(method).__name__} without; mix the points alone."
        )
    if not hasattr(method, "decode"):
        raise TypeError(
            "`method` must have clouds as its target (an autoencoder, OcCo) for manifold mixup, "
            f"got {type(method).__name__}; mix the points alone."
        )
    return found[0]
