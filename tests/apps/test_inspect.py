"""`nebulatent inspect`: says what is there, names what is damaged, ends with 1 if need be."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from apps.stopper import Stop, Stopper
from nebulatent.apps.cli import main
from nebulatent.apps.fitting.fit_run import read_again
from nebulatent.apps.fitting.train import train
from nebulatent.apps.inspect_run import inspect_run
from nebulatent.apps.planning.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.runs.runs import METRICS, WEIGHTS, load_config, load_run, save_config
from nebulatent.training.tensor_files import load_tensors, save_tensors


@pytest.fixture
def complete(blobs_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(blobs_run, tmp_path / "run"))


@pytest.fixture
def unfinished(complete: Path) -> Path:
    """The blobs' run, stopped after step 3 of 4, of which each was saved."""
    (complete / WEIGHTS).unlink()
    config = load_config(complete)
    engine = EngineConfig(save_steps=1, keep=2)
    save_config(complete, replace(config, batch_size=30, engine=engine, seconds=0.0))
    with pytest.raises(Stop):
        train(complete, read_again(complete), Stopper(4))
    return complete


def shown(path: Path, capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["inspect", str(path), "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_complete_run(complete: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(complete, capsys)
    assert (found["state"], found["method"], found["problems"]) == ("complete", "NVC-ML", [])
    assert found["numbers"] == sum(
        v.numel() for v in load_run(complete).model.state_dict().values()
    )
    assert (found["rows"], found["last_row"]["epoch"]) == (2, 1.0)
    assert found["config"]["versions"].keys() == {"nebulatent", "torch", "numpy", "python"}
    assert found["weights"]["size"] == (complete / WEIGHTS).stat().st_size


def test_an_unfinished_run_says_where_it_stands(
    unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = shown(unfinished, capsys)
    assert found["state"] == "unfinished"
    places = [(file["counts"]["step"], file["counts"]["epoch"]) for file in found["checkpoints"]]
    assert places == [(3, 1), (2, 0)]
    assert found["numbers"] == inspect_run(unfinished).checkpoints[1].numbers > 0
    assert found["best"]["counts"]["best_epoch"] == 0
    assert main(["inspect", str(unfinished)]) == 0
    said = capsys.readouterr().out
    assert (
        f"unfinished, at step 3 in epoch 2 of 2; go on with: nebulatent fit --resume {unfinished}"
        in said
    )


def test_a_damaged_checkpoint_is_named_and_the_run_still_goes_on(
    unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip(unfinished / CHECKPOINTS / "step-00000003.safetensors")
    found = shown(unfinished, capsys)
    assert found["state"] == "unfinished"
    assert "step-00000003.safetensors` must be an undamaged" in found["problems"][0]
    flip(unfinished / CHECKPOINTS / "step-00000002.safetensors")
    assert shown(unfinished, capsys, status=1)["state"] == "damaged"


def test_damaged_weights_cannot_be_used(complete: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(complete / WEIGHTS)
    assert main(["inspect", str(complete)]) == 1
    printed = capsys.readouterr()
    assert "State                   damaged" in printed.out
    assert f"nebulatent: `{complete / WEIGHTS}` must be an undamaged" in printed.err


def test_weights_that_are_not_numbers_cannot_be_used(
    complete: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, _ = load_tensors(complete / WEIGHTS)
    tensors["latent_terms.anchors.positions"][0, 0] = torch.nan
    save_tensors(complete / WEIGHTS, tensors, {})
    found = shown(complete, capsys, status=1)
    assert "NaN or infinity in `latent_terms.anchors.positions`" in found["problems"][0]


def test_damaged_metrics_are_named_and_the_model_can_still_be_used(
    complete: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (complete / METRICS).write_text("{")
    found = shown(complete, capsys)
    assert found["state"] == "complete"
    assert METRICS in found["problems"][0]


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
