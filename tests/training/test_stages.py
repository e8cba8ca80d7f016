"""Stages: each saved in its own folder, none repeated, all of them resumed to the bit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from nebulatent.data.batch import Batches
from nebulatent.training.checkpoints import Saving
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import OnEpoch, OnStep, Step
from nebulatent.training.progress import Row
from nebulatent.training.stages import STAGE, Stage, Stages
from training.runs import data, nvc_ml


class Stop(Exception):
    """What interrupts a run in these tests."""


def stages(folder: Path, seen: list[str], die: tuple[str, int] | None = None) -> Stages:
    """Stages that are saved after each step; `die` names a stage and a step of it."""

    @contextmanager
    def follow(stage: Stage) -> Iterator[tuple[OnStep, OnEpoch]]:
        def step(step: Step) -> None:
            seen.append(stage.name)
            if die == (stage.name, step.step):
                raise Stop

        def epoch(row: Row) -> None:
            assert row[STAGE] == stage.number

        yield step, epoch

    return Stages(saving=Saving(folder=folder, every_steps=1), follow=follow)


def two_stages(how: Stages) -> tuple[dict[str, torch.Tensor], list[Row]]:
    """A second stage that begins with the weights of the first."""
    first = nvc_ml(seed=0)
    rows = how.fit(Stage("first", 0, first, data(), FitConfig(epochs=2)))
    second = nvc_ml(seed=1)
    second.load_state_dict(first.state_dict())
    batches = Batches(data().x, batch_size=10, seed=3)
    rows += how.fit(Stage("second", 1, second, batches, FitConfig(epochs=2, lr=1e-2)))
    return second.state_dict(), rows


@pytest.mark.parametrize("die", [("first", 2), ("second", 3)])
def test_a_run_that_dies_in_any_stage_ends_in_the_same_bits(
    tmp_path: Path, die: tuple[str, int]
) -> None:
    weights, rows = two_stages(stages(tmp_path / "whole", []))
    with pytest.raises(Stop):
        two_stages(stages(tmp_path / "broken", [], die))
    seen: list[str] = []
    again, same = two_stages(stages(tmp_path / "broken", seen))
    assert same == rows
    assert ("first" in seen) == (die[0] == "first")  # a finished stage is read back
    for name, value in weights.items():
        assert torch.equal(again[name], value), name
    assert {path.name for path in (tmp_path / "broken").iterdir()} == {"first", "second"}


def test_what_is_calculated_between_stages_is_calculated_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def calculate() -> dict[str, torch.Tensor]:
        calls.append(1)
        return {"rows": torch.arange(3)}

    how = stages(tmp_path, [])
    for _ in range(2):
        assert torch.equal(how.keep("rows", calculate)["rows"], torch.arange(3))
    assert len(calls) == 1
    Stages().keep("rows", calculate)
    assert len(calls) == 2


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    how = stages(tmp_path, [])
    how.keep("rows", lambda: {"rows": torch.arange(3)})
    file = tmp_path / "rows.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"rows\.safetensors.*undamaged"):
        how.keep("rows", dict)
