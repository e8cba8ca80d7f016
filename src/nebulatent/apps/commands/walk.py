"""`nebulatent walk`: what the decoder makes of codes between samples, or along one component."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from nebulatent.apps.planning.options import (
    OtherData,
    RunFolder,
    SampleNames,
    Split,
    Whole,
)

if TYPE_CHECKING:
    from nebulatent.apps.collection import Collection
    from nebulatent.apps.walking import Walk as Walked


@dataclass(frozen=True, kw_only=True)
class Walk:
    """Walk from sample to sample, or along components of the code, and decode every step.

    A SAMPLE is a file that holds one sample, or DATA:ID, or an id of the data (the number of the
    row where the data name none).

    Example: nebulatent walk runs/digits --from 0 12 --to 1 17 --out walk.gif

    Example: nebulatent walk runs/digits --dimension 0 1 2 --out components.png
    """

    path: RunFolder
    """A complete run of a method that decodes."""
    out: Path
    """A .png strip or a .gif animation (images, clouds), or .npz with codes `z` and samples `x`."""
    start: Annotated[SampleNames, arg(name="from")] = ()
    """Where walks begin; with --dimension one sample, or by default the mean of all codes."""
    to: SampleNames = ()
    """Where they end: as many samples as --from."""
    spherical: bool = False
    """Walk on an arc around the middle of the prior, in place of a straight line."""
    dimension: Annotated[tuple[int, ...], arg(metavar="INT ...", help_behavior_hint="")] = ()
    """Components of the code to walk along in place of --to, counted from 0: one walk each."""
    reach: float = 2.5
    """How far along a component, in standard deviations of the training codes."""
    steps: Annotated[Whole, arg(help_behavior_hint="(default: 9, or 33 for .gif)")] = None
    """Codes of each walk, its ends included."""
    among: OtherData = None
    """Data whose ids name samples; by default what the run was trained on."""
    split: Split = "all"
    """Part of them, where the data have official parts."""
    label: Annotated[Whole, arg(help_behavior_hint="")] = None
    """Class to generate, counted from 0, for a conditional model."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Walk, decode, write."""
        from nebulatent.apps.collection import Collection
        from nebulatent.apps.console import Output
        from nebulatent.apps.walk_files import number_of_steps, save_walk, walkable

        self._check()
        run = walkable(self.path, self.out)
        steps = number_of_steps(self.steps, self.out)
        collection = Collection(run, self.among or run.config.data.path, self.split)
        walk = self._walk(collection, steps)
        save_walk(run, walk, self.label, self.out)
        output = Output(as_json=self.json)
        output.say(f"{len(walk.rows)} × {steps} decoded codes in {self.out}: {walk.title}")
        output.result({"walks": [*walk.rows], "steps": steps, "out": str(self.out)})

    def _check(self) -> None:
        if bool(self.to) == bool(self.dimension):
            got = "both" if self.to else "neither"
            raise ValueError(f"`walk` must be given --to or --dimension, got {got}.")
        if self.to and not self.start:
            raise ValueError("`--from` must be given with --to, got none.")
        if self.dimension and len(self.start) > 1:
            raise ValueError(
                f"`--from` must name one sample with --dimension, got {len(self.start)}."
            )
        if self.dimension and self.spherical:
            raise ValueError("`--spherical` must go with --to, got it with --dimension.")
        if not 0 < self.reach < float("inf"):
            raise ValueError(f"`--reach` must be positive, got {self.reach}.")

    def _walk(self, collection: "Collection", steps: int) -> "Walked":
        from nebulatent.apps.walking import along_dimensions, between

        if self.to:
            return between(collection, self.start, self.to, steps, spherical=self.spherical)
        return along_dimensions(collection, self.start, self.dimension, steps, reach=self.reach)
