"""The parts of a recipe: rows, budgets, and what an experiment gets and returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from nebulatent.apps.recipes.claims import Claim
from nebulatent.apps.recipes.recipe_data import (
    Cuttable,
    RecipeData,
    default_data,
    load_recipe_data,
)
from nebulatent.evaluation.measures import Measure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nebulatent.apps.recipes.record import Record

Preset = Literal["quick", "full"]
Data = TypeVar("Data")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much one training may use; the same for all rows of a recipe.

    Raises:
        ValueError: If a number is not positive.
    """

    samples: int
    """Training samples; more than there are means all."""
    test_samples: int
    """Test samples; more than there are means all."""
    epochs: int
    """Passes over the training samples."""
    batch_size: int
    """Samples per step."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(
                    f"`{field.name}` must be at least 1, got {getattr(self, field.name)}."
                )

    def cut(self, steps: int) -> "Budget":
        """A budget of about so many steps, in at most two epochs: to see that all works."""
        epochs = min(2, steps)
        return replace(
            self,
            samples=min(self.samples, self.batch_size * (steps // epochs)),
            test_samples=min(self.test_samples, 500),
            epochs=epochs,
        )

    def __str__(self) -> str:
        return (
            f"{self.samples:,} training and {self.test_samples:,} test samples, "
            f"{self.epochs} epochs, batches of {self.batch_size}"
        )


# Meant to end in a quarter of an hour on two cores: an estimate from single trainings.
QUICK = Budget(samples=20_000, test_samples=10_000, epochs=6, batch_size=128)
# Our reading: the paper states no budget for MNIST; after 50 epochs the curves of Fig. 5 are flat.
FULL = Budget(samples=60_000, test_samples=10_000, epochs=50, batch_size=128)


class Given(NamedTuple, Generic[Data]):
    """What an experiment gets.

    Arguments:
        data: Training and test samples, already cut to the budget.
        budget: Epochs and batch size.
        seed: Fixes every random choice.
        draws: Whether the arrays of a figure are wanted: for the first seed only.
    """

    data: Data
    budget: Budget
    seed: int
    draws: bool


Setting = Given[RecipeData]  # of a recipe about images, as most are


class Outcome(NamedTuple):
    """What an experiment returns.

    Arguments:
        measures: Numbers on the test samples.
        arrays: What a figure needs, as JSON (lists of numbers; pictures by `store.pack`).
    """

    measures: Sequence[Measure]
    arrays: Mapping[str, Any] = {}


class Experiment(Protocol):
    """One way to build, train and measure a model; a frozen dataclass that can be pickled.

    Its `repr` says all that the result depends on beside setting and code.
    """

    @property
    def name(self) -> str:
        """Name of the result's file: letters, digits and hyphens."""
        ...

    def __call__(self, setting: Any) -> Outcome:  # noqa: ANN401
        """Build, train, measure."""
        ...


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Arguments:
        name: As in the paper where it has that row.
        experiment: What is trained.
        paper: The paper's numbers by measure, as it prints them but shares as fractions of 1.
        supervised: Whether training reads labels.
        full_only: Whether the quick preset leaves it out.

    Raises:
        TypeError: If the experiment is no dataclass: its `repr` would not say what it does.
    """

    name: str
    experiment: Experiment
    paper: Mapping[str, float]
    supervised: bool = False
    full_only: bool = False

    def __post_init__(self) -> None:
        if not is_dataclass(self.experiment):
            raise TypeError(
                f"`experiment` must be a frozen dataclass, got {type(self.experiment).__name__} "
                f"in row {self.name!r}."
            )


class Finished(NamedTuple):
    """One training, as it was stored.

    Arguments:
        seed: Its seed.
        measures: Its numbers.
        arrays: What a figure needs; empty but for the first seed.
        seconds: What it took.
        machine: Where it was made, and with what.
    """

    seed: int
    measures: Sequence[Measure]
    arrays: Mapping[str, Any]
    seconds: float
    machine: Mapping[str, str]


Trainings = Mapping[str, Sequence[Finished]]  # by row, in the order of the seeds


def load_images(path: str, preset: Preset) -> RecipeData:
    """Images with labels, the same for every preset."""
    return load_recipe_data(path)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One table or figure.

    Arguments:
        name: What `nebulatent reproduce` calls it.
        title: What it shows.
        source: Paper and table or figure.
        measures: Columns of the table, by the names of their measures.
        rows: Rows of the table.
        claims: What the paper says about them.
        draw: Record and trainings → the figure.
        notes: What a reader of the numbers must know.
        quick: The budget of `--quick`.
        full: The budget of `--full`.
        load: `--data` and the preset → training and test part.
        default_data: What `--data` is if it is not given.

    Raises:
        ValueError: If two rows have one name, or a claim reads a row that is not there.
    """

    name: str
    title: str
    source: str
    measures: tuple[str, ...]
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]
    draw: "Callable[[Record, Trainings], Figure]"
    notes: tuple[str, ...] = ()
    quick: Budget = QUICK
    full: Budget = FULL
    load: Callable[[str, Preset], Cuttable] = load_images
    default_data: Callable[[], str] = default_data

    def __post_init__(self) -> None:
        names = [row.name for row in self.rows]
        if len(set(names)) < len(names):
            raise ValueError(f"`rows` must have different names, got {names} in {self.name}.")
        read = {row for c in self.claims for part in c.parts for row in part.effect.rows}
        unknown = read - {row.name for row in self.rows_of("quick")}
        if unknown:
            raise ValueError(
                f"`claims` must be about rows of {self.name} that every preset has, got "
                f"{sorted(unknown)}."
            )

    def rows_of(self, preset: Preset) -> tuple[Row, ...]:
        """The rows of a preset."""
        return tuple(row for row in self.rows if preset == "full" or not row.full_only)

    def only(self, texts: Sequence[str]) -> "Recipe":
        """The rows that have one of some texts in their names, and the claims about these alone.

        A text that is the whole name of a row stands for that row alone. The figure shows dots of
        each row, as the recipe's own may need all of them.

        Raises:
            ValueError: If no row has such a name.
        """
        every = [row.name for row in self.rows]
        names = {
            name
            for text in texts
            for name in every
            if name == text or (text not in every and text in name)
        }
        if not names:
            raise ValueError(
                f"`--rows` must be parts of names of rows, got none of: {'; '.join(every)}."
            )
        rows = tuple(row for row in self.rows if row.name in names)
        parts = (
            tuple(part for part in c.parts if names >= {*part.effect.rows}) for c in self.claims
        )
        left = "; ".join(row.name for row in self.rows if row.name not in names)
        return replace(
            self,
            rows=rows,
            claims=tuple(
                claim.about(few) for claim, few in zip(self.claims, parts, strict=True) if few
            ),
            draw=lambda record, trained: _dots(record),
            notes=(*self.notes, *([f"Rows not asked for: {left}."] if left else [])),
        )

    def budget(self, preset: Preset) -> Budget:
        """The budget of a preset."""
        return self.quick if preset == "quick" else self.full


def _dots(record: "Record") -> "Figure":
    from nebulatent.apps.recipes.drawings import row_dots

    return row_dots(record, record.measures[:2])
