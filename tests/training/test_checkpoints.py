"""The file between two steps: complete, and refused with a sentence if it does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from laws.cases import FEATURES
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import (
    Keeper,
    Saving,
    Weights,
    checkpoints,
    latest,
    load_checkpoint,
    load_method,
    resume,
    save_checkpoint,
)
from nebulatent.training.progress import Progress
from nebulatent.training.tensor_files import load_tensors, save_tensors
from training.runs import equal

ROWS = [{"epoch": 0.0, "total": 0.1, "score": 0.1}, {"epoch": 1.0, "total": 1 / 3, "score": 0.3}]
Tensors = dict[str, torch.Tensor]


def weights(seed: int = 0, *, average: bool = True) -> Weights:
    """A linear autoencoder after one step, so that every part of a checkpoint is there."""
    torch.manual_seed(seed)
    method = VAE(Autoencoder(nn.Flatten(), Deterministic(FEATURES, 2), nn.Linear(2, FEATURES)))
    optimizer = torch.optim.Adam(method.parameters(), fused=True)
    method.autoencoder(torch.rand(3, FEATURES)).recon.sum().backward()
    optimizer.step()
    own = {name: value.detach() / 2 for name, value in method.named_parameters()}
    return Weights(method, optimizer, own if average else {})


def progress() -> Progress:
    """In the middle of the third epoch."""
    sums = {"total": 0.7, "weight_kl": 0.5}
    return Progress(step=9, epoch=2, index=3, sums=sums, history=[*ROWS], best=0.1, best_epoch=0)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint."""
    save_checkpoint(tmp_path / "run", weights(), progress().to_json())
    return tmp_path / "run"


def test_everything_comes_back(saved: Path, tmp_path: Path) -> None:
    other = weights(seed=1)
    found = load_checkpoint(saved, other)
    assert found == progress()
    save_checkpoint(tmp_path / "again", other, found.to_json())
    assert saved.read_bytes() == (tmp_path / "again").read_bytes()
    assert equal(dict(other.average), dict(weights().average))


def test_run_of_two_processes_goes_on_in_one_with_the_average_of_their_sums() -> None:
    saved = progress().to_json() | {"sums": [{"total": 1.0}, {"total": 2.0}]}
    assert Progress.from_json(saved).sums == {"total": 1.5}


def test_a_run_at_its_beginning_has_no_best_score() -> None:
    assert Progress.from_json(Progress().to_json()) == Progress()


def test_file_is_plain_safetensors_that_others_may_read(saved: Path) -> None:
    with safe_open(saved, framework="pt") as file:
        assert json.loads(file.metadata()["nebulatent"])["epoch"] == 2
        assert "method.autoencoder.decoder.weight" in file.keys()


def test_weights_load_without_the_optimiser(saved: Path) -> None:
    method = weights(seed=1).method
    assert load_method(saved, method) == progress()
    assert equal(method.state_dict(), weights().method.state_dict())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t.pop("method.autoencoder.decoder.weight"), "decoder.weight` missing"),
        (lambda t: t.pop("optimizer.0.exp_avg"), "optimiser's state, got a wrong one of param"),
        (
            lambda t: t.update({"optimizer.0.exp_avg": torch.zeros(7)}),
            "optimiser's state, got a wrong one of parameter 0",
        ),
        (
            lambda t: t.update({"optimizer.1.exp_avg_sq": t["optimizer.1.exp_avg_sq"] * torch.nan}),
            "optimiser's state, got a wrong one of parameter 1",
        ),
        (lambda t: t.update({"optimizer.9.step": torch.zeros(())}), "got more of it"),
        (lambda t: t.pop("average.autoencoder.decoder.bias"), "must hold the average"),
        (
            lambda t: t["average.autoencoder.decoder.bias"].fill_(torch.inf),
            "must hold a finite average",
        ),
        (
            lambda t: t.update({"method.autoencoder.decoder.weight": torch.zeros(1)}),
            "decoder.weight` of another shape",
        ),
    ],
)
def test_wrong_parts_are_refused_and_change_nothing(
    saved: Path, change: Callable[[Tensors], object], sentence: str
) -> None:
    tensors, header = load_tensors(saved)
    change(tensors)
    save_tensors(saved, tensors, header)
    other = weights(seed=1)
    before = {name: value.clone() for name, value in other.method.state_dict().items()}
    with pytest.raises(ValueError, match=sentence):
        load_checkpoint(saved, other)
    assert equal(other.method.state_dict(), before)


@pytest.mark.parametrize(
    "header",
    [
        {"epoch": "two"},
        {"epoch": 3},
        {"step": -1},
        {"index": True},
        {"history": 3},
        {"history": [{"epoch": 0.0}, {"epoch": "one"}]},
        {"sums": {}},
        {"sums": []},
        {"sums": [{"total": 1.0}, {}]},
        {"best": "low"},
        {"best_epoch": -2},
    ],
)
def test_wrong_header_is_refused(saved: Path, header: dict[str, object]) -> None:
    tensors, good = load_tensors(saved)
    save_tensors(saved, tensors, good | header)
    with pytest.raises(ValueError, match=r"must be a checkpoint, got another file: .*\.$"):
        load_checkpoint(saved, weights())


def test_weights_alone_are_no_checkpoint(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", weights().method.state_dict(), {})
    with pytest.raises(ValueError, match="must be a checkpoint, got another file"):
        load_checkpoint(tmp_path / "w", weights())


def test_last_few_and_the_best_are_kept(tmp_path: Path) -> None:
    saving = Saving(folder=tmp_path / "c", keep=3)
    keeper, own = Keeper(saving), weights()
    for step in (5, 99_999_999, 100_000_000, 100_000_001):
        now = progress()
        now.step = step
        if step == 5:
            keeper.note_best({name: value.clone() for name, value in own.average.items()}, now)
        keeper.save(own, now)
    names = ["step-100000001", "step-100000000", "step-99999999"]
    assert [path.stem for path in checkpoints(saving.folder)] == names
    assert latest(saving.folder) == checkpoints(saving.folder)[0]
    assert equal(Keeper(saving).best_weights(progress()) or {}, dict(own.average))


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "step-00000004.safetensorsx1.part").write_bytes(b"half")
    (tmp_path / "notes.part").write_bytes(b"mine")
    Keeper(Saving(folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.part"]


def test_checkpoints_are_due_by_steps_and_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("nebulatent.training.checkpoints.time.monotonic", lambda: now)
    by_steps = Keeper(Saving(folder=tmp_path, every_steps=3, every_minutes=None))
    assert [by_steps.is_due(step) for step in range(1, 7)] == [False, False, True] * 2
    by_clock = Keeper(Saving(folder=tmp_path, every_minutes=2.0))
    now = 219.0
    assert not by_clock.is_due(1)
    now = 220.0
    assert by_clock.is_due(2)
    by_clock.save(weights(), progress())
    assert not by_clock.is_due(3)
    assert not Keeper(None).is_due(1)


@pytest.mark.parametrize(
    "options", [{"every_steps": 0}, {"every_minutes": -1.0}, {"keep": 0}, {"every_minutes": 0.0}]
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive, got"):
        Saving(folder=tmp_path, **options)


def test_folder_without_checkpoints_is_a_beginning(tmp_path: Path) -> None:
    (tmp_path / "step-x.safetensors").touch()
    assert resume(tmp_path, weights()) == Progress() and latest(tmp_path) is None
