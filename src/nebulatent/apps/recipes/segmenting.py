"""Experiments of part segmentation: a network with or without anchors, and what needs no network.

Every network is told the category of a cloud, as in its paper, and trained by Adam on the parts of
all points. What the papers state otherwise (steps of the learning rate, weight decay) is not
followed, so that rows differ in the network and its anchors alone.

Our reading: Eq. (17) adds the latent terms to the loss of a sample, which for a cloud is a sum over
points. As in :mod:`nebulatent.objectives.cloud_likelihoods` a cloud counts as 64 points; beside a
mean over points the terms have 1/64 of their weights.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from nebulatent.apps.recipes.part_data import PartData, points
from nebulatent.apps.recipes.recipe import Given, Outcome
from nebulatent.apps.recipes.recipe_data import images, labels
from nebulatent.backbones.gcn3d import PARTS as GCN_CHANNELS
from nebulatent.backbones.gcn3d import GCN3DEncoder, GCN3DSegmenter
from nebulatent.backbones.point_layers import scaled
from nebulatent.backbones.pointnet2 import SSG, WHOLE, PointNet2Segmenter, reduced
from nebulatent.backbones.pointnet_parts import PointNetPartSegmenter
from nebulatent.data.batch import Batches
from nebulatent.data.table import Table
from nebulatent.evaluation.part_iou import (
    PartLabels,
    frequent_parts,
    part_measures,
    segment_all,
)
from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.nvc import NebulaAnchors, NebulaWeights
from nebulatent.methods.part_segmentation import PARTS, PartNetwork, PartSegmentation
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.typing import Float, Tensor

Host = Literal["pointnet", "pointnet2", "gcn3d"]
Anchors = Literal["none", "nvc", "nvc-ml"]
PartSetting = Given[PartData]
FULL_POINTS = 2048  # of a cloud of ShapeNetPart, for which radii and numbers of centres were chosen
GCN_NEIGHBOURS = 50
WARMUP = 1
COUNTED = 64


def build_host(host: Host, data: PartData) -> PartNetwork:
    """A network of one of the papers, its channels and neighbourhoods cut to the data's sizes."""
    categories, parts = data.parts_of.shape
    width, share = 1 / data.sizes.narrower, min(1.0, data.sizes.num_points / FULL_POINTS)
    if host == "pointnet":
        return PointNetPartSegmenter(parts, categories, width=width)
    if host == "pointnet2":
        whole, levels = scaled(WHOLE, width), reduced(SSG, width, share)
        return PointNet2Segmenter(parts, categories, levels=levels, whole=whole, width=width)
    # The last level must have more points than a point has neighbours.
    neighbours = max(1, min(GCN_NEIGHBOURS, round(GCN_NEIGHBOURS * share)))
    encoder = GCN3DEncoder(GCN_CHANNELS, num_neighbours=neighbours, width=width)
    return GCN3DSegmenter(parts, categories, encoder=encoder, width=width)


def build_segmentation(
    host: Host, terms: Anchors, setting: PartSetting, counted: int = COUNTED
) -> PartSegmentation:
    """Create a method with freshly drawn weights; the global random state is not touched."""
    parts_of = torch.from_numpy(setting.data.parts_of)
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)
        network = build_host(host, setting.data)
        if terms == "none":
            return PartSegmentation(network, parts_of)
        count, by_category = len(parts_of), terms == "nvc-ml"
        nebula = NebulaAnchors(
            count,
            network.feature_dim,
            metric=by_category,
            weights=NebulaWeights(*(weight / counted for weight in NebulaWeights())),
            scale=network.feature_dim**-0.5,
            anchors=AnchorSet(
                count,
                network.feature_dim,
                start="classes" if by_category else "kmeans",
                # Categories are known at once; clusters only when the network has learned a little.
                warmup_epochs=0 if by_category else min(WARMUP, setting.budget.epochs - 1),
                # A category's anchor stays with it, whichever anchor is nearest to its clouds.
                revive=not by_category,
            ),
        )
        return PartSegmentation(network, parts_of, latent_terms=nebula, by_category=by_category)


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """One network, trained. NVC has anchors by proximity; in NVC-ML the category names the anchor.

    Either has as many anchors as there are categories. A cloud counts as `counted` points.
    """

    host: Host
    terms: Anchors = "none"
    counted: int = COUNTED

    @property
    def name(self) -> str:
        """Network, terms, and what differs from the default."""
        words = ["parts", self.host] + [self.terms] * (self.terms != "none")
        return "-".join(words + [f"counted{self.counted}"] * (self.counted != COUNTED))

    def __call__(self, setting: PartSetting) -> Outcome:
        """Train and measure."""
        model = build_segmentation(self.host, self.terms, setting, self.counted)
        train(model, setting)
        data, test = setting.data, setting.data.clouds.test
        x, prepare = first_points(test, data.sizes.num_points), data.clouds.scaling.apply
        predicted = segment_all(model, x, labels(test), prepare)
        return _outcome(predicted, setting)


