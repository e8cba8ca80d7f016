"""NVC with consistency as a run: repeatable and resumable in every stage, blind to labels."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nebulatent.apps.assess import assess_run, evaluation_data
from nebulatent.apps.commands.fit import Fit
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.planning.choices import Choices, Machine
from nebulatent.apps.planning.consistency_plan import cluster_precision
from nebulatent.apps.planning.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.reports.portrait import portray
from nebulatent.apps.reports.report_sections import curves
from nebulatent.apps.runs.runs import (
    METRICS,
    WEIGHTS,
    Run,
    RunConfig,
    discard_empty_run,
    has_checkpoint,
    load_config,
    load_history,
    load_run,
)
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table
from nebulatent.training.fit import Step
from nebulatent.training.progress import Row
from nebulatent.training.stages import STAGE, Stage

COUNT = 60
SHORT = {"method": "nvc-consistency", "num_anchors": 3, "epochs": 2, "batch_size": 30}
STAGES = ["member-1", "member-2", "clusters", "decoder"]


def table(folder: Path, labels: Sequence[int] | None = None) -> Table:
    """Images of 4×4 pixels with a bright row, in a file."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 90, size=(COUNT, 4, 4), dtype=np.uint8)
    x[np.arange(COUNT), np.arange(COUNT) % 3] += 160
    y = {} if labels is None else {"y": np.array(labels)}
    np.savez(folder / "rows.npz", x=x, **y)
    return read(str(folder / "rows.npz"))


def started(path: Path, data: Table, engine: EngineConfig, **choices: Any) -> Path:  # noqa: ANN401
    path.mkdir(parents=True, exist_ok=True)
    chosen = plan(data, fit_scaling(data), Choices(**{"cluster_steps": 8} | SHORT | choices))
    assert chosen.consistency is not None
    chosen = replace(chosen, consistency=replace(chosen.consistency, members=2, kept=2))
    source = Source(path=str(path.parent / "rows.npz"))
    start_run(path, data, source, fit_scaling(data), chosen, engine=engine, overwrite=False)
    return path


