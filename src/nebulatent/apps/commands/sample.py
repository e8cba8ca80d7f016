"""`nebulatent sample`: new samples, from everywhere or from around one anchor."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from nebulatent.apps.planning.options import MAX_SEED, RunFolder, Whole

SUFFIXES = (".png", ".npz")
Origin = Literal["aggregate", "prior"]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Generate samples.

    Example: nebulatent sample runs/digits --count 64 --anchor 3 --out samples.png
    """

    path: RunFolder
    """A complete run."""
    out: Path
    """A .png picture (images and clouds) or an .npz array `x` in the units of the data."""
    count: int = 64
    """How many."""
    anchor: Annotated[Whole, arg(help_behavior_hint="(default: everywhere)")] = None
    """Only codes around this anchor, counted from 0."""
    origin: Origin = "aggregate"
    """Codes from a Gaussian fitted to the training codes, or from the prior N(0, I)."""
    label: Annotated[Whole, arg(help_behavior_hint="(default: all in turn)")] = None
    """Class to generate, counted from 0, for a conditional model."""
    seed: int = 0
    """Fixes the samples."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Sample and write."""
        from nebulatent.apps.console import Output
        from nebulatent.apps.outputs import check_output, whole_file
        from nebulatent.apps.runs.runs import load_run
        from nebulatent.apps.sampling import decode, draw_codes, write_samples

        check_output(self.out, SUFFIXES)
        if self.count < 1:
            raise ValueError(f"`--count` must be at least 1, got {self.count}.")
        if not 0 <= self.seed < MAX_SEED:
            raise ValueError(f"`--seed` must lie in 0..{MAX_SEED - 1}, got {self.seed}.")
        run = load_run(self.path)
        if self.out.suffix == ".png" and len(run.config.model.shape) == 1:
            raise ValueError("`--out` must end in .npz for vectors, got a picture's name.")
        z = draw_codes(run, self.count, self.seed, anchor=self.anchor, origin=self.origin)
        x = decode(run, z, self.label)
        with whole_file(self.out) as place:
            write_samples(run, x, place, self.out.suffix)
        output = Output(as_json=self.json)
        output.say(f"{self.count} samples in {self.out}")
        output.result({"count": self.count, "out": str(self.out)})
