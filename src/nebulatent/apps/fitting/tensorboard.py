"""Events for TensorBoard under RUN/tensorboard: all that metrics.jsonl has, and terms by step."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from nebulatent.apps.runs.runs import TENSORBOARD
from nebulatent.training.fit import Step
from nebulatent.training.progress import Row

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVERY = 50  # steps between two values of a term: reading one waits for the device
ABOUT_RUN = ("lr", "gradient_norm", "score", "anchors_in_use", "perplexity")


def require_tensorboard() -> type["SummaryWriter"]:
    """The writer of events.

    Raises:
        ImportError: If TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "`--log tensorboard` must have the package tensorboard, got none; "
            'install it with: pip install "nebulatent[log]"'
        ) from error
    return SummaryWriter


class TensorBoard:
    """Follows a training and writes events.

    A run that goes on appends; events after its checkpoint, which the part before had written, are
    purged by the first step, so that no step is shown twice.

    Arguments:
        path: The run.
    """

    def __init__(self, path: Path) -> None:
        self.folder = path / TENSORBOARD
        self._make_writer = require_tensorboard()
        self._writer: SummaryWriter | None = None
        self._step, self._samples, self._began = 0, 0, time.perf_counter()

    def step(self, step: Step) -> None:
        """Write the terms of every 50th step."""
        self._step, self._samples = step.step, self._samples + step.samples
        writer = self._open(step.step)
        if step.step % EVERY == 0:
            for name, value in step.terms.values.items():
                writer.add_scalar(f"steps/{name}", value.item(), step.step)
            writer.add_scalar("steps/lr", step.lr, step.step)

    def epoch(self, row: Row) -> None:
        """Write the row of an epoch at its last step, and how fast it was."""
        writer, now = self._open(self._step), time.perf_counter()
        for name, value in row.items():
            if name != "epoch":
                writer.add_scalar(tag(name), value, self._step)
        writer.add_scalar("run/samples_per_second", self._samples / (now - self._began), self._step)
        writer.flush()
        self._samples, self._began = 0, now

    def _open(self, step: int) -> "SummaryWriter":
        if self._writer is None:
            self._writer = self._make_writer(str(self.folder), purge_step=step)
        return self._writer


def tag(name: str) -> str:
    """Where a value of a row is shown.

    Examples:
        >>> tag("kl"), tag("weight_kl"), tag("validation_kl"), tag("lr")
        ('terms/kl', 'weights/kl', 'validation/kl', 'run/lr')
    """
    for prefix, place in (("weight_", "weights"), ("validation_", "validation")):
        if name.startswith(prefix):
            return f"{place}/{name.removeprefix(prefix)}"
    return f"run/{name}" if name in ABOUT_RUN else f"terms/{name}"
