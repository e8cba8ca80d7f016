"""What a run's weights are worth as the start of a network of parts, beside weights as drawn.

The run's encoder, under the head of PointNet's segmentation, which is told the category, is trained
further with the parts of the points; the same network is trained as long from weights as drawn, all
as in :mod:`nebulatent.apps.fine_tuning`. Beside both stands the part that is most frequent in each
category.

Source: Eckart et al., ParAE, CVPR 2021, section 4.4, of the things of a scene; parts and their IoU
as in :mod:`nebulatent.evaluation.part_iou`.
Our reading: what is transferred is the encoder alone, for "everything after can be discarded"
(Fig. 2).
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from nebulatent.apps.assess import Evaluated
from nebulatent.apps.fine_tuning import BATCH, DRAWN, DRAWS, LR, TUNED, find_encoder
from nebulatent.apps.planning.build import Trained, build
from nebulatent.apps.planning.cloud_plan import CHANNELS, TUNING_STEPS
from nebulatent.apps.runs.inputs import samples
from nebulatent.apps.runs.runs import Run
from nebulatent.backbones.pointnet import PointNetEncoder, PointNetSegmenter
from nebulatent.data.batch import Batches
from nebulatent.data.point_labels import MARKS, part_table
from nebulatent.data.table import Table
from nebulatent.evaluation.label_fractions import labelled_rows
from nebulatent.evaluation.levels import Curve, Level
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.part_iou import (
    INSTANCE,
    PartLabels,
    frequent_parts,
    part_measures,
    segment_all,
)
from nebulatent.methods.part_segmentation import PARTS, PartSegmentation
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

FREQUENT = "most frequent part"
CONVENTION = (
    "Mean and standard deviation over {draws} draws of labelled clouds, head and order, each "
    "trained for {steps} steps of {batch} clouds; the last weights."
)


class PartTuning(NamedTuple):
    """What networks of parts got right, by what they began with.

    Arguments:
        measures: With all labels.
        curves: Instance mIoU by the share of labels.
    """

    measures: dict[str, list[Measure]]
    curves: dict[str, Curve]


def tune_parts(
    run: Run,
    data: Evaluated,
    *,
    fractions: Sequence[float] = (1.0,),
    draws: int = DRAWS,
    steps: int = TUNING_STEPS,
    baselines: bool = True,
) -> PartTuning:
    """IoU of the parts, the mean over draws.

    Arguments:
        run: The run.
        data: Clouds with categories and parts to test on and, as reference, to learn from.
        fractions: Shares of the training clouds of each category; the last one is measured.
        draws: Trainings at each share and start.
        steps: Of each training.
        baselines: Whether to train from weights as drawn too.

    Raises:
        ValueError: If the run is not of clouds, categories or parts are missing or not the same,
            `draws` is not positive, or `steps` is not.
    """
    if draws < 1 or steps < 1:
        raise ValueError(f"`draws` and `steps` must be positive, got {draws} and {steps}.")
    find_encoder(run.model)
    learned, tested = _labelled(data.reference, "--train"), _labelled(data.table, "DATA")
    true, known = _parts(tested), _parts(learned)
    if _names(tested) != _names(learned):
        raise ValueError(
            f"`--train` must have the parts of DATA, got {len(_names(learned))} names of parts and "
            f"{len(_names(tested))} in DATA that are not the same."
        )
    found = PartTuning({}, {})
    text = CONVENTION.format(draws=draws, steps=steps, batch=BATCH)
    for name in (TUNED, DRAWN) if baselines else (TUNED,):
        levels, each = [], []
        for fraction in fractions:
            rows = [labelled_rows(known.category, fraction, draw=draw) for draw in range(draws)]
            each = []
            for draw, own in enumerate(rows):
                start = run.model if name == TUNED else build(run.config.model, draw)
                method = _trained(run, start, learned.take(own), (draw, steps))
                each.append(_measured(run, method, tested, true))
            values = tuple(_value(measures, INSTANCE) for measures in each)
            levels.append(Level(fraction, f"{100 * fraction:g} %", values, str(len(rows[0]))))
        found.measures[name] = _means(each, text)
        found.curves[name] = Curve("labels", "share of the training clouds", text, tuple(levels))
    if baselines:
        guess = frequent_parts(known)[true.category][:, None].repeat(true.part.shape[1], 1)
        found.measures[FREQUENT] = part_measures(guess, true, tested.label_names)
    return found


def _labelled(table: Table | None, name: str) -> Table:
    if table is None or table.label is None or table.point_labels is None:
        raise ValueError(
            f"`{name}` must be clouds with categories and parts (builtin:shapes, ShapeNetPart), "
            "got none."
        )
    return table


def _names(table: Table) -> tuple[str, ...]:
    assert table.point_labels is not None
    return table.point_labels.names


def _parts(table: Table) -> PartLabels:
    assert table.label is not None and table.point_labels is not None
    values, names = table.point_labels
    # Files may lack whole categories of their layout, whose parts then belong to nothing.
    starts = tuple(category + mark for category in table.label_names for mark in MARKS)
    owned = np.array([name.startswith(starts) for name in names])
    parts_of = np.zeros((len(table.label_names), len(names)), bool)
    parts_of[:, owned] = part_table(table.label_names, [names[i] for i in np.flatnonzero(owned)])
    return PartLabels(values, table.label, parts_of)


def _trained(
    run: Run, start: Trained, learned: Table, draw_and_steps: tuple[int, int]
) -> PartSegmentation:
    """A network of parts after training."""
    seed, steps = draw_and_steps
    known = _parts(learned)
    method = _segmentation(find_encoder(start), torch.from_numpy(known.parts_of), seed)
    batches = Batches(
        samples(learned.x),
        torch.from_numpy(known.category),
        batch_size=BATCH,
        seed=seed,
        prepare=run.config.scaling.apply,
        also={PARTS: torch.from_numpy(known.part)},
    )
    epochs = max(1, round(steps / len(batches)))
    fit(method, batches, FitConfig(epochs=epochs, lr=LR, seed=seed))
    return method


def _segmentation(encoder: PointNetEncoder, parts_of: torch.Tensor, seed: int) -> PartSegmentation:
    """A copy of the encoder under a head as drawn; the global random state is not touched."""
    categories, parts = parts_of.shape
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PointNetSegmenter(
            parts,
            categories,
            encoder=copy.deepcopy(encoder),
            width=encoder.feature_dim / CHANNELS[-1],
        )
    return PartSegmentation(network, parts_of).train()


def _measured(run: Run, method: PartSegmentation, tested: Table, true: PartLabels) -> list[Measure]:
    found = segment_all(method, samples(tested.x), true.category, run.config.scaling.apply)
    return part_measures(found, true, tested.label_names)


def _value(measures: Sequence[Measure], name: str) -> float:
    return next(measure.value for measure in measures if measure.name == name)


def _means(each: Sequence[Sequence[Measure]], text: str) -> list[Measure]:
    """Each measure, the mean over the draws, and the deviation of the first."""
    means = [
        measure._replace(
            value=float(np.mean([_value(one, measure.name) for one in each])),
            convention=f"{measure.convention} {text}",
        )
        for measure in each[0]
    ]
    values = [_value(one, INSTANCE) for one in each]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    words = f"Standard deviation of {INSTANCE} over {len(values)} draws."
    return [*means, Measure("deviation of a draw", spread, "lower", "", words, True)]
