"""`nebulatent evaluate`: numbers on data the model has not seen."""

from dataclasses import dataclass

from tyro.conf import Positional

from nebulatent.apps.options import Data, RunFolder, Split


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure reconstruction, density, clustering and neighbours, beside trivial baselines.

    Measures that need labels are printed only where the data have labels.

    Example: nebulatent evaluate runs/digits digits --json
    """

    path: RunFolder
    """A complete run."""
    data: Positional[Data]
    """Data of the same shape as the run's."""
    split: Split = "test"
    """Part to evaluate, where the data have official parts."""
    baselines: bool = True
    """Whether to measure k-means on the raw data and an untrained encoder beside it."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Measure and print."""
        from nebulatent.apps.assess import assess_run, data_for
        from nebulatent.apps.console import Output
        from nebulatent.apps.runs import load_run
        from nebulatent.evaluation.measures import to_json

        run = load_run(self.path)
        shown = data_for(run, self.data, self.split)
        table = shown.table
        measured = assess_run(run, shown, baselines=self.baselines)
        output = Output(as_json=self.json)
        for line in (*table.found, *run.config.scaling.notes(table)):
            output.say(f"  {line}")
        title = f"{self.path} on {self.data} ({self.split})"
        output.measures(title, {"value": measured.own, **measured.baselines})
        output.result(
            {
                "run": str(self.path),
                "data": self.data,
                "split": self.split,
                "num_samples": table.num_samples,
                "fingerprint": table.fingerprint,
                "measures": to_json(measured.own),
                "baselines": {name: to_json(rows) for name, rows in measured.baselines.items()},
            }
        )
