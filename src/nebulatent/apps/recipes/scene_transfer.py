"""Experiments of transfer between areas: DGCNN learns scenes without labels, then one area's names.

One network is pre-trained on the blocks of all training areas. For each of these areas a network of
classes gets its weights, as far as the feature of the whole block, and is trained on the area's
labels, all of its weights; Area 5 is seen once, at the end. Rows of a seed have the same weights
before any training, head included, and the same order of the blocks.

Source: Eckart et al., ParAE, CVPR 2021, section 4.4 and Table 3; Sauder & Sievers, NeurIPS 2019.
Our reading: what is transferred are the edge convolutions and the layer that is pooled, "everything
after can be discarded" (Fig. 2). Fine-tuning takes as many epochs as pre-training, by Adam at the
package's rate, which was chosen for no row; nothing is augmented.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Literal

import torch
from jaxtyping import Int

from nebulatent.apps.recipes.recipe import Given, Outcome
from nebulatent.apps.recipes.scene_data import (
    HEIGHT,
    TESTED,
    TRAINED,
    SceneData,
    classes,
    positions,
)
from nebulatent.backbones.dgcnn import SCENES, DGCNNSegmenter
from nebulatent.data.batch import Batches
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.scene_iou import point_confusion, scene_measures
from nebulatent.methods.jigsaw3d import Jigsaw3D
from nebulatent.methods.parae import ParAE
from nebulatent.methods.part_segmentation import PARTS, PartSegmentation
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from nebulatent.typing import Tensor

Task = Literal["parae", "jigsaw3d"]
SceneSetting = Given[SceneData]
Classify = Callable[[Tensor], Tensor]
MIOU, ACCURACY = "mIoU", "accuracy"
SHOWN = {MIOU: "mIoU", ACCURACY: "point accuracy"}  # by the names that scene_measures gives
CELLS = 3
TUNING_RATE = 1e-3
STEP = 0.1  # metres of height that have one class in the baseline


def in_area(measure: str, area: int) -> str:
    """Name of a measure of the network that learned from one area."""
    return f"{measure}, Area {area}"


@dataclass(frozen=True, kw_only=True)
class Transferred:
    """A network for each training area, all from the same weights.

    Arguments:
        task: What these were learned by; None leaves them as drawn.
        pretext_rate: Learning rate of the task.
        rate: Learning rate of fine-tuning.
    """

    task: Task | None
    pretext_rate: float = 0.0
    rate: float = TUNING_RATE

    @property
    def name(self) -> str:
        """The task."""
        return f"scenes-dgcnn-{self.task or 'drawn'}"

    def __call__(self, setting: SceneSetting) -> Outcome:
        """Pre-train once, fine-tune on each area, test on Area 5."""
        start = None if self.task is None else pretrain(self.task, setting, self.pretext_rate)
        found = {}
        for area in TRAINED:
            method = build_segmentation(start, setting)
            tune(method, area, setting, self.rate)
            found[area] = _tested(_namer(method), setting)
        return Outcome(_measures(found))


@dataclass(frozen=True, kw_only=True)
class ByHeight:
    """Without a network: the class that is most frequent at a point's height."""

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return "scenes-by-height"

    def __call__(self, setting: SceneSetting) -> Outcome:
        """Count the points of each area, name those of Area 5."""
        data, found = setting.data, {}
        for area in TRAINED:
            table, count = data.areas[area], data.sizes.num_points
            height = _height(positions(table, count)).flatten()
            counts = torch.zeros(int(height.max()) + 1, len(data.names), dtype=torch.float64)
            ones = torch.ones(len(height), dtype=torch.float64)
            counts.index_put_((height, classes(table, count).flatten()), ones, accumulate=True)
            # A height without points has the class that most points of the area have.
            best = (counts + 1e-9 * counts.sum(0)).argmax(1)
            found[area] = _tested(partial(_by_height, best), setting)
        return Outcome(_measures(found))


