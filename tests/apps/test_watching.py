"""What a person sees while a run is trained: the bar, the fresh report, the curves."""

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console

from nebulatent.apps.fitting import watch
from nebulatent.apps.fitting.fit_run import read_again
from nebulatent.apps.fitting.progress import ProgressBar
from nebulatent.apps.fitting.watch import Watch
from nebulatent.apps.pictures.curves import term_curves, term_names
from nebulatent.apps.planning.build import build
from nebulatent.apps.runs.runs import RunConfig, load_config
from nebulatent.terms import Terms
from nebulatent.training.fit import Step


class Counted:
    """A number that counts how often it was read."""

    def __init__(self) -> None:
        self.reads = 0

    def item(self) -> float:
        self.reads += 1
        return 3.14159


@pytest.fixture
def config(blobs_run: Path) -> RunConfig:
    return load_config(blobs_run)  # 60 samples, one batch, 2 epochs


def test_the_bar_begins_where_the_run_is_and_reads_terms_only_to_draw(config: RunConfig) -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    term = Counted()
    with ProgressBar(config, console) as bar:
        for _ in range(50):
            bar.step(Step(2, 1, 1, 60, Terms({"kl": term}), 0.1))  # pyright: ignore
    drawn = console.file.getvalue()  # pyright: ignore
    assert "epoch 2/2" in drawn
    assert "kl 3.142" in drawn
    assert bar._bar.tasks[0].completed == 120
    assert 1 <= term.reads < 10


def test_a_quiet_bar_reads_and_draws_nothing(config: RunConfig) -> None:
    console, term = Console(file=io.StringIO(), quiet=True), Counted()
    with ProgressBar(config, console) as bar:
        bar.step(Step(1, 0, 1, 60, Terms({"kl": term}), 0.1))  # pyright: ignore
        bar.epoch({"epoch": 0.0, "total": 1.0})
    assert term.reads == 0
    assert not console.file.getvalue()  # pyright: ignore


def test_a_report_is_written_again_only_if_that_takes_a_tenth_of_the_time(
    blobs_run: Path, config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics.jsonl").write_bytes((blobs_run / "metrics.jsonl").read_bytes())
    clock = iter([0.0, 0.0, 2.0, 19.9, 20.1, 21.0])  # made; began, ended; too early; again
    monkeypatch.setattr(watch.time, "perf_counter", lambda: next(clock))
    model = build(config.model, seed=0).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    watcher = Watch(tmp_path, config, model, read_again(blobs_run))
    report = tmp_path / "report.html"
    watcher.epoch({"epoch": 0.0})
    first = report.read_text()
    assert "<strong>Training, epoch 1 of 2.</strong>" in first
    assert "Results are measured when training is complete." in first
    assert f"nebulatent fit --resume {tmp_path}" in first
    watcher.epoch({"epoch": 0.0})
    assert report.read_text() == first
    watcher.epoch({"epoch": 1.0})
    assert "Training, epoch 2 of 2" in report.read_text()
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


ROW = {"epoch": 0.0, "lr": 0.1, "kl": 1.0, "total": 2.0, "weight_kl": 0.5, "score": 3.0}
HELD_OUT = {"validation_kl": 1.5, "validation_weight_kl": 0.5, "gradient_norm": 4.0}


def test_weights_are_no_curves_and_what_is_no_term_comes_last() -> None:
    assert term_names([ROW | HELD_OUT]) == ["kl", "total", "score", "gradient_norm", "lr"]


def test_a_term_on_samples_that_were_held_out_is_a_dashed_line_in_its_panel() -> None:
    figure = term_curves({"": [ROW | HELD_OUT, ROW | HELD_OUT | {"epoch": 1.0}]})
    kl, total = (ax.get_lines() for ax in figure.axes[:2])
    assert [line.get_linestyle() for line in kl] == ["-", "--"]
    assert kl[1].get_ydata().tolist() == [1.5, 1.5]  # pyright: ignore
    assert len(total) == 1
