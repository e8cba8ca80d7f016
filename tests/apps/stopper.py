"""An observer that ends a training in the middle, as a power cut would."""

from nebulatent.training.fit import Step
from nebulatent.training.progress import Row


class Stop(Exception):
    """What interrupts a run in these tests."""


class Stopper:
    """Raises `Stop` after a step.

    Arguments:
        after: Number of the step.
    """

    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, step: Step) -> None:
        if step.step == self.after:
            raise Stop

    def epoch(self, row: Row) -> None:
        pass
