"""`nebulatent fit`: from a file to a trained run with a report."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tyro.conf import Positional, arg

from nebulatent.apps.assess import assess_run, evaluation_data
from nebulatent.apps.console import Output
from nebulatent.apps.options import BY_RULE, Folder, OtherData, Whole
from nebulatent.apps.plan import Choices, Plan, plan
from nebulatent.apps.report_run import report_run
from nebulatent.apps.runs import CHECKPOINT, WEIGHTS, Run, discard_empty_run, load_config
from nebulatent.apps.train import Source, start_run, train
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Split, Table
from nebulatent.evaluation.measures import to_json


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Train a model on your data and write a report.

    Example: nebulatent fit digits --out runs/digits --num-anchors 10
    """

    data: Positional[OtherData] = None
    """An .npy, .npz or .csv file, a folder of images or of MNIST's IDX files, or `digits`."""
    out: Folder = None
    """Folder of the run; must be new."""
    resume: Folder = None
    """Go on with a run that was stopped, in place of DATA and --out."""
    split: Split = "train"
    """Part to train on, where the data have official parts."""
    image_size: Annotated[Whole, arg(help_behavior_hint=BY_RULE)] = None
    """Height and width to which a folder's images are brought, if they differ."""
    overwrite: bool = False
    """Replace an existing run at --out."""
    json: bool = False
    """Print one JSON object instead of text."""
    choices: Annotated[Choices, arg(name="model")] = dataclasses.field(default_factory=Choices)

    def run(self) -> None:
        """Train, evaluate, report."""
        output = Output(as_json=self.json)
        new_folder = self.out is not None and not self.out.exists()
        path, table = self._resumed(output) if self.resume else self._started(output)
        try:
            run = fit_with_progress(path, table, output)
        except BaseException:
            if not self.resume:
                discard_empty_run(path, folder=new_folder)
            raise
        try:
            _report(run, output)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "stopped; training is complete. "
                f"Write the report with: nebulatent report {shlex.quote(str(path))}"
            ) from None

    def _started(self, output: Output) -> tuple[Path, Table]:
        if self.data is None or self.out is None:
            raise ValueError("`fit` must be given DATA and --out RUN, or --resume RUN.")
        table = read(self.data, split=self.split, image_size=self.image_size)
        scaling = fit_scaling(table)
        chosen = plan(table, scaling, self.choices)
        source = Source(path=self.data, split=self.split, image_size=self.image_size)
        start_run(self.out, table, source, scaling, chosen, overwrite=self.overwrite)
        _announce(output, table, chosen)
        return self.out, table

    def _resumed(self, output: Output) -> tuple[Path, Table]:
        path = self.resume
        if path is None or self.data is not None or self.out is not None:
            raise ValueError("`--resume` must stand alone, got DATA or --out beside it.")
        config = load_config(path)
        if (path / WEIGHTS).is_file():
            raise ValueError(
                f"`--resume` must name an unfinished run, got `{path}`, which is complete."
            )
        data = config.data
        output.say(f"going on with {path}")
        return path, read(data.path, split=data.split, image_size=data.image_size)


def fit_with_progress(path: Path, table: Table, output: Output, name: str = "training") -> Run:
    """Train a run that was started, with a progress bar on standard error.

    Raises:
        KeyboardInterrupt: If the user stops it; the message says how to go on.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[state]}"),
    )
    epochs = load_config(path).fit.epochs
    with Progress(*columns, console=output.progress_console) as progress:
        task = progress.add_task(name, total=epochs, state="")

        def show(row: dict[str, float]) -> None:
            progress.update(task, completed=row["epoch"] + 1, state=_state(row))

        try:
            return train(path, table, show)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_stopped(path)) from None


def _state(row: dict[str, float]) -> str:
    """What fits beside a progress bar; all terms are in metrics.jsonl and in the report."""
    used = f", {row['anchors_in_use']:.0f} anchors in use" if "anchors_in_use" in row else ""
    return f"loss {row['total']:.4g}{used}"


def _stopped(path: Path) -> str:
    if not (path / CHECKPOINT).exists():
        return "stopped before the first epoch was complete; nothing is kept."
    return (
        "stopped; the state after the last complete epoch is kept. "
        f"Go on with: nebulatent fit --resume {shlex.quote(str(path))}"
    )


def _report(run: Run, output: Output) -> None:
    shown = evaluation_data(run)
    measures = assess_run(run, shown)
    report = report_run(run, shown.table, measures)
    output.measures(str(run.path), {"value": measures.own, **measures.baselines})
    output.say(f"report: {report}")
    output.result({"run": str(run.path), "report": str(report), "measures": to_json(measures.own)})


def _announce(output: Output, table: Table, chosen: Plan) -> None:
    for line in (*table.found, *chosen.reasons):
        output.say(f"  {line}")
