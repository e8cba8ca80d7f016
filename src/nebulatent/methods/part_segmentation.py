r"""Part segmentation: every point of a cloud gets the name of a part, with or without anchors.

.. math:: L = -\frac{1}{BN} \sum_{n,i} \log p(k_{ni} \mid P_n, c_n)
    + L_{\text{nebula}}(z) + L_{\text{metric}}(z), \qquad z_n = h_n / \sqrt{D}

where k is the part of a point, c the category of its cloud, and h the network's feature of the
cloud, of D numbers.

Source: Wang et al., TPAMI 2022, section 4.4 and Table 5: anchors in PointNet and 3D-GCN, metric
terms by "the class labels of each point cloud". Qi et al., PointNet, CVPR 2017, supplementary C.

| quantity | function |
|---|---|
| cross-entropy of the parts | `PartSegmentation.forward` |
| the best part of a point among those of its cloud's category | `best_parts` |

Authors' code: charlesq34/pointnet (MIT) and j1a0m0e4sNTU/3dgcn (MIT) train over the parts of all
categories and restrict only the prediction, as here. None is released for NVC in these networks.
Our reading: "class labels" are the categories, each with an anchor of its own, in all latent terms.
Anchors see h before the category is put beside it. It is divided by the root of D, so that a
squared distance is a mean over features: their sum would weigh hundreds beside a mean over points.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.prediction import Prediction
from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.posterior import Dirac
from nebulatent.ops.distances import at_least_single
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Bool, Float, Int, Tensor

PARTS = "parts"  # name of the points' labels in `Batch.also`


@runtime_checkable
class PartNetwork(Protocol):
    """A network that scores all parts of each point, and may be told the category."""

    feature_dim: int
    """Size of the cloud's feature."""
    num_classes: int
    """Number of parts of all categories."""
    num_categories: int
    """Number of categories that it is told one of; 0 if none."""

    def __call__(self, points: Tensor, category: Tensor | None, /) -> Prediction:
        """Scores, feature and terms of a batch of clouds."""
        ...

    def features(self, points: Tensor, /) -> Float[Tensor, "batch features"]:
        """The feature alone."""
        ...


@runtime_checkable
class LabelledTerms(Protocol):
    """Latent terms whose anchors can stand for classes, such as `NebulaAnchors`."""

    anchors: AnchorSet
    """The anchors."""

    def __call__(self, z: Tensor, label: Tensor | None = None, /) -> Terms:
        """The terms of codes with these labels."""
        ...


def best_parts(
    logits: Float[Tensor, "batch points parts"],
    category: Int[Tensor, " batch"],
    parts_of: Bool[Tensor, "categories parts"],
) -> Int[Tensor, "batch points"]:
    """The part with the highest score among those of the cloud's category.

    Source: Qi et al., CVPR 2017, as their code evaluates; all who report this benchmark do.

    Examples:
        >>> parts_of = torch.tensor([[True, True, False], [False, False, True]])
        >>> best_parts(torch.tensor([[[0.1, 0.2, 9.0]]]), torch.tensor([0]), parts_of)
        tensor([[1]])
    """
    foreign = ~parts_of.index_select(0, category).unsqueeze(1)
    return logits.masked_fill(foreign, -torch.inf).argmax(2)


