"""The experiment of completion: 3D-AE and 3D-RecGAN, with or without anchors.

Both hosts have the same generator, with shortcuts as published; the anchors act on its code. 3D-AE
is 3D-RecGAN without its critic.

Our reading: what the latent terms weigh beside the reconstruction is the same for both hosts.
3D-RecGAN states 95 times the mean over cells, 3D-AE (a `VAE` whose bottleneck is a point) their
sum, so there the terms weigh cells / 95 times as much. The authors minimise them by an optimiser of
their own, with which no weight is comparable. The weight was chosen by the IoU of training shapes
held back (80 of 400, seed 0, 3 epochs, 3D-AE): NVC-ML had 0.571, 0.614 and 0.640 with weights 1,
0.03 and 0.001, and the host alone 0.638. The reconstruction weighs filled cells by 0.85, and
0.5 is the threshold, as in 3D-RecGAN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import nn

from nebulatent.apps.planning.build_completion import Volumes, build_completer
from nebulatent.apps.planning.completion_plan import (
    ADVERSARIAL,
    AE,
    FILLED_WEIGHT,
    GAN,
    NEBULA,
    NUM_ANCHORS,
    completion_warmup,
    latent_share,
)
from nebulatent.apps.recipes.completion_data import CompletionData
from nebulatent.apps.recipes.recipe import Given, Outcome
from nebulatent.apps.recipes.store import pack
from nebulatent.data.batch import Batches
from nebulatent.data.voxel_pairs import PackedGrids, VoxelPairs
from nebulatent.evaluation.completion import Completer, completed, completion_measures
from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.nvc import Form, NebulaAnchors, NebulaWeights
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.vae import VAE
from nebulatent.terms import Terms, no_terms
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

Host = Literal["ae", "gan"]
HOSTS: dict[Host, str] = {"ae": AE, "gan": GAN}
Anchors = Literal["none", "nvc", "nvc-ml"]
Setting = Given[CompletionData]


@dataclass(frozen=True, kw_only=True)
class Completed:
    """One trained model."""

    host: Host
    """3D-AE or 3D-RecGAN."""
    anchors: Anchors = "none"
    """Whether there are anchors, and metric terms."""
    num_anchors: int = NUM_ANCHORS
    """How many."""
    form: Form = "log1p"
    """Of the nebula term; `"euclidean"` is the one without masses."""
    pair: bool = True
    """Whether the metric terms include that of pairs."""
    triplet: bool = True
    """Whether they include that of triplets."""
    shortcuts: bool = True
    """Whether the decoder sees the encoder's maps."""
    weight: float = NEBULA
    """Of all latent terms beside 3D-RecGAN's reconstruction."""

    @property
    def name(self) -> str:
        """Host, anchors and what differs from the defaults."""
        words = ["completed", self.host] + ["plain"] * (not self.shortcuts)
        if self.anchors != "none":
            words += [self.anchors, str(self.num_anchors)]
            words += [self.form] * (self.form != "log1p")
            words += ["no-pair"] * (not self.pair) + ["no-triplet"] * (not self.triplet)
            words.append(f"w{self.weight:g}".replace(".", "p"))
        return "-".join(words)

    def __call__(self, setting: Setting) -> Outcome:
        """Train and measure."""
        data, budget = setting.data, setting.budget
        model = self.build(setting)
        batches = Batches(
            data.train.partial,
            y=data.train.whole,
            batch_size=budget.batch_size,
            seed=setting.seed,
            prepare=torch.Tensor.float,
        )
        fit(model, batches, FitConfig(epochs=budget.epochs, lr=data.sizes.lr, seed=setting.seed))
        assert isinstance(model.eval(), Completer)
        return outcome(completed(model, data.test.partial), setting)

    def build(self, setting: Setting) -> VAE | RecGAN:
        """The model with its weights as drawn."""
        resolution, channels, code, _ = setting.data.sizes
        sizes = Volumes(resolution, channels, code, self.shortcuts, FILLED_WEIGHT, ADVERSARIAL)
        with torch.random.fork_rng():
            torch.manual_seed(setting.seed)
            return build_completer(HOSTS[self.host], sizes, lambda: self._latent_terms(setting))

    def _latent_terms(self, setting: Setting) -> Callable[[torch.Tensor], Terms]:
        return no_terms if self.anchors == "none" else self._terms(setting)

    def _terms(self, setting: Setting) -> nn.Module:
        """The anchors, and what each of their terms weighs."""
        resolution, _, code, _ = setting.data.sizes
        share = latent_share(HOSTS[self.host], resolution**3, self.weight)
        usual = NebulaWeights()
        weights = NebulaWeights(
            share * usual.nebula,
            share * usual.pair * self.pair,
            share * usual.triplet * self.triplet,
        )
        late = completion_warmup(setting.budget.epochs)
        anchors = AnchorSet(self.num_anchors, code, warmup_epochs=late)
        return NebulaAnchors(
            self.num_anchors,
            code,
            metric=self.anchors == "nvc-ml",
            form=self.form,
            weights=weights,
            anchors=anchors,
        )


def outcome(answer: Bool[np.ndarray, "grids 1 x y z"], setting: Setting) -> Outcome:
    """Measures of answers to the test pairs, and some of the answers for the figure."""
    test = setting.data.test
    measures = completion_measures(answer, test.partial, test.whole, test.label, test.categories)
    if not setting.draws:
        return Outcome(measures)
    first = shown(test)
    grids = {"answer": PackedGrids.of(answer[first])}
    grids |= {"partial": test.partial.take(first), "whole": test.whole.take(first)}
    arrays = {name: pack(part.bits) for name, part in grids.items()}
    return Outcome(measures, {**arrays, "resolution": test.resolution})


def shown(test: VoxelPairs) -> Int[np.ndarray, " categories"]:
    """The test pairs that a figure shows: the first of each category."""
    return np.unique(test.label, return_index=True)[1]
