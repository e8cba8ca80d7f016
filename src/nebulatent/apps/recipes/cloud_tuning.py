"""Experiments of fine-tuning: classifiers of clouds from learned weights, or weights as drawn.

A network of classes is the encoder that a pretext task has trained (`cloud_pretext`), or the one
that the task would begin with, and a head as drawn. All of its weights are trained by Adam on
cross-entropy. Rows of one seed have the same labels, head, order of the clouds and points at each
step; before any training they have the same encoder, too.

Source: Eckart et al., ParAE, CVPR 2021, Table 2 and section 4.3 (ModelNet Fine-Tuning).
Our reading: the paper names neither optimiser, nor length, nor augmentation of fine-tuning. Here it
takes as many epochs as pre-training at the package's rate, which was chosen for no row, and nothing
is augmented. DGCNN's trunk is the one that was pre-trained, with the maximum over the points alone.
"""

import copy
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from nebulatent.apps.recipes.cloud_data import CloudData
from nebulatent.apps.recipes.cloud_learners import (
    CloudSetting,
    Host,
    Learner,
    Task,
    WholeCloudScores,
    build_learner,
)
from nebulatent.apps.recipes.cloud_pretext import places, points_read, pretrain
from nebulatent.apps.recipes.recipe import Outcome
from nebulatent.apps.recipes.recipe_data import labels
from nebulatent.backbones.dgcnn import DGCNNSegmenter
from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder
from nebulatent.data.batch import Batches, View
from nebulatent.data.table import Table
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.encode import chunks
from nebulatent.evaluation.label_fractions import labelled_rows
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.svm import train_svm
from nebulatent.methods.cloud_classifier import CloudClassifier
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.typing import Tensor

Part = TypeVar("Part", bound=nn.Module)

ALL, FEW = "accuracy", "accuracy, tenth of labels"
SHARES = {ALL: 1.0, FEW: 0.1}  # of the labels of each class
LONGER = {ALL: 1, FEW: 4}  # epochs, as a multiple of the budget's: few clouds make few steps
TUNING_RATE = 1e-3
LABELLED = {
    ALL: "All training clouds have labels.",
    FEW: "A tenth of each class of the training clouds have labels, at least one, others for each "
    "seed; pre-training sees all clouds.",
}


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A classifier that starts from the weights of a task.

    Arguments:
        task: Which one; None starts from weights as drawn.
        pretext_rate: Learning rate of the task.
        host: Which network.
        rate: Learning rate of fine-tuning.
    """

    task: Task | None
    pretext_rate: float = 0.0
    host: Host = "pointnet"
    rate: float = TUNING_RATE

    @property
    def name(self) -> str:
        """Host and task."""
        return f"tuned-{self.host}-{self.task or 'drawn'}"

    def __call__(self, setting: CloudSetting) -> Outcome:
        """Pre-train once, fine-tune with all and with few labels, and count what is right."""
        learner = self.start(setting)
        return Outcome([_tuned(name, self, learner, setting) for name in SHARES])

    def start(self, setting: CloudSetting) -> Learner:
        """What fine-tuning starts from."""
        if self.task is None:
            # Every task's encoder is drawn first, so this is also the one that they begin with.
            return build_learner("parae", self.host, setting, 1.0)
        return pretrain(self.task, self.host, setting, self.pretext_rate)


@dataclass(frozen=True, kw_only=True)
class TunedByHand:
    """A linear SVM on the distribution of the distances between points, with the same labels."""

    @property
    def name(self) -> str:
        """The descriptor."""
        return "tuned-d2"

    def __call__(self, setting: CloudSetting) -> Outcome:
        """Describe, learn, and count what is right."""
        train, test = setting.data.clouds.train, setting.data.clouds.test
        learned, tested = d2_distribution(train.x), d2_distribution(test.x)
        measures = []
        for name in SHARES:
            rows = _labelled(name, setting)
            machine = train_svm(learned[rows], labels(train)[rows])
            measures.append(_accuracy(name, machine.classify(tested), test))
        return Outcome(measures)


def build_classifier(learner: Learner, host: Host, setting: CloudSetting) -> CloudClassifier:
    """A copy of a learner's encoder under a head as drawn; the global random state is not touched.

    Arguments:
        learner: Has the encoder.
        host: Which network.
        setting: Has the seed of the head, the number of classes and the width.
    """
    width, count = setting.data.sizes.width, len(setting.data.clouds.train.label_names)
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)
        if host == "pointnet":
            encoder = copy.deepcopy(find(PointNetEncoder, learner))
            network = PointNetClassifier(count, encoder=encoder, width=width)
        else:
            network = WholeCloudScores(copy.deepcopy(find(DGCNNSegmenter, learner)), count, width)
    return CloudClassifier(network.train())


def find(kind: type[Part], learner: Learner) -> Part:
    """The encoder of a learner, or the network that has it."""
    return next(module for module in learner.method.modules() if isinstance(module, kind))


def _tuned(name: str, row: Tuned, learner: Learner, setting: CloudSetting) -> Measure:
    """Fine-tune a copy with a share of the labels."""
    data, budget = setting.data, setting.budget
    train, test, rows = data.clouds.train, data.clouds.test, _labelled(name, setting)
    method = build_classifier(learner, row.host, setting)
    batches = Batches(
        places(train)[rows],
        torch.from_numpy(labels(train)[rows]),
        batch_size=budget.batch_size,
        seed=setting.seed,
        prepare=data.clouds.scaling.apply,
        view=_some_points(data),
    )
    epochs = budget.epochs * LONGER[name]
    fit(method, batches, FitConfig(epochs=epochs, lr=row.rate, seed=setting.seed))
    method.eval()
    x = places(test)[:, : points_read(row.host, data)]
    found = [method.classify(batch.x) for batch in chunks(x, data.clouds.scaling.apply)]
    return _accuracy(name, torch.cat(found).numpy(), test)


def _some_points(data: CloudData) -> View:
    """A view: some points of each cloud, others at each step and the same in every row."""

    def view(x: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.randperm(x.shape[1], generator=generator)
        return x[:, chosen[: data.sizes.num_points]]

    return view


def _labelled(name: str, setting: CloudSetting) -> Int[np.ndarray, " rows"]:
    label = labels(setting.data.clouds.train)
    return labelled_rows(label, SHARES[name], draw=setting.seed)


def _accuracy(name: str, found: Int[np.ndarray, " clouds"], test: Table) -> Measure:
    right = float((found == labels(test)).mean())
    text = f"Share of test clouds. {LABELLED[name]} The last weights count."
    return Measure(name, right, "higher", "", text, uses_labels=True)
