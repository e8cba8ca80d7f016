"""`nebulatent evaluate`: numbers on data the model has not seen."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from nebulatent.apps.planning.options import Data, OtherData, RunFolder, Split

if TYPE_CHECKING:
    from nebulatent.apps.assess import Assessment, Evaluated
    from nebulatent.apps.runs.runs import Run


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure reconstruction, density, clustering and neighbours, beside trivial baselines.

    Measures that need labels are printed only where the data have labels. With --probe svm, only
    the accuracy of a linear support vector machine on the codes is measured, beside the same on the
    codes of the untrained network and on a description made by hand; it learns from --train.

    Example: nebulatent evaluate runs/digits digits --json

    Example: nebulatent evaluate runs/shapes test.npz --probe svm --train train.npz
    """

    path: RunFolder
    """A complete run."""
    data: Positional[Data]
    """Data of the same shape as the run's."""
    split: Split = "test"
    """Part to evaluate, where the data have official parts."""
    baselines: bool = True
    """Whether to measure the raw data and an untrained encoder beside it."""
    probe: Annotated[
        Literal["svm", "none"], arg(metavar="{svm}", help_behavior_hint="(default: none)")
    ] = "none"
    """Measure a linear SVM on the codes, and nothing else; its strength is chosen on --train."""
    train: OtherData = None
    """Labelled data that the probe learns from; by default the official training part of DATA."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Measure and print."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.runs.runs import load_run
        from nebulatent.evaluation.measures import to_json

        run = load_run(self.path)
        shown, measured = self._measured(run)
        table = shown.table
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

    def _measured(self, run: "Run") -> "tuple[Evaluated, Assessment]":
        from nebulatent.apps.assess import assess_run, data_for
        from nebulatent.apps.probing import probe_data, probe_run

        if self.probe == "svm":
            shown = probe_data(run, self.data, self.split, self.train)
            return shown, probe_run(run, shown, baselines=self.baselines)
        if self.train is not None:
            raise ValueError(f"`--train` must go with --probe svm, got `{self.train}` alone.")
        shown = data_for(run, self.data, self.split)
        return shown, assess_run(run, shown, baselines=self.baselines)
