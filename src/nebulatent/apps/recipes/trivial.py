"""The rows that every table of clusters has: what is reached without training anything.

A clustering is worth what it adds to k-means on the pixels, and to k-means behind the same network
with the weights as drawn.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from nebulatent.apps.planning.build import build
from nebulatent.apps.recipes.measuring import kmeans_measures
from nebulatent.apps.recipes.recipe import Outcome, Row, Setting
from nebulatent.apps.recipes.recipe_data import RecipeData, images, labels
from nebulatent.apps.recipes.trained import Trained
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import Model, chunks, encode
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.probes import probe_measures

PIXELS, UNTRAINED = "k-means on pixels", "untrained encoder"


@dataclass(frozen=True, kw_only=True)
class PixelClusters:
    """k-means on the scaled pixels."""

    num_clusters: int

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"pixels-kmeans-{self.num_clusters}"

    def __call__(self, setting: Setting) -> Outcome:
        """Cluster the training samples, read the test samples."""
        data = setting.data
        known, x = pixels(data.train, data), pixels(data.test, data)
        return Outcome(_measures(known, x, self.num_clusters, setting))


@dataclass(frozen=True, kw_only=True)
class UntrainedClusters:
    """k-means on the codes of the host network with its weights as drawn."""

    num_clusters: int

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"untrained-kmeans-{self.num_clusters}"

    def __call__(self, setting: Setting) -> Outcome:
        """Cluster the codes of the training samples, read those of the test samples."""
        model = build(Trained(method="vae").plan(setting).model, setting.seed).eval()
        assert isinstance(model, Model)
        known, codes = (
            encode(model, images(table), setting.data.scaling.apply).mean.numpy()
            for table in (setting.data.train, setting.data.test)
        )
        return Outcome(_measures(known, codes, self.num_clusters, setting))


def _measures(
    known: Float[np.ndarray, "known values"],
    z: Float[np.ndarray, "codes values"],
    num_clusters: int,
    setting: Setting,
) -> list[Measure]:
    data = setting.data
    clusters = kmeans_measures(known, z, data, num_clusters, setting.seed)
    probes = probe_measures(known, labels(data.train), z, labels(data.test), linear=False)
    return [*clusters, *probes]


def pixels(table: Table, data: RecipeData) -> Float[np.ndarray, "samples values"]:
    """All samples as scaled vectors."""
    return torch.cat([b.x.flatten(1) for b in chunks(images(table), data.scaling.apply)]).numpy()


def baselines(num_clusters: int) -> tuple[Row, Row]:
    """The two rows, for a table whose methods have so many clusters."""
    return (
        Row(name=PIXELS, experiment=PixelClusters(num_clusters=num_clusters), paper={}),
        Row(name=UNTRAINED, experiment=UntrainedClusters(num_clusters=num_clusters), paper={}),
    )