class Killer:
    """Follows the stages, and raises after a step of one."""

    def __init__(self, name: str = "", after: int = 1) -> None:
        self.name, self.after = name, after
        self.stages: list[Stage] = []
        self.stepped: list[str] = []

    def stage(self, stage: Stage) -> None:
        self.stages.append(stage)

    def step(self, step: Step) -> None:
        self.stepped.append(self.stages[-1].name)
        if (self.stages[-1].name, step.step) == (self.name, self.after):
            raise InterruptedError

    def epoch(self, row: Row) -> None:
        assert row[STAGE] == self.stages[-1].number


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A complete run, without labels."""
    folder = tmp_path_factory.mktemp("whole")
    data = table(folder)
    train(started(folder / "run", data, EngineConfig()), data)
    return load_run(folder / "run")


def files(path: Path) -> tuple[bytes, bytes]:
    return (path / WEIGHTS).read_bytes(), (path / METRICS).read_bytes()


@pytest.mark.parametrize("name", ["member-2", "clusters", "decoder"])
def test_a_run_that_dies_in_any_stage_ends_in_the_same_bits(
    tmp_path: Path, done: Run, name: str
) -> None:
    data = table(tmp_path)
    path = started(tmp_path / "run", data, EngineConfig(save_steps=1))
    with pytest.raises(InterruptedError):
        train(path, data, Killer(name, 2 if name != "member-2" else 1))
    discard_empty_run(path, folder=True)  # as the command does; there is something to keep
    assert has_checkpoint(path) and not (path / WEIGHTS).exists()
    again = Killer()
    train(path, data, again)
    assert files(path) == files(done.path)
    before = STAGES[: STAGES.index(name)]
    assert not set(again.stepped) & set(before)  # finished stages are read back
    assert not (path / CHECKPOINTS).exists()


def test_labels_change_no_bit(tmp_path: Path, done: Run) -> None:
    data = table(tmp_path, [i % 3 for i in range(COUNT)])
    train(started(tmp_path / "run", data, EngineConfig()), data)
    own, other = (path / WEIGHTS for path in (tmp_path / "run", done.path))
    assert own.read_bytes() == other.read_bytes()


def test_another_seed_finds_other_codes(tmp_path: Path, done: Run) -> None:
    data = table(tmp_path)
    train(started(tmp_path / "run", data, EngineConfig(), seed=1), data)
    assert files(tmp_path / "run")[0] != files(done.path)[0]


def test_anchors_lie_in_the_cluster_part_of_the_code(done: Run) -> None:
    model, anchors = done.config.model, find_anchors(done.model)
    assert (model.cluster_dim, model.latent_dim) == (16, 26)
    assert anchors is not None
    assert anchors.positions[:, :16].abs().sum() > 0
    assert anchors.positions[:, 16:].eq(0).all()


def test_each_row_says_its_stage(done: Run) -> None:
    rows = load_history(done.path)
    assert [row[STAGE] for row in rows] == sorted(row[STAGE] for row in rows)
    assert {row[STAGE] for row in rows} == set(range(len(STAGES)))
    assert all("reconstruction" in row for row in rows if row[STAGE] == len(STAGES) - 1)


def test_the_report_tells_the_stages_apart(done: Run) -> None:
    figures = portray(done, evaluation_data(done).table, ())
    assert [len(stage.histories) for stage in figures.earlier] == [2, 1]
    assert all(STAGE not in name for name in figures.summary)
    html = curves(figures)
    titles = ("First stage: members", "Second stage: clusters", "Last stage: code and decoder")
    assert all(f"<h4>{title}</h4>" in html for title in titles)


def test_a_complete_run_is_measured_like_any_other(done: Run) -> None:
    measures = {m.name: m.value for m in assess_run(done, evaluation_data(done)).own}
    assert np.isfinite([measures["ELBO"], measures["rel"], measures["anchors in use"]]).all()


def test_counted_anchors_are_those_of_the_config(tmp_path: Path) -> None:
    data = table(tmp_path)
    choices = {"num_anchors": "auto", "cluster_steps": 60}
    path = started(tmp_path / "run", data, EngineConfig(save_steps=1), **choices)
    assert load_config(path).model.num_anchors == 1
    with pytest.raises(InterruptedError):
        train(path, data, Killer("decoder"))
    train(path, data)
    run = load_run(path)
    anchors = find_anchors(run.model)
    assert anchors is not None
    assert run.config.model.num_anchors == anchors.num_anchors >= 2


@pytest.mark.parametrize(
    ("found", "precision"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx2": True}, "32")],
)
def test_bfloat16_is_for_processors_that_multiply_it(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert cluster_precision() == precision


def test_a_config_is_read_as_it_was_written(done: Run) -> None:
    saved = json.loads(json.dumps(done.config.to_json()))
    assert RunConfig.from_json(saved) == done.config
    for damage in ({"consistency": None}, {"consistency": {"members": 0}}, {"auto_anchors": 1}):
        with pytest.raises(ValueError, match=r"consistency|members|auto_anchors"):
            RunConfig.from_json(saved | damage)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"num_anchors": 31}, "`num_anchors` must be at most half the number of samples"),
        ({"method": "nvc", "num_anchors": "auto"}, "`num_anchors` auto must go with nvc-consisten"),
        ({"method": "nvc", "cluster_steps": 9}, "`cluster_steps` must go with nvc-consistency"),
        ({"cluster_steps": 1}, "`cluster_steps` must be at least 2, got 1"),
        ({"host": "ae"}, "`host` must go with nvc or nvc-ml"),
        ({"supervised": True}, "nvc-consistency must have .* no supervision"),
    ],
)
def test_impossible_choices_are_refused(
    tmp_path: Path, choices: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        data = table(tmp_path, [i % 3 for i in range(COUNT)])
        plan(data, fit_scaling(data), Choices(**SHORT | choices))


def test_several_processes_are_refused_before_the_folder_is_made(tmp_path: Path) -> None:
    table(tmp_path)
    command = Fit(
        data=str(tmp_path / "rows.npz"),
        out=tmp_path / "run",
        choices=Choices(**SHORT),
        machine=Machine(devices=2),
    )
    with pytest.raises(ValueError, match="`--devices` must be 1 with nvc-consistency, got 2"):
        command.run()
    assert not (tmp_path / "run").exists()


def test_a_part_that_no_other_method_has_is_refused(done: Run) -> None:
    fields = done.config.model.__dict__
    for wrong in ({"method": "nvc"}, {"cluster_dim": 27}, {"cluster_widths": ()}):
        with pytest.raises(ValueError, match="`cluster_"):
            ModelConfig(**fields | wrong)