class PartSegmentation(nn.Module):
    """Creates the objective of a supervised segmentation of parts.

    Arguments:
        network: Scores the parts of all categories at every point.
        parts_of: Which parts each category has; each has at least one.
        latent_terms: Further terms of the clouds' features, such as `NebulaAnchors`; give those
            the `scale` 1/√D that goes with the division of the features.
        by_category: Whether a cloud's category takes the place of its nearest anchor.

    Raises:
        ValueError: If network and `parts_of` differ in their numbers, a category has no part, or
            there are fewer anchors than categories that take their place.
        TypeError: If `by_category` is asked of terms that take no labels.
    """

    parts_of: Tensor

    def __init__(
        self,
        network: PartNetwork,
        parts_of: Bool[Tensor, "categories parts"],
        *,
        latent_terms: Callable[..., Terms] = no_terms,
        by_category: bool = False,
    ) -> None:
        super().__init__()
        _check_parts(network, parts_of)
        if by_category:
            _check_anchors(latent_terms, len(parts_of))
        self.network, self.latent_terms, self.by_category = network, latent_terms, by_category
        self.register_buffer("parts_of", parts_of, persistent=False)

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch with categories as `label` and `also["parts"]`.

        Raises:
            ValueError: If either is missing or out of its range.
        """
        category, parts = self._labels(batch)
        prediction = self._predicted(batch.x, category)
        logits = at_least_single(prediction.logits.flatten(0, 1))
        terms = Terms({PARTS: F.cross_entropy(logits, parts.flatten().long())}) | prediction.terms
        z = self._code(prediction.h)
        return terms | (
            self.latent_terms(z, category) if self.by_category else self.latent_terms(z)
        )

    def encode(self, x: Float[Tensor, "batch points channels"]) -> Dirac:
        """The network's feature of each cloud, as anchors see it."""
        return Dirac(self._code(self.network.features(x)))

    def segment(
        self, x: Float[Tensor, "batch points channels"], category: Int[Tensor, " batch"]
    ) -> Int[Tensor, "batch points"]:
        """The part of each point, among those of its cloud's category; no gradient.

        Raises:
            ValueError: If a category is not one of `parts_of`.
        """
        _check_range("category", category, len(self.parts_of))
        with torch.no_grad():
            return best_parts(self._predicted(x, category).logits, category, self.parts_of)

    def _predicted(self, x: Tensor, category: Tensor) -> Prediction:
        return self.network(x, category if self.network.num_categories else None)

    def _code(self, h: Tensor) -> Tensor:
        return h * self.network.feature_dim**-0.5

    def _labels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        category, parts = batch.label, (batch.also or {}).get(PARTS)
        if category is None or parts is None:
            missing = "label" if category is None else f'also["{PARTS}"]'
            raise ValueError(f"`{missing}` must be given to a supervised method, got none.")
        if parts.shape != batch.x.shape[:2]:
            raise ValueError(
                f'`also["{PARTS}"]` must be one number per point {tuple(batch.x.shape[:2])}, got '
                f"shape {tuple(parts.shape)}."
            )
        _check_range("label", category, len(self.parts_of))
        _check_range(f'also["{PARTS}"]', parts, self.network.num_classes)
        return category, parts


def _check_parts(network: PartNetwork, parts_of: Tensor) -> None:
    categories, parts = parts_of.shape
    if parts != network.num_classes or network.num_categories not in (0, categories):
        raise ValueError(
            f"`parts_of` must be of the network's {network.num_classes} parts and "
            f"{network.num_categories or 'any number of'} categories, got {parts} parts of "
            f"{categories} categories."
        )
    if not parts_of.any(1).all():
        empty = (~parts_of.any(1)).nonzero().flatten().tolist()
        raise ValueError(f"`parts_of` must have a part for each category, got none for {empty}.")


def _check_anchors(latent_terms: object, categories: int) -> None:
    if not isinstance(latent_terms, LabelledTerms):
        raise TypeError(
            "`latent_terms` must be anchors that take labels when `by_category=True`, got "
            f"{type(latent_terms).__name__}."
        )
    if latent_terms.anchors.num_anchors < categories:
        raise ValueError(
            f"`latent_terms` must have an anchor for each of {categories} categories when "
            f"`by_category=True`, got {latent_terms.anchors.num_anchors}."
        )


def _check_range(name: str, values: Tensor, count: int) -> None:
    low, high = (int(value) for value in values.aminmax())
    if low < 0 or high >= count:
        raise ValueError(f"`{name}` must lie in 0..{count - 1}, got {low}..{high}.")
