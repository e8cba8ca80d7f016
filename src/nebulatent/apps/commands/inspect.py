"""`nebulatent inspect`: what is in a run, complete or not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nebulatent.apps.planning.options import RunFolder

if TYPE_CHECKING:
    from nebulatent.apps.inspect_run import Inspection, TensorFile


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Say what is in a run: its state, model, data, versions, checkpoints and last metrics.

    All files are read and their checksums met; the exit status is 1 if the run cannot be used.

    Example: nebulatent inspect runs/digits
    """

    path: RunFolder
    """A run, complete or not."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Read and print."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.inspect_run import inspect_run

        found = inspect_run(self.path)
        output = Output(as_json=self.json)
        for name, value in (describe(found) | _last_row(found)).items():
            output.say(f"  {name:<24}{value}")
        for problem in found.problems:
            output.say(f"damaged: {problem}")
        output.result(found.to_json())
        if found.state == "damaged":
            raise ValueError(found.problems[0])


def describe(found: "Inspection") -> dict[str, str]:
    """A run as names and values."""
    from nebulatent.apps.reports.portrait import display_name, summary

    engine = found.config.engine
    rows = {"State": _state(found), "Method": display_name(found.config)}
    if found.newest:
        rows["Model"] = f"{found.newest.numbers:,} numbers"
    rows |= summary(found.config)
    rows["Fingerprint"] = found.config.data.fingerprint[:16]
    rows["Seconds"] = f"{found.seconds:.1f}"
    rows["Versions"] = ", ".join(f"{name} {value}" for name, value in found.versions.items())
    rows["Engine"] = (
        f"{engine.devices} process{'es' * (engine.devices > 1)}, precision {engine.precision}, "
        f"{engine.num_workers} workers, a checkpoint every {engine.save_minutes:g} minutes"
        + (f" and every {engine.save_steps} steps" if engine.save_steps else "")
    )
    for file in (found.weights, *found.checkpoints, found.best):
        if file:
            rows[file.file] = _file(file)
    return rows


def _state(found: "Inspection") -> str:
    newest = found.newest
    if found.state != "unfinished" or newest is None:
        return found.state
    epoch, epochs = newest.counts["epoch"] + 1, found.config.fit.epochs
    return (
        f"unfinished, at step {newest.counts['step']} in epoch {min(epoch, epochs)} of {epochs}; "
        f"go on with: nebulatent fit --resume {found.path}"
    )


def _file(file: "TensorFile") -> str:
    where = f", after step {file.counts['step']}" if "step" in file.counts else ""
    where += f", of epoch {file.counts['epoch'] + 1}" if set(file.counts) == {"epoch"} else ""
    return f"{file.size / 1e6:.2f} MB{where}" + (", damaged" if file.problem else "")


def _last_row(found: "Inspection") -> dict[str, str]:
    from nebulatent.apps.console import rounded

    row = {name.replace("_", " "): rounded(value) for name, value in found.last_row.items()}
    shown = {name: value for name, value in row.items() if "weight " not in name}
    return {f"Epoch {found.rows} of {found.config.fit.epochs}": ""} | shown if row else {}
