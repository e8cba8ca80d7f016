"""Experiments of pretext tasks: an encoder of clouds learns without labels, a linear SVM reads it.

Every task trains the same encoder (`cloud_learners`) with the same optimiser, for as many epochs of
the same clouds. What differs is the loss, and the learning rate, which was chosen for ParAE,
Jigsaw3D and Rotation3D, each for itself; the others have the package's default. What is read is the
encoder's feature of the whole cloud, after its pooling, as in the paper.
Labels are for the SVM: no task reads one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float as ArrayFloat

from nebulatent.apps.fitting.some_points import OnSomePoints
from nebulatent.apps.recipes.cloud_data import CloudData
from nebulatent.apps.recipes.cloud_learners import (
    CloudSetting,
    Host,
    Learner,
    Task,
    build_learner,
)
from nebulatent.apps.recipes.recipe import Outcome
from nebulatent.apps.recipes.recipe_data import images, labels
from nebulatent.data.batch import Batches
from nebulatent.data.table import Table
from nebulatent.evaluation import settling
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.encode import encode
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.poses import mean_over_poses, mean_pose_measure
from nebulatent.evaluation.svm import svm_accuracy, svm_measures
from nebulatent.latents.posterior import Dirac
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.typing import Float, Tensor

Features = ArrayFloat[np.ndarray, "clouds features"]


@dataclass(frozen=True, kw_only=True)
class Pretext:
    """One encoder, trained by one task."""

    task: Task
    lr: float
    host: Host = "pointnet"

    @property
    def name(self) -> str:
        """Host and task."""
        return f"clouds-{self.host}-{self.task}"

    def __call__(self, setting: CloudSetting) -> Outcome:
        """Train and probe."""
        learner = pretrain(self.task, self.host, setting, self.lr)
        return Outcome(probe(learner, setting.data, points_read(self.host, setting.data)))


@dataclass(frozen=True, kw_only=True)
class UntrainedEncoder:
    """The encoder that ParAE would begin with, its weights as drawn.

    Arguments:
        host: Which encoder.
        settled: Whether the statistics of its batch normalisations are those of the clouds. With
            those of a fresh network (mean 0, variance 1) it is worse, and no fair control.
    """

    host: Host = "pointnet"
    settled: bool = True

    @property
    def name(self) -> str:
        """The host."""
        return f"clouds-{self.host}-untrained" + ("" if self.settled else "-fresh")

    def __call__(self, setting: CloudSetting) -> Outcome:
        """Probe."""
        learner = build_learner("parae", self.host, setting, 1.0)
        if self.settled:
            settle(learner, setting)
        return Outcome(probe(learner, setting.data, points_read(self.host, setting.data)))


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """The distribution of the distances between points: no network."""

    @property
    def name(self) -> str:
        """The descriptor."""
        return "clouds-d2"

    def __call__(self, setting: CloudSetting) -> Outcome:
        """Describe and probe."""
        train, test = setting.data.clouds.train, setting.data.clouds.test
        described = d2_distribution(train.x), d2_distribution(test.x)
        return Outcome(_measures(*described, setting.data))


def pretrain(task: Task, host: Host, setting: CloudSetting, lr: float) -> Learner:
    """A task's method, trained on the training clouds without their labels."""
    learner = build_learner(task, host, setting, lr)
    data, budget = setting.data, setting.budget
    batches = Batches(
        places(data.clouds.train),
        batch_size=budget.batch_size,
        seed=setting.seed,
        prepare=data.clouds.scaling.apply,
    )
    method = OnSomePoints(learner.method, data.sizes.num_points)
    fit(method, batches, FitConfig(epochs=budget.epochs, lr=lr, seed=setting.seed))
    return learner


def settle(learner: Learner, setting: CloudSetting) -> None:
    """Move the statistics of an encoder to those of the training clouds."""
    clouds, sizes = setting.data.clouds, setting.data.sizes
    settling.settle(
        learner.method,
        learner.features,
        places(clouds.train),
        prepare=clouds.scaling.apply,
        batch_size=setting.budget.batch_size,
        num_points=sizes.num_points,
        seed=setting.seed,
    )


class Reading(NamedTuple):
    """What is read of a cloud: the mean of its features over some poses.

    Arguments:
        learner: Has the encoder.
        poses: Diagonals of rotations.
        num_points: Of each cloud the first so many; points have no order.
    """

    learner: Learner
    poses: Sequence[tuple[int, int, int]]
    num_points: int

    def both(self, data: CloudData) -> tuple[Features, Features]:
        """What is read of the training and of the test clouds."""
        train, test = (
            encode(self, places(table), data.clouds.scaling.apply).mean.numpy()
            for table in (data.clouds.train, data.clouds.test)
        )
        return train, test

    def encode(self, x: Float[Tensor, "batch points 3"]) -> Dirac:
        """The mean feature of each cloud."""
        x = x[:, : self.num_points]
        return Dirac(mean_over_poses(self.learner.features, x, self.poses))


def points_read(host: Host, data: CloudData) -> int:
    """Points of a cloud that its feature is made of: as many as there are.

    DGCNN has only as many as in training: neighbours among more points are closer than it knows.
    """
    return data.sizes.num_points if host == "dgcnn" else data.clouds.train.sample_shape[0]


def probe(learner: Learner, data: CloudData, num_points: int) -> list[Measure]:
    """Accuracy of a linear SVM on the features of so many points of each cloud.

    In one pose, as in the paper; where clouds have several, also on the mean over them.
    """
    learner.method.eval()
    one = Reading(learner, data.poses[:1], num_points)
    measures = _measures(*one.both(data), data)
    if len(data.poses) == 1:
        return measures
    several = Reading(learner, data.poses, num_points)
    mean = _measures(*several.both(data), data)
    return [*measures, mean_pose_measure(mean, len(data.poses))]


def _measures(train: Features, test: Features, data: CloudData) -> list[Measure]:
    clouds = data.clouds
    return svm_measures(svm_accuracy(train, labels(clouds.train), test, labels(clouds.test)))


def places(table: Table) -> Tensor:
    """The coordinates of all clouds, without normals and the like."""
    return images(table)[..., :3].contiguous()