def train(model: nn.Module, setting: PartSetting) -> None:
    """Train on clouds with their categories and parts."""
    data, budget = setting.data, setting.budget
    table = data.clouds.train
    batches = Batches(
        first_points(table, data.sizes.num_points),
        torch.from_numpy(labels(table)),
        batch_size=budget.batch_size,
        seed=setting.seed,
        prepare=data.clouds.scaling.apply,
        also={PARTS: torch.from_numpy(first_parts(table, data.sizes.num_points))},
    )
    fit(model, batches, FitConfig(epochs=budget.epochs, lr=data.sizes.lr, seed=setting.seed))


@dataclass(frozen=True, kw_only=True)
class FrequentPart:
    """Without training: every point has the part most frequent in its category."""

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return "parts-most-frequent"

    def __call__(self, setting: PartSetting) -> Outcome:
        """Count the training points, name the test points."""
        data, train, test = setting.data, setting.data.clouds.train, setting.data.clouds.test
        known = first_parts(train, data.sizes.num_points)
        best = frequent_parts(PartLabels(known, labels(train), data.parts_of))
        guess = best[labels(test)][:, None].repeat(data.sizes.num_points, 1)
        return _outcome(guess, setting)


@dataclass(frozen=True, kw_only=True)
class NearestPoint:
    """Without training: every point has the part of the nearest training point of its category."""

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return "parts-nearest-point"

    def __call__(self, setting: PartSetting) -> Outcome:
        """Look up the test points among all training points, category by category."""
        from scipy.spatial import KDTree

        data, train, test = setting.data, setting.data.clouds.train, setting.data.clouds.test
        count = data.sizes.num_points
        known, part = first_points(train, count).numpy(), first_parts(train, count)
        asked = first_points(test, count).numpy()
        guess = np.zeros(asked.shape[:2], np.int64)
        for category in np.unique(labels(test)):
            own, wanted = labels(train) == category, labels(test) == category
            if not own.any():
                guess[wanted] = data.parts_of[category].argmax()
                continue
            nearest = KDTree(known[own].reshape(-1, 3)).query(asked[wanted])[1]
            guess[wanted] = part[own].ravel()[nearest]
        return _outcome(guess, setting)


def first_points(table: Table, count: int) -> Float[Tensor, "clouds points 3"]:
    """The first points of all clouds; points have no order, so any are as good."""
    return images(table)[:, :count, :3].contiguous()


def first_parts(table: Table, count: int) -> Int[np.ndarray, "clouds points"]:
    """The parts of the same points."""
    return points(table).values[:, :count].astype(np.int64)


def _outcome(predicted: Int[np.ndarray, "clouds points"], setting: PartSetting) -> Outcome:
    data, test = setting.data, setting.data.clouds.test
    true = PartLabels(first_parts(test, data.sizes.num_points), labels(test), data.parts_of)
    measures = part_measures(predicted, true, test.label_names)
    return Outcome(measures, part_arrays(predicted, true, setting) if setting.draws else {})


def part_arrays(
    predicted: Int[np.ndarray, "clouds points"], true: PartLabels, setting: PartSetting
) -> dict[str, Any]:
    """The first test cloud of each category, with the parts it has and the parts it was given."""
    test = setting.data.clouds.test
    names, first = test.label_names, np.unique(true.category, return_index=True)[1]
    x = first_points(test, setting.data.sizes.num_points).numpy()[first]
    return {
        "names": [names[number] for number in true.category[first]],
        "points": x.round(3).tolist(),
        "true": true.part[first].tolist(),
        "predicted": predicted[first].tolist(),
        "parts_of": [np.flatnonzero(true.parts_of[c]).tolist() for c in true.category[first]],
    }
