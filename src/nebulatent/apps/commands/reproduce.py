"""`nebulatent reproduce`: a table or figure of a paper, measured again."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from nebulatent.apps.planning.choices import WholeOrOff
from nebulatent.apps.planning.options import MAX_SEED, OtherData
from nebulatent.apps.recipes.names import Name


@dataclass(frozen=True, kw_only=True)
class Reproduce:
    """Train the rows of a table or figure with several seeds and judge the paper's claims.

    Prints the paper's numbers beside ours and writes OUT/NAME.csv, .md, .png and .json. What is
    trained is kept: a recipe that was stopped goes on, and rows that two recipes share are trained
    once. Example: nebulatent reproduce nvc-table2 --quick
    """

    name: Positional[Name]
    """Which table or figure."""
    quick: bool = False
    """A short budget. This is the default."""
    full: bool = False
    """The paper's budget: hours."""
    seeds: int = 5
    """Trainings of each row; every one counts."""
    first_seed: int = 1000
    """The first seed; those from 1000 on were not used to develop anything here."""
    out: Path = Path("runs/reproduce")
    """Folder of all results."""
    data: OtherData = None
    """What to train on; by default what the recipe says, mostly mnist in NEBULATENT_DATA."""
    rows: tuple[str, ...] = ()
    """Parts of the names of the rows to train, or whole names; all rows if left out."""
    jobs: int = 2
    """Trainings at a time, which share the cores."""
    max_steps: WholeOrOff = None
    """Stop each training after so many steps, to see that all works; its numbers mean nothing."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Train, judge, write."""
        self._check()
        from nebulatent.apps.console import Output
        from nebulatent.apps.recipes.names import load_recipe
        from nebulatent.apps.recipes.runner import Wanted
        from nebulatent.apps.reproduce import reproduce

        recipe = load_recipe(self.name)
        recipe = recipe.only(self.rows) if self.rows else recipe
        preset = "full" if self.full else "quick"
        budget = recipe.budget(preset)
        wanted = Wanted(
            out=self.out,
            data=recipe.default_data() if self.data is None else self.data,
            preset=preset,
            budget=budget if self.max_steps is None else budget.cut(self.max_steps),
            seeds=tuple(range(self.first_seed, self.first_seed + self.seeds)),
            jobs=self.jobs,
        )
        output = Output(as_json=self.json)
        record = reproduce(recipe, wanted, output)
        verdicts = {f"{claim.where}: {claim.says}": claim.sentence for claim in record.claims}
        output.result({"record": str(self.out / f"{self.name}.json"), "verdicts": verdicts})

    def _check(self) -> None:
        if self.quick and self.full:
            raise ValueError("`--quick` must not go with `--full`, got both; choose one.")
        for option, value in (("seeds", self.seeds), ("jobs", self.jobs)):
            if value < 1:
                raise ValueError(f"`--{option}` must be at least 1, got {value}.")
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError(f"`--max-steps` must be at least 1, got {self.max_steps}.")
        if not 0 <= self.first_seed < MAX_SEED - self.seeds:
            raise ValueError(
                f"`--first-seed` must lie in 0..{MAX_SEED - self.seeds - 1}, got {self.first_seed}."
            )
