"""`nebulatent combine`: arithmetic with codes, and attributes found from examples."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from nebulatent.apps.planning.options import (
    OtherData,
    RunFolder,
    SampleNames,
    Split,
    Whole,
)


@dataclass(frozen=True, kw_only=True)
class Combine:
    """Change samples by what some examples have and others lack: "table" + "armchair" − "chair".

    Of several examples the mean of their codes counts: many with and many without an attribute give
    the direction of that attribute. A SAMPLE is named as in `nebulatent walk`.

    Example: nebulatent combine runs/shapes --from table.off --plus armchair.off --minus chair.off
    --out combined.png
    """

    path: RunFolder
    """A complete run of a method that decodes."""
    out: Path
    """A .png strip or a .gif animation (images, clouds), or .npz with codes `z` and samples `x`."""
    start: Annotated[SampleNames, arg(name="from")]
    """What is changed, each sample on its own."""
    plus: SampleNames
    """Examples that have what is to be added."""
    minus: SampleNames
    """Examples that lack it."""
    strength: float = 1.0
    """How many times the difference is added in the end."""
    steps: Annotated[Whole, arg(help_behavior_hint="(default: 9, or 33 for .gif)")] = None
    """Codes on the way there, its ends included."""
    among: OtherData = None
    """Data whose ids name samples; by default what the run was trained on."""
    split: Split = "all"
    """Part of them, where the data have official parts."""
    label: Annotated[Whole, arg(help_behavior_hint="")] = None
    """Class to generate, counted from 0, for a conditional model."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Add, decode, write."""
        from nebulatent.apps.collection import Collection
        from nebulatent.apps.console import Output
        from nebulatent.apps.walk_files import number_of_steps, save_walk, walkable
        from nebulatent.apps.walking import by_examples

        for name, given in (("from", self.start), ("plus", self.plus), ("minus", self.minus)):
            if not given:
                raise ValueError(f"`--{name}` must name one sample at least, got none.")
        if not isfinite(self.strength):
            raise ValueError(f"`--strength` must be a finite number, got {self.strength}.")
        run = walkable(self.path, self.out)
        steps = number_of_steps(self.steps, self.out)
        collection = Collection(run, self.among or run.config.data.path, self.split)
        walk = by_examples(
            collection, self.start, (self.plus, self.minus), steps, strength=self.strength
        )
        save_walk(run, walk, self.label, self.out)
        output = Output(as_json=self.json)
        output.say(f"{len(walk.rows)} × {steps} decoded codes in {self.out}: {walk.title}")
        output.result({"samples": [*walk.rows], "steps": steps, "out": str(self.out)})
