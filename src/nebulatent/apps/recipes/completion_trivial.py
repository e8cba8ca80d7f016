"""The rows that every table of completion has: answers that no network gives.

A network is worth what it adds to the mean shape, and to looking up the most similar view. What was
seen is part of all of these answers.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Int

from nebulatent.apps.recipes.completing import Setting, outcome
from nebulatent.apps.recipes.recipe import Outcome, Row
from nebulatent.data.rows import blocks
from nebulatent.data.voxel_pairs import VoxelPairs

SEEN, MEAN, NEAREST = "partial grid itself", "mean shape", "whole of the most similar view"
THRESHOLDS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True, kw_only=True)
class Untrained:
    """What was seen; beside it the mean training shape, or the whole grid of the training pair
    whose partial grid has the highest IoU with the one seen.
    """  # noqa: D205

    answer: Literal["seen", "mean", "nearest"]

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"completion-{self.answer}"

    def __call__(self, setting: Setting) -> Outcome:
        """Answer and measure."""
        train, test = setting.data.train, setting.data.test
        seen = test.partial[:]
        if self.answer == "mean":
            seen |= mean_shape(train)
        elif self.answer == "nearest":
            seen |= train.whole[most_similar(train, test)]
        return outcome(seen, setting)


def mean_shape(train: VoxelPairs) -> Bool[np.ndarray, "1 x y z"]:
    """Cells filled in more than a share of the training shapes, the share with the best mean IoU.

    The IoU is that with the training shapes themselves.
    """
    count = sum(part.sum(axis=0, dtype=np.int64) for part in blocks(train.whole))
    answers = (np.ravel(count) / train.num_pairs > THRESHOLDS[:, None]).astype(np.float32)
    total = np.zeros(len(THRESHOLDS))
    for part in blocks(train.whole):
        flat = part.reshape(len(part), -1).astype(np.float32)
        hits = flat @ answers.T
        union = flat.sum(axis=1, keepdims=True) + answers.sum(axis=1) - hits
        total += (hits / np.maximum(union, 1)).sum(axis=0)
    return answers[total.argmax()].astype(bool).reshape(train.whole.shape[1:])


def most_similar(train: VoxelPairs, test: VoxelPairs) -> Int[np.ndarray, " tests"]:
    """For each test pair the training pair whose partial grid has the highest IoU with its own."""
    asked = torch.from_numpy(test.partial[:]).flatten(1).float()
    found = []
    for part in blocks(train.partial):
        known = torch.from_numpy(part).flatten(1).float()
        hits = asked @ known.T
        union = asked.sum(1, keepdim=True) + known.sum(1) - hits
        found.append(hits / union.clamp_min(1))
    return torch.cat(found, 1).argmax(1).numpy()


TRIVIAL = (
    Row(name=SEEN, experiment=Untrained(answer="seen"), paper={}),
    Row(name=MEAN, experiment=Untrained(answer="mean"), paper={}),
    Row(name=NEAREST, experiment=Untrained(answer="nearest"), paper={}),
)