def build_network(num_classes: int, setting: SceneSetting) -> DGCNNSegmenter:
    """The network as drawn; whatever it scores, all but its last layer is the same for a seed."""
    sizes = setting.data.sizes
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)
        return DGCNNSegmenter(
            num_classes,
            num_neighbours=min(sizes.neighbours, sizes.num_points),
            hidden=SCENES,
            width=sizes.width,
        )


def pretrain(task: Task, setting: SceneSetting, lr: float) -> DGCNNSegmenter:
    """A network that has learned a task on the blocks of all training areas, without labels."""
    data, budget = setting.data, setting.budget
    count = data.sizes.components if task == "parae" else CELLS**3
    network = build_network(count, setting)
    method = ParAE(network) if task == "parae" else Jigsaw3D(network, cells=CELLS)
    x = torch.cat([positions(data.areas[area], data.sizes.num_points) for area in TRAINED])
    batches = Batches(x, batch_size=budget.batch_size, seed=setting.seed)
    fit(method, batches, FitConfig(epochs=budget.epochs, lr=lr, seed=setting.seed))
    return network


def build_segmentation(start: DGCNNSegmenter | None, setting: SceneSetting) -> PartSegmentation:
    """A network of the classes with the weights of another one, as far as the block's feature."""
    count = len(setting.data.names)
    network = build_network(count, setting)
    if start is not None:
        network.edges.load_state_dict(start.edges.state_dict())
        network.pool.load_state_dict(start.pool.state_dict())
    # Scenes are one category that has all classes.
    return PartSegmentation(network, torch.ones(1, count, dtype=torch.bool))


def tune(method: PartSegmentation, area: int, setting: SceneSetting, lr: float) -> None:
    """Train all weights on the blocks of one area and the classes of their points."""
    data, budget = setting.data, setting.budget
    table, count = data.areas[area], data.sizes.num_points
    batches = Batches(
        positions(table, count),
        torch.zeros(table.num_samples, dtype=torch.int64),
        batch_size=budget.batch_size,
        seed=setting.seed,
        also={PARTS: classes(table, count)},
    )
    fit(method, batches, FitConfig(epochs=budget.epochs, lr=lr, seed=setting.seed))


def _namer(method: PartSegmentation) -> Classify:
    """Blocks → the class of each point, by a trained network."""
    method.eval()
    return lambda x: method.segment(x, torch.zeros(len(x), dtype=torch.int64))


def _by_height(best: Int[Tensor, " steps"], x: Tensor) -> Tensor:
    return best[_height(x).clamp(max=len(best) - 1)]


def _height(x: Tensor) -> Int[Tensor, "blocks points"]:
    """Steps above the room's lowest point."""
    return ((x[..., 2] + 1) * (HEIGHT / 2 / STEP)).long().clamp(min=0)


def _tested(classify: Classify, setting: SceneSetting) -> Sequence[Measure]:
    """What a network makes of Area 5."""
    data = setting.data
    table, count = data.areas[TESTED], data.sizes.num_points
    true = classes(table, count).numpy()
    confusion = point_confusion(classify, positions(table, count), true, len(data.names))
    return scene_measures(confusion, data.names)


def _measures(found: Mapping[int, Sequence[Measure]]) -> list[Measure]:
    """Both measures, their means over the networks first, then by the area of training."""
    means, each = [], []
    for name, known in SHOWN.items():
        by_area = {area: next(m for m in own if m.name == known) for area, own in found.items()}
        value = fmean(measure.value for measure in by_area.values())
        first = by_area[TRAINED[0]]
        text = f"{first.convention} Tested on Area 5."
        means.append(
            first._replace(
                name=name, value=value, convention=f"{text} Mean over networks of single areas."
            )
        )
        each += [
            measure._replace(name=in_area(name, area), convention=text)
            for area, measure in by_area.items()
        ]
    return means + each
