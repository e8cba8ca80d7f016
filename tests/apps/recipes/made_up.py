"""A recipe that trains nothing, and images of three kinds, for tests of everything around it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.drawings import row_dots
from nebulatent.apps.recipes.effects import Gap
from nebulatent.apps.recipes.recipe import Budget, Outcome, Recipe, Row, Setting, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.evaluation.measures import Measure

CALLS: list[tuple[str, int]] = []
TINY = Budget(samples=64, test_samples=30, epochs=2, batch_size=32)


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Notes that it was called, and returns its value plus the seed."""

    value: float
    fails_at: int = -1

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"noted-{self.value:g}".replace(".", "p")

    def __call__(self, setting: Setting) -> Outcome:
        """One measure."""
        if setting.seed == self.fails_at:
            raise FloatingPointError("The loss must stay finite, got nan.")
        CALLS.append((self.name, setting.seed))
        value = self.value + setting.seed % 10
        measure = Measure("v", value, "lower", "nats", "The value and the seed.", True)
        return Outcome([measure], {"first": setting.seed} if setting.draws else {})


def draw(record: Record, trained: Trainings) -> Figure:
    """Dots."""
    return row_dots(record, ("v",))


def recipe(*, fails_at: int = -1) -> Recipe:
    """Two rows, two apart."""
    gap = Gap(measure="v", higher=("old",), lower=("new",))
    return Recipe(
        name="nvc-table2",
        title="Made up",
        source="Nobody, 1900, Table 0",
        measures=("v",),
        rows=(
            Row(name="old", experiment=Noted(value=3.0), paper={"v": 0.25}),
            Row(
                name="new",
                experiment=Noted(value=1.0, fails_at=fails_at),
                paper={},
                supervised=True,
            ),
        ),
        claims=(Claim(says="New is | lower.", where="Table 0", parts=(Part(effect=gap),)),),
        draw=draw,
        quick=TINY,
    )


def images(place: Path) -> Path:
    """Bars in one of three places under noise: 8×8, 90 to train, 45 to test."""
    rng = np.random.default_rng(0)
    parts = {}
    for name, count in (("train", 90), ("test", 45)):
        label = np.arange(count) % 3
        x = rng.integers(0, 60, size=(count, 8, 8), dtype=np.uint8)
        for i, kind in enumerate(label):
            x[i, 2 * kind : 2 * kind + 2] = 230
        parts |= {f"x_{name}": x, f"y_{name}": label}
    path = place / "bars.npz"
    np.savez(path, **parts)
    return path


def wanted(place: Path, data: Path, *, seeds: tuple[int, ...] = (11, 12, 13)) -> Wanted:
    """One training at a time, tiny."""
    return Wanted(
        out=place / "out", data=str(data), preset="quick", budget=TINY, seeds=seeds, jobs=1
    )
