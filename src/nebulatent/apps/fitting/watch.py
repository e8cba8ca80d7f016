"""report.html while a run is trained: curves so far, and what the model has learned by now."""

import copy
import time
from pathlib import Path

import torch

from nebulatent.apps.fitting.groups import aggregate_posterior
from nebulatent.apps.planning.build import Trained, find_anchors
from nebulatent.apps.runs.inputs import encoder_input
from nebulatent.apps.runs.runs import Run, RunConfig
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import encode
from nebulatent.training.fit import Step
from nebulatent.training.progress import Row

SHARE = 0.1  # of the time that reports may take


class Watch:
    """Follows a training and writes its report after an epoch, if that is not too often.

    Arguments:
        path: The run.
        config: Its config.
        model: The model that is being trained; it is copied, never changed.
        table: The data.
    """

    def __init__(self, path: Path, config: RunConfig, model: Trained, table: Table) -> None:
        self.path, self.config, self.model, self.table = path, config, model, table
        self._next = time.perf_counter()

    def step(self, step: Step) -> None:
        """Nothing: a report shows epochs."""

    def epoch(self, row: Row) -> None:
        """Write the report, at most a tenth of the time."""
        began = time.perf_counter()
        if began < self._next:
            return
        with torch.random.fork_rng():  # whatever a figure draws, training goes on as if unwatched
            self._write(int(row["epoch"]) + 1)
        now = time.perf_counter()
        self._next = now + (now - began) * (1 - SHARE) / SHARE

    def _write(self, epoch: int) -> None:
        from nebulatent.apps.reports.portrait import shown
        from nebulatent.apps.reports.report_run import report_progress

        model = copy.deepcopy(self.model).cpu().eval()
        x = encoder_input(self.config.model, shown(self.table))
        codes = encode(model, x, self.config.scaling.apply)
        groups = aggregate_posterior(codes, find_anchors(model))
        run = Run(self.path, self.config, model, groups)
        report_progress(run, self.table, f"Training, epoch {epoch} of {self.config.fit.epochs}")
