"""The rows that every table of completion has: answers that no network gives."""

from dataclasses import dataclass
from typing import Literal

from nebulatent.apps.recipes.completing import Setting, outcome
from nebulatent.apps.recipes.recipe import Outcome, Row
from nebulatent.evaluation.trivial_completion import mean_shape, most_similar

SEEN, MEAN, NEAREST = "partial grid itself", "mean shape", "whole of the most similar view"


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
            seen |= mean_shape(train.whole)
        elif self.answer == "nearest":
            seen |= train.whole[most_similar(train.partial, test.partial)]
        return outcome(seen, setting)


TRIVIAL = (
    Row(name=SEEN, experiment=Untrained(answer="seen"), paper={}),
    Row(name=MEAN, experiment=Untrained(answer="mean"), paper={}),
    Row(name=NEAREST, experiment=Untrained(answer="nearest"), paper={}),
)
