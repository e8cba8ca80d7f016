"""Trained runs and their measures → report.html."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nebulatent.apps.assess import Assessment
from nebulatent.apps.both_forms import columns
from nebulatent.apps.reports.portrait import portray
from nebulatent.apps.reports.report import write_report
from nebulatent.apps.reports.report_table import Baseline, value_text
from nebulatent.apps.runs.runs import REPORT, Run
from nebulatent.data.table import Table
from nebulatent.evaluation.measures import Measure


def report_run(run: Run, table: Table, measured: Assessment) -> Path:
    """Write the report of one run into its folder."""
    return write_report(
        run.path / REPORT,
        title=f"Latent space of {Path(run.config.data.path).name}",
        runs=[portray(run, table, measured.own)],
        baselines=baseline_columns(columns(measured)),
        command=command_line(),
        seed=run.config.fit.seed,
    )


def report_progress(run: Run, table: Table, status: str) -> Path:
    """Write the report of a run that is not complete, from its model as it is."""
    return write_report(
        run.path / REPORT,
        title=f"Latent space of {Path(run.config.data.path).name}",
        runs=[portray(run, table, ())],
        command=shlex.join(["nebulatent", "fit", "--resume", str(run.path)]),
        seed=run.config.fit.seed,
        status=status,
    )


def baseline_columns(baselines: Mapping[str, Sequence[Measure]]) -> list[Baseline]:
    """Columns of the results without figures."""
    return [
        (name, {measure.name: value_text(measure.value) for measure in measures})
        for name, measures in baselines.items()
    ]


def command_line() -> str:
    """What was typed, for the record."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
