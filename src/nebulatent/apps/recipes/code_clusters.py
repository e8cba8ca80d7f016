"""Two more trivial rows of a table of clusters: k-means on principal components and on codes."""

from dataclasses import dataclass
from typing import Literal

import torch

from nebulatent.apps.planning.build import build
from nebulatent.apps.recipes.measuring import kmeans_measures
from nebulatent.apps.recipes.recipe import Outcome, Setting
from nebulatent.apps.recipes.recipe_data import images, labels
from nebulatent.apps.recipes.rivals import train
from nebulatent.apps.recipes.trained import Trained
from nebulatent.apps.recipes.trivial import pixels
from nebulatent.evaluation.encode import Model, encode
from nebulatent.evaluation.probes import probe_measures
from nebulatent.typing import Float, Tensor

COMPONENTS = 50  # 82 % of MNIST's variance


@dataclass(frozen=True, kw_only=True)
class PcaClusters:
    """k-means on the first principal components of the training samples."""

    num_clusters: int
    components: int = COMPONENTS

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"pca-kmeans-{self.num_clusters}"

    def __call__(self, setting: Setting) -> Outcome:
        """Cluster the training samples, read the test samples."""
        data = setting.data
        known, x = (torch.from_numpy(pixels(table, data)) for table in (data.train, data.test))
        mean = known.mean(0)
        offset = (known - mean).double()
        _, axes = torch.linalg.eigh(offset.T @ offset)
        axes = axes[:, -self.components :].float()
        return _clustered((known - mean) @ axes, (x - mean) @ axes, self.num_clusters, setting)


@dataclass(frozen=True, kw_only=True)
class CodeClusters:
    """k-means on the codes of a trained autoencoder, without anchors."""

    method: Literal["ae", "vae"]
    num_clusters: int

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"{self.method}-kmeans-{self.num_clusters}"

    def __call__(self, setting: Setting) -> Outcome:
        """Train, cluster the codes of the training samples, read those of the test samples."""
        data, row = setting.data, Trained(method=self.method, host=self.method)
        model = build(row.plan(setting).model, setting.seed)
        assert isinstance(model, Model)
        train(model, setting)
        known, z = (
            encode(model, images(table), data.scaling.apply).mean
            for table in (data.train, data.test)
        )
        return _clustered(known, z, self.num_clusters, setting)


def _clustered(
    known: Float[Tensor, "known values"],
    z: Float[Tensor, "codes values"],
    num_clusters: int,
    setting: Setting,
) -> Outcome:
    data, sets = setting.data, (known.numpy(), z.numpy())
    truth = labels(data.train), labels(data.test)
    return Outcome(
        [
            *kmeans_measures(*sets, data, num_clusters, setting.seed),
            *probe_measures(sets[0], truth[0], sets[1], truth[1], linear=False),
        ]
    )
