"""Options of the engine: what is typed is recorded, and becomes a Fabric and a Saving."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from nebulatent.apps.cli import main
from nebulatent.apps.planning.choices import Care, Machine, Watching, engine_config
from nebulatent.apps.planning.engine import EngineConfig, own_processes, rank, world_size
from nebulatent.apps.planning.model_config import Reading
from nebulatent.apps.planning.options import Split
from nebulatent.apps.runs.runs import load_config
from nebulatent.data import table
from nebulatent.methods.nvc import Form

EVERY_OPTION = (
    "--schedule cosine --warmup-steps 2 --clip 5 --accumulate 2 --ema 0.9 --patience 9 "
    "--hold-out 0.2 --deterministic --precision bf16 --save-minutes 2 --save-steps 3 --keep 4"
)


def test_every_option_is_recorded(blobs: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    line = ["fit", str(blobs), "--out", str(path), "--epochs", "2", "--batch-size", "16", "--json"]
    assert main([*line, *EVERY_OPTION.split()]) == 0
    config = load_config(path)
    fit = config.fit
    assert (fit.schedule, fit.warmup_steps, fit.clip, fit.accumulate) == ("cosine", 2, 5.0, 2)
    assert (fit.ema, fit.patience, fit.deterministic, fit.compile) == (0.9, 9, True, False)
    expected = EngineConfig(precision="bf16", save_minutes=2, save_steps=3, keep=4, hold_out=0.2)
    assert config.engine == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"devices": 0}, "`devices` must be at least 1, got 0"),
        ({"num_workers": -1}, "`num_workers` must be at least 0, got -1"),
        ({"keep": 0}, "`keep` must be at least 1, got 0"),
        ({"save_steps": 0}, "`save_steps` must be at least 1, got 0"),
        ({"save_minutes": float("inf")}, "`save_minutes` must be positive, got inf"),
        ({"hold_out": 0.6}, r"`hold_out` must lie in 0\.\.0\.5, got 0\.6"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EngineConfig(**changes)


def test_choices_become_a_saving_and_a_fabric(tmp_path: Path) -> None:
    machine = Machine(save_steps=5, save_minutes=3.0, keep=7, precision="bf16", workers=2)
    engine = engine_config(Care(), machine, Watching(log="tensorboard", watch=True))
    assert (engine.log, engine.watch, engine.num_workers) == (("tensorboard",), True, 2)
    saving = engine.saving(tmp_path)
    assert saving.folder == tmp_path / "checkpoints"
    assert (saving.every_steps, saving.every_minutes, saving.keep) == (5, 3.0, 7)
    model = engine.fabric().setup(torch.nn.Linear(2, 2))
    assert model(torch.ones(1, 2)).dtype == torch.float32  # converted back from bfloat16


def test_more_devices_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"`--devices` must not exceed the GPUs .* \(1\), got 2"):
        EngineConfig(devices=2).fabric()


def test_who_started_a_process_is_read_from_what_torchrun_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert (world_size(), rank(), own_processes(3)) == (1, 0, 3)
    for name, value in (("WORLD_SIZE", "4"), ("RANK", "3"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    assert (world_size(), rank(), own_processes(1)) == (4, 3, 2)


def test_a_run_goes_on_with_as_many_processes_as_it_began_with(
    blobs_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config.json").write_bytes((blobs_run / "config.json").read_bytes())
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert main(["fit", "--resume", str(tmp_path)]) == 1
    assert "as many processes as" in capsys.readouterr().err


def test_lists_that_are_repeated_to_stay_free_of_pytorch_are_the_same() -> None:
    forms = {name for part in get_args(Form) for name in get_args(part) or (part,)}
    assert set(get_args(Reading)) == {*forms, "released"}
    assert Split == table.Split


def test_help_needs_no_pytorch() -> None:
    code = "import sys, nebulatent.apps.cli; print(sorted({'torch', 'numpy'} & sys.modules.keys()))"
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
