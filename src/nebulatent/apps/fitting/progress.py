"""A progress bar over the steps of a training: where it is, how fast, how long still, its terms."""

import time
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from nebulatent.apps.planning.plan import num_held_out
from nebulatent.apps.runs.runs import RunConfig
from nebulatent.training.fit import Step
from nebulatent.training.progress import Row
from nebulatent.training.stages import Stage

EVERY = 0.1  # seconds between two drawings: reading a term waits for the device


class ProgressBar:
    """Follows a training and draws, while it is entered.

    Arguments:
        config: The run.
        console: Where to draw; a quiet one draws nothing.
        name: What stands before the bar.
    """

    def __init__(self, config: RunConfig, console: Console, name: str = "training") -> None:
        held = num_held_out(config.data.num_samples, config.engine.hold_out)
        self._samples, self._epochs = config.data.num_samples - held, config.fit.epochs
        count = config.engine.devices
        self._batches = -(-(self._samples // count) // (config.batch_size // count))
        staged = config.consistency is not None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(30),
            TextColumn("{task.fields[epoch]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}"),
            console=console,
            auto_refresh=False,
        )
        total = None if staged else self._epochs * self._samples
        first = "neighbours" if staged else name
        self._task = self._bar.add_task(first, total=total, epoch="", speed="")
        self._terms = Text("", no_wrap=True, overflow="ellipsis")
        self._live = Live(Group(self._bar, self._terms), console=console, auto_refresh=False)
        self._quiet, self._begun, self._drawn = console.quiet, False, 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if not self._bar.console.is_terminal:
            self._bar.console.line()

    def stage(self, stage: Stage) -> None:
        """Leave the bar of the stage before as it is, and begin one below it."""
        done = self._bar.tasks[self._task].total or 1
        self._bar.update(self._task, total=done, completed=done)
        self._samples, self._epochs = stage.batches.num_samples, stage.config.epochs
        self._batches, self._begun = len(stage.batches), False
        total = self._epochs * self._samples
        name = stage.name.replace("-", " ")
        self._task = self._bar.add_task(name, total=total, epoch="", speed="")
        self._terms.plain = ""
        if not self._quiet:
            self._live.refresh()

    def step(self, step: Step) -> None:
        """Draw, if that is not too often."""
        if self._quiet:
            return
        if not self._begun:  # where the run stands, which may be far from its beginning
            self._begun = True
            self._bar.reset(self._task, completed=max(0, self._done(step) - step.samples))
        now = time.perf_counter()
        if now - self._drawn < EVERY:
            return
        self._drawn = now
        self._draw(step)

    def epoch(self, row: Row) -> None:
        """Draw the averages of an epoch."""
        done = int(row["epoch"]) + 1
        shown = ("total", "score", "gradient_norm", "anchors_in_use")
        self._terms.plain = _values({name: row[name] for name in shown if name in row})
        self._update(done * self._samples, done)

    def _draw(self, step: Step) -> None:
        values = {name: value.item() for name, value in step.terms.values.items()}
        self._terms.plain = _values(values)
        self._update(self._done(step), step.epoch + 1)

    def _update(self, done: float, epoch: int) -> None:
        speed = self._bar.tasks[self._task].speed
        self._bar.update(
            self._task,
            completed=done,
            epoch=f"epoch {epoch}/{self._epochs}",
            speed=f"{speed:,.0f} samples/s" if speed else "",
        )
        self._live.refresh()

    def _done(self, step: Step) -> int:
        """Samples that the run has seen."""
        return round(self._samples * (step.epoch + step.position / self._batches))


def _values(values: dict[str, float]) -> str:
    """Names and values on one line.

    Examples:
        >>> _values({"kl": 3.14159, "anchors_in_use": 10.0})
        '  kl 3.142 · anchors in use 10'
    """
    shown = " · ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
    return f"  {shown}"
