"""`nebulatent report`: the report of a run, written again."""

from dataclasses import dataclass

from nebulatent.apps.planning.options import OtherData, RunFolder


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write RUN/report.html again, from the run's own data or from other data.

    Example: nebulatent report runs/digits
    """

    path: RunFolder
    """A complete run."""
    data: OtherData = None
    """Data to show; by default what the run was trained on, or its official test part."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Measure and write."""
        from nebulatent.apps.assess import assess_run, data_for, evaluation_data
        from nebulatent.apps.both_forms import both_forms
        from nebulatent.apps.console import Output
        from nebulatent.apps.reports.report_run import report_run
        from nebulatent.apps.runs.runs import load_run

        run = load_run(self.path)
        shown = evaluation_data(run) if self.data is None else data_for(run, self.data, "test")
        measured = both_forms(run, shown, lambda one: assess_run(one, shown))
        path = report_run(run, shown.table, measured)
        output = Output(as_json=self.json)
        output.say(f"report: {path}")
        output.result({"report": str(path)})
