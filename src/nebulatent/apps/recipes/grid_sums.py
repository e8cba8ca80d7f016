"""Sums of codes: "chair with arms − chair + other chair", where the sum that is right is known.

Shapes are drawn from the built-in generator under a seed of their own, each once without and once
with an attribute, all other factors equal. So of each sum the true answer is known, and so are the
cells that the attribute adds: it counts as there if half of them are filled. What is added:

| name | the difference of |
|---|---|
| one pair | another shape with the attribute and a third one without it, as in the paper's figure |
| mean of pairs | all others with the attribute and all others without it |
| no change | nothing |
| rebuilt | no sum: the true answer, encoded and decoded: what the best sum would reach |
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from nebulatent.apps.recipes.grid_coders import Coder, Codes, Grids, pack_grids
from nebulatent.apps.recipes.voxel_data import RESOLUTION, coarse
from nebulatent.apps.recipes.voxel_measuring import VOXEL, named
from nebulatent.data.shapes.categories import find_category
from nebulatent.data.shapes.make import draw_shape
from nebulatent.evaluation.grid_paths import in_one_piece
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.voxels import agreement, iou
from nebulatent.ops.latent_walks import direction, move_along

COUNT, SEED = 48, 2  # training and test shapes have seeds 0 and 1
SEEN = 0.05  # of the shape's cells: an attribute that adds fewer is hidden at this size
THERE = 0.5
PAIR, MEAN, NOTHING, REBUILT = "one pair", "mean of pairs", "no change", "rebuilt"
HOW = (PAIR, MEAN, NOTHING, REBUILT)
SHOWN = 3


class Attribute(NamedTuple):
    """What shapes of a category have or lack.

    Arguments:
        name: For people.
        category: Of the shapes.
        factor: The factor that says it.
        absent: Its level without.
        present: Its level with.
    """

    name: str
    category: str
    factor: str
    absent: str
    present: str

    def level(self, name: str) -> float:
        """The number of a level of the factor."""
        factors = {factor.name: factor for factor in find_category(self.category).factors}
        return float(factors[self.factor].levels.index(name))


ARMS = Attribute("arms", "chair", "arms", "none", "bars")
LAYER = Attribute("layer", "table", "below", "nothing", "shelf")
ATTRIBUTES = (ARMS, LAYER)


class Twins(NamedTuple):
    """Shapes that differ in an attribute alone, rows alike.

    Arguments:
        without: Lack it.
        present: Have it.
    """

    without: Grids
    present: Grids


@cache
def twins(attribute: Attribute, resolution: int, count: int = COUNT) -> Twins:
    """The first shapes of the seed whose attribute is seen at a resolution.

    Left out are shapes that fall apart there (a top or a back that is thinner than a cell), and
    those that the attribute shrinks, as a shape is scaled to the unit cube.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    index = 0
    while len(found) < count:
        drawn = draw_shape(index, seed=SEED, categories=(attribute.category,))
        pair = np.stack([
            drawn._replace(
                factors=drawn.factors | {attribute.factor: attribute.level(name)}
            ).shape().occupancy(RESOLUTION)
            for name in (attribute.absent, attribute.present)
        ])  # fmt: skip
        without, present = coarse(pair, resolution)
        seen = (present & ~without).sum() >= SEEN * without.sum()
        same = not (without & ~present).any()
        if seen and same and in_one_piece(np.stack([without, present])).all():
            found.append((without, present))
        index += 1
    return Twins(*(np.stack(side) for side in zip(*found, strict=True)))


def sums(coder: Coder, pairs: Twins) -> dict[str, Grids]:
    """What each way to add the attribute makes of the shapes without it."""
    z, other = coder.encode(pairs.without), coder.encode(pairs.present)
    rows = range(len(z))

    def added(row: int, present: Codes, absent: Codes) -> Codes:
        step = direction(present, absent)
        return move_along(z[row : row + 1], step, torch.ones(1))[0]

    def without(codes: Codes, row: int) -> Codes:
        return torch.cat([codes[:row], codes[row + 1 :]])

    pair = [added(row, other[row - 1 :][:1], z[row - 2 :][:1]) for row in rows]
    mean = [added(row, without(other, row), without(z, row)) for row in rows]
    codes = dict(zip(HOW, (torch.cat(pair), torch.cat(mean), z, other), strict=True))
    return {how: coder.decode(code) for how, code in codes.items()}


def sum_measures(coder: Coder, resolution: int) -> list[Measure]:
    """How often the attribute is there, and how near the answer is to the true one."""
    found = list[Measure]()
    for attribute in ATTRIBUTES:
        pairs = twins(attribute, resolution)
        new = pairs.present & ~pairs.without
        truth = torch.from_numpy(pairs.present)
        for how, answer in sums(coder, pairs).items():
            filled = (answer & new).sum((1, 2, 3)) / new.sum((1, 2, 3))
            near = iou(agreement(truth, torch.from_numpy(answer).float()))
            on = f"mean over {len(new)} built-in shapes of the class {attribute.category}; {how}."
            there = f"Share of answers with {THERE:.0%} or more of the cells that it adds, {on}"
            close = f"IoU with the same shape that has it, {on}"
            share = float((filled >= THERE).mean())
            found += [
                Measure(f"{attribute.name}: {how}", share, "higher", "", there, True),
                Measure(f"{attribute.name} IoU: {how}", near, "higher", "", close, True),
            ]
    return named(VOXEL, found)


def sum_arrays(coder: Coder, resolution: int) -> dict[str, Any]:
    """The first sums of each attribute: with, without, other, what sums make of it, the truth."""
    packed = {}
    for attribute in ATTRIBUTES:
        pairs = twins(attribute, resolution)
        made = sums(coder, pairs)
        columns = [
            np.roll(pairs.present, 1, 0),
            np.roll(pairs.without, 2, 0),
            pairs.without,
            *(made[how] for how in HOW if how != NOTHING),
            pairs.present,
        ]
        packed[f"{attribute.name} sums"] = pack_grids(np.stack(columns, 1)[:SHOWN])
    return packed
