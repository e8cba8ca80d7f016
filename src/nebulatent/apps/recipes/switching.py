"""The experiment of SwitchVAE's tables: its networks on grids and pictures, alone or together.

| preset | grid | its channels | picture | its network | features, code |
|---|---|---|---|---|---|
| full | 32³ | 8-16-32-64 | 3 × 137² | ResNet-18 | 1024, 128 |
| quick | 16³ | 8-16-32-64 | 1 × 32² | 3 convolutions, 16-32-64 | 256, 128 |

Source: Wu et al. 2023, section 4.1.
Our reading: Adam at 5e-3 with a linear fall at the end, in place of SGD at 2e-4 for a number of
epochs that the paper does not state; the switch is thrown once a batch, as in the authors' code,
since a few epochs are too few to throw it once in each. No weights are pretrained. A coarse cell
stands for the eight fine ones that it covers: the terms of the latent weigh an eighth in the quick
preset, so that they keep the paper's weight beside a cross-entropy summed over cells. The paper
states no weight of the KL; ours is a tenth, which rebuilt held-out training shapes better than 1.
The contrastive term moves only the form that is picked, as the paper says of its switch and not as
its authors' code does: on built-in shapes of other seeds both forms' codes then told classes apart
better (0.84 to 0.81 from pictures, 0.83 to 0.81 from grids; one training each).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from nebulatent.apps.recipes.grid_coders import model_coder
from nebulatent.apps.recipes.latent_looks import coder_looks, space_looks
from nebulatent.apps.recipes.recipe import Given, Outcome
from nebulatent.apps.recipes.voxel_data import RESOLUTION, Forms, VoxelData, coarse
from nebulatent.apps.recipes.voxel_measuring import (
    REBUILT,
    VIEWS,
    grid_rows,
    of_category,
    switched_measures,
    view_rows,
)
from nebulatent.backbones.images import ConvEncoder
from nebulatent.backbones.resnet import ResNet18
from nebulatent.backbones.views import MultiViewEncoder
from nebulatent.backbones.voxels import VoxelDecoder, VoxelEncoder
from nebulatent.data.batch import Batches
from nebulatent.data.turns import Turns
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import NormalizedVariational
from nebulatent.methods.nvc import NebulaAnchors, NebulaWeights
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import WeightedBernoulli
from nebulatent.terms import Terms, no_terms
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.typing import Tensor

Model = Literal["voxel-vae", "image-vae", "switch-vae"]
LATENT_DIM = 128
KL_WEIGHT = 0.1  # lambda_KL
LR = 5e-3  # of Adam; the scale of normalised logits grows by no more than this a step
WARMUP_EPOCHS = 2  # before anchors act


@dataclass(frozen=True, kw_only=True)
class Switched:
    """A VAE of one form, or SwitchVAE of both; every one rebuilds grids.

    Arguments:
        model: Which forms it reads.
        contrastive: Lambda of SwitchVAE.
        share: How often SwitchVAE's switch picks the pictures.
        num_anchors: Of NVC-ML on the latent; 0 is none.
        pictured: Share of the training shapes that have pictures. The image VAE reads no others;
            SwitchVAE's batches are of those shapes and of all shapes' grids in turn.
        category: The only category that it is trained on, for as many steps; empty for all.
    """

    model: Model
    contrastive: float = 0.0
    share: float = 0.2
    num_anchors: int = 0
    pictured: float = 1.0
    category: str = ""

    @property
    def name(self) -> str:
        """Model, and what is switched on."""
        words: list[str] = [self.model]
        if self.model == "switch-vae":
            words += [f"lambda{self.contrastive:g}", f"images{100 * self.share:g}"]
        words += [f"nvc-ml-{self.num_anchors}"] * bool(self.num_anchors)
        words += [f"pictured{100 * self.pictured:g}"] * (self.pictured < 1)
        return "-".join([*words, *[self.category] * bool(self.category)]).replace(".", "p")

    def __call__(self, setting: Given[VoxelData]) -> Outcome:
        """Train and measure."""
        data, size = setting.data, setting.budget.batch_size
        of_category(data.test, data.names, REBUILT)  # refused before the training, not after
        train = of_category(data.train, data.names, self.category)
        batches = self.batches(train, data, size, setting.seed)
        steps = setting.budget.epochs * -(-len(data.train.label) // size)
        epochs = max(1, steps // len(batches))
        method = self.build(data, epochs, setting.seed, most=len(train.label))
        fit(method, batches, FitConfig(epochs=epochs, lr=LR, seed=setting.seed))
        measures = switched_measures(method, data)
        if self.category or self.model == "image-vae":
            return Outcome(measures)
        looks = coder_looks(model_coder(method), setting)  # of the figures, which share the row
        return Outcome([*measures, *looks.measures], looks.arrays)

    def build(
        self, data: VoxelData, epochs: int, seed: int, *, most: int = 1 << 31
    ) -> VAE | SwitchVAE:
        """The model with freshly drawn weights; the global random state is not touched.

        Arguments:
            data: Its sizes are those of the networks.
            epochs: Of the training; anchors act after the first ones.
            seed: Of the weights.
            most: Anchors at most: there must not be more than training shapes.
        """
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self._built(data, min(WARMUP_EPOCHS, epochs - 1), min(self.num_anchors, most))

    def _built(self, data: VoxelData, warmup: int, num_anchors: int) -> VAE | SwitchVAE:
        decoder, likelihood = VoxelDecoder(LATENT_DIM, data.resolution), WeightedBernoulli()
        weight = (data.resolution / RESOLUTION) ** 3
        terms, beta = _anchors(num_anchors, warmup, weight), weight * KL_WEIGHT
        if self.model != "switch-vae":
            branch = image_branch if self.model == "image-vae" else voxel_branch
            alone = Autoencoder(*branch(data), decoder)
            return VAE(alone, likelihood=likelihood, beta=beta, latent_terms=terms)
        return SwitchVAE(
            Autoencoder(*voxel_branch(data), decoder),
            {VIEWS: nn.Sequential(*image_branch(data))},
            likelihood=likelihood,
            share=self.share,
            switch="batch",
            contrastive_weight=weight * self.contrastive,
            stop_gradient=True,
            beta=beta,
            latent_terms=terms,
        )

    def batches(self, train: Forms, data: VoxelData, batch_size: int, seed: int) -> Batches:
        """Training shapes in the forms that the model reads; no label is among them."""
        every = Batches(grid_rows(train, data), batch_size=batch_size, seed=seed)
        if self.model == "voxel-vae":
            return every
        seen = _pictured(train, self.pictured)
        grids, views = grid_rows(seen, data), view_rows(seen, data)
        if self.model == "image-vae":
            return Batches(views, y=grids, batch_size=batch_size, seed=seed)
        both = Batches(grids, also={VIEWS: views}, batch_size=batch_size, seed=seed)
        return both if seen is train else Turns(every, both)


@dataclass(frozen=True, kw_only=True)
class Untrained:
    """Both encoders of SwitchVAE with their weights as drawn, probed."""

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return "untrained-switch-vae"

    def __call__(self, setting: Given[VoxelData]) -> Outcome:
        """Measure."""
        data = setting.data
        drawn = Switched(model="switch-vae").build(data, 1, setting.seed).eval()
        probes = [m for m in switched_measures(drawn, data) if "SVM" in m.name]
        codes = model_coder(drawn).encode(coarse(data.test.cells, data.resolution))
        space = space_looks(codes.numpy(), setting)
        return Outcome([*probes, *space.measures], space.arrays)


def _pictured(train: Forms, share: float) -> Forms:
    """So many of the shapes, drawn; the same for every model and seed."""
    if share >= 1:
        return train
    order = np.random.default_rng(0).permutation(len(train.label))
    return train.take(np.sort(order[: max(2, round(share * len(order)))]))


def _anchors(count: int, warmup: int, weight: float) -> Callable[[Tensor], Terms]:
    """NVC-ML on the latent, or nothing."""
    if not count:
        return no_terms
    anchors = AnchorSet(count, LATENT_DIM, warmup_epochs=warmup)
    weights = NebulaWeights(*(weight * own for own in NebulaWeights()))
    return NebulaAnchors(count, LATENT_DIM, metric=True, weights=weights, anchors=anchors)


def voxel_branch(data: VoxelData) -> tuple[nn.Module, nn.Module]:
    """Encoder and bottleneck of grids."""
    encoder = VoxelEncoder(data.resolution)
    return encoder, NormalizedVariational(encoder.feature_dim, LATENT_DIM)


def image_branch(data: VoxelData) -> tuple[nn.Module, nn.Module]:
    """Encoder and bottleneck of pictures: the paper's ones beside its grids, else smaller ones."""
    size = data.views.size
    if data.resolution == RESOLUTION:
        one, features = ResNet18(size, 1024, in_channels=data.colours), 1024
    else:
        one, features = ConvEncoder((data.colours, size, size), (16, 32, 64), 256), 256
    encoder = MultiViewEncoder(one, feature_dim=features)
    return encoder, NormalizedVariational(features, LATENT_DIM)
