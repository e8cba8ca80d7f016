"""`nebulatent evaluate`: numbers on data the model has not seen."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from nebulatent.apps.planning.cloud_plan import TUNING_STEPS
from nebulatent.apps.planning.options import Data, NewPicture, OtherData, RunFolder, Split

if TYPE_CHECKING:
    from nebulatent.apps.assess import Assessment, Evaluated
    from nebulatent.apps.console import Output
    from nebulatent.apps.runs.runs import Run
    from nebulatent.evaluation.levels import Curve, Level

    Curves = dict[str, dict[str, Curve]]


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure reconstruction, density, clustering and neighbours, beside trivial baselines.

    Measures that need labels are printed only where the data have labels. With --probe svm, only
    the accuracy of a linear support vector machine on the codes is measured, beside the same on the
    codes of the untrained network and on a description made by hand; it learns from --train;
    kernel-svm is the same with a Gaussian kernel. With --probe fine-tune, a classifier of clouds is
    trained from the run's encoder, and one from weights as drawn; with --probe parts, a network
    that names the parts of clouds. --label-fractions and --robustness draw curves of the accuracy.
    With --probe factors, MIG, SAP and DCI say whether
    each component of a code stands for one known factor.

    Example: nebulatent evaluate runs/digits digits --json

    Example: nebulatent evaluate runs/shapes test.npz --probe svm --train train.npz

    Example: nebulatent evaluate runs/shapes builtin:shapes --probe svm --robustness --out a.png
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
        Literal["svm", "kernel-svm", "fine-tune", "parts", "factors", "none"],
        arg(
            metavar="{svm,kernel-svm,fine-tune,parts,factors}", help_behavior_hint="(default: none)"
        ),
    ] = "none"
    """Measure only an SVM on the codes, linear or with a Gaussian kernel, its strength chosen on
    --train; or a classifier, or a network of parts; or, of builtin:shapes, disentanglement."""
    train: OtherData = None
    """Labelled data that the probe learns from; by default the official training part of DATA."""
    label_fractions: bool = False
    """With --probe: also learn from 1, 5, 10, 20 and 50 % of the labels, drawn several times."""
    robustness: bool = False
    """With --probe svm, on clouds: also test on clouds with noise, holes, turned or half hidden."""
    steps: int = TUNING_STEPS
    """Of each training with --probe fine-tune or parts."""
    out: NewPicture = None
    """A picture of these curves."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Measure and print."""
        from nebulatent.apps.both_forms import say_measures
        from nebulatent.apps.console import Output
        from nebulatent.apps.runs.runs import load_run

        self._check()
        run = load_run(self.path)
        shown, measured, curves = self._measured(run)
        table = shown.table
        output = Output(as_json=self.json)
        for line in (*table.found, *run.config.scaling.notes(table)):
            output.say(f"  {line}")
        title = f"{self.path} on {self.data} ({self.split})"
        say_measures(output, title, measured)
        self._show(output, curves)
        output.result(
            {
                "run": str(self.path),
                "data": self.data,
                "split": self.split,
                "num_samples": table.num_samples,
                "fingerprint": table.fingerprint,
                **measured.to_json(),
                "curves": {
                    name: {kind: curve.to_json() for kind, curve in kinds.items()}
                    for name, kinds in curves.items()
                },
            }
        )

    def _check(self) -> None:
        """Refuse options that do not go together before anything is read."""
        from nebulatent.apps.outputs import check_output

        learns = self.probe in ("svm", "kernel-svm", "fine-tune", "parts")
        alone = "it alone" if self.probe == "none" else self.probe
        if self.label_fractions and (not learns or self.probe == "kernel-svm"):
            raise ValueError(
                f"`--label-fractions` must go with --probe svm, fine-tune or parts, got {alone}."
            )
        if self.robustness and self.probe != "svm":
            raise ValueError(f"`--robustness` must go with --probe svm, got {self.probe}.")
        if self.train is not None and not learns:
            raise ValueError(
                f"`--train` must go with --probe svm, kernel-svm, fine-tune or parts, got {alone}."
            )
        if self.out is not None:
            if not (self.label_fractions or self.robustness):
                raise ValueError(
                    f"`--out` must go with --label-fractions or --robustness, got `{self.out}` "
                    "alone."
                )
            check_output(self.out, (".png",))

    def _measured(self, run: "Run") -> "tuple[Evaluated, Assessment, Curves]":
        from nebulatent.apps.assess import assess_run, data_for
        from nebulatent.apps.both_forms import both_forms
        from nebulatent.apps.probing import probe_data

        if self.probe == "none":
            shown = data_for(run, self.data, self.split)
            found = both_forms(
                run, shown, lambda one: assess_run(one, shown, baselines=self.baselines)
            )
            return shown, found, {}
        if self.probe == "factors":
            from nebulatent.apps.factor_probe import factor_data, probe_factors

            made = factor_data(run, self.data, self.split)
            found = both_forms(
                run, made.data, lambda one: probe_factors(one, made, baselines=self.baselines)
            )
            return made.data, found, {}
        shown = probe_data(run, self.data, self.split, self.train)
        probes = {"fine-tune": self._fine_tuned, "parts": self._parts}
        return shown, *probes.get(self.probe, self._probed)(run, shown)

    def _probed(self, run: "Run", data: "Evaluated") -> "tuple[Assessment, Curves]":
        from nebulatent.apps.both_forms import both_forms
        from nebulatent.apps.probing import KERNEL, LINEAR, probe_curves, probe_run

        probe = KERNEL if self.probe == "kernel-svm" else LINEAR
        curves = {}
        if self.label_fractions or self.robustness:
            asked = {"labels": self.label_fractions, "damage": self.robustness}
            curves = probe_curves(run, data, **asked, baselines=self.baselines)
        found = both_forms(
            run, data, lambda one: probe_run(one, data, probe, baselines=self.baselines)
        )
        return found, curves

    def _fine_tuned(self, run: "Run", data: "Evaluated") -> "tuple[Assessment, Curves]":
        from nebulatent.apps.assess import Assessment
        from nebulatent.apps.fine_tuning import TUNED, fine_tune, tuned_measures
        from nebulatent.evaluation.label_fractions import FRACTIONS

        fractions = FRACTIONS if self.label_fractions else (1.0,)
        curves = fine_tune(
            run, data, fractions=fractions, steps=self.steps, baselines=self.baselines
        )
        found = {name: tuned_measures(curve) for name, curve in curves.items()}
        shown = {"labels": curves} if self.label_fractions else {}
        return Assessment(found.pop(TUNED), found), shown

    def _parts(self, run: "Run", data: "Evaluated") -> "tuple[Assessment, Curves]":
        from nebulatent.apps.assess import Assessment
        from nebulatent.apps.fine_tuning import TUNED
        from nebulatent.apps.part_tuning import tune_parts
        from nebulatent.evaluation.label_fractions import FRACTIONS

        fractions = FRACTIONS if self.label_fractions else (1.0,)
        found = tune_parts(
            run, data, fractions=fractions, steps=self.steps, baselines=self.baselines
        )
        shown = {"labels": found.curves} if self.label_fractions else {}
        return Assessment(found.measures.pop(TUNED), found.measures), shown

    def _show(self, output: "Output", curves: "Curves") -> None:
        """A table for each curve, and their picture."""
        for name, kinds in curves.items():
            first, *_ = kinds.values()
            what = "Instance mIoU" if self.probe == "parts" else "Accuracy"
            title = f"{what} by {name} ({first.unit}): mean ± standard deviation of a draw"
            rows = [
                [level.name, *(mean_and_std(curve.levels[i]) for curve in kinds.values())]
                for i, level in enumerate(first.levels)
            ]
            output.table(title, [name, *kinds], rows)
        if self.out is not None:
            from nebulatent.apps.outputs import whole_file
            from nebulatent.apps.pictures.canvas import to_png
            from nebulatent.apps.pictures.probe_curves import curve_panels

            with whole_file(self.out) as place:
                place.write_bytes(to_png(curve_panels(curves)))
            output.say(f"Curves in {self.out}")


def mean_and_std(level: "Level") -> str:
    """The mean over draws, and their standard deviation if there are several."""
    return f"{level.mean:.3f}" + f" ± {level.std:.3f}" * (len(level.values) > 1)
