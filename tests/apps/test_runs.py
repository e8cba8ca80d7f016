"""A run's folder: what is written is read back, what is damaged is refused in one sentence."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nebulatent.apps.planning.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.runs.runs import (
    CONFIG,
    METRICS,
    METRICS_TABLE,
    TENSORBOARD,
    WEIGHTS,
    create_folder,
    discard_empty_run,
    load_config,
    load_history,
    load_run,
    save_config,
    save_history,
    save_run,
)
from nebulatent.training.tensor_files import FORMAT, load_tensors, save_tensors


@pytest.fixture
def copy(blobs_run: Path, tmp_path: Path) -> Path:
    """A run that a test may damage."""
    return Path(shutil.copytree(blobs_run, tmp_path / "run"))


def no_compiler(*_: object, **__: object) -> None:
    raise AssertionError("drawing on the device meta imports torch._dynamo, which takes seconds")


def test_a_saved_run_is_read_back_whole(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch._refs.normal", no_compiler)
    run = load_run(copy)
    again = run._replace(path=tmp_path / "again")
    again.path.mkdir()
    save_run(again)
    loaded = load_run(again.path)
    assert loaded.config.to_json() == run.config.to_json()
    assert (again.path / WEIGHTS).read_bytes() == (copy / WEIGHTS).read_bytes()
    assert not loaded.model.training


def test_a_complete_run_drops_its_checkpoints(copy: Path) -> None:
    checkpoint_of(copy)
    save_run(load_run(copy))
    assert not (copy / CHECKPOINTS).exists()


def checkpoint_of(path: Path) -> Path:
    (path / CHECKPOINTS).mkdir()
    return Path(shutil.copy(path / WEIGHTS, path / CHECKPOINTS / "step-00000001.safetensors"))


def test_a_config_is_read_back_whole(copy: Path) -> None:
    engine = EngineConfig(save_steps=7, log=("tensorboard",), watch=True)
    config = replace(load_config(copy), seconds=1.5, engine=engine)
    save_config(copy, config)
    loaded = load_config(copy)
    assert loaded.to_json() == config.to_json()
    assert (loaded.model, loaded.fit, loaded.data) == (config.model, config.fit, config.data)
    assert loaded.engine == engine


def test_a_config_from_before_there_were_engines_is_read(copy: Path) -> None:
    saved = json.loads((copy / CONFIG).read_text())
    del saved["engine"]
    (copy / CONFIG).write_text(json.dumps(saved))
    assert load_config(copy).engine == EngineConfig()


def test_the_history_has_one_row_an_epoch(copy: Path) -> None:
    history = load_history(copy)
    assert [row["epoch"] for row in history] == [0.0, 1.0]
    assert {"reconstruction", "kl", "total"} <= history[0].keys()
    assert "anchors_in_use" in history[1]


def test_the_table_of_metrics_has_a_column_for_each_name_in_any_row(copy: Path) -> None:
    history = [{"epoch": 0.0, "kl": 2.0}, {"epoch": 1.0, "kl": 0.1, "nebula": 3.0}]
    save_history(copy, history)
    assert (copy / METRICS_TABLE).read_bytes() == b"epoch,kl,nebula\n0.0,2.0,\n1.0,0.1,3.0\n"
    assert load_history(copy) == history


Change = Callable[[dict[str, Any]], object]
DAMAGE: list[tuple[Change, str]] = [
    (lambda c: c.update(format=FORMAT + 1), "needs a newer nebulatent"),
    (lambda c: c.update(format="1"), "`format` must be a whole number"),
    (lambda c: c.pop("model"), "no 'model'"),
    (lambda c: c.pop("scaling"), "no 'scaling'"),
    (lambda c: c["model"].pop("beta"), "`model` must have the fields host, method"),
    (lambda c: c["model"].update(extra=1), "`model` must have the fields host, method"),
    (lambda c: c["model"].update(latent_dim="6"), "`model.latent_dim` must be a whole number"),
    (lambda c: c["model"].update(num_anchors=2.5), "`model.num_anchors` must be a whole number"),
    (lambda c: c["model"].update(num_anchors=True), "`model.num_anchors` must be a whole number"),
    (lambda c: c["model"].update(widths=7), "`model.widths` must be a list"),
    (lambda c: c["model"].update(widths=["a"]), "`model.widths` must be a whole number"),
    (lambda c: c["model"].update(widths=[]), "`widths` must hold positive sizes"),
    (lambda c: c["model"].update(shape=[-5]), "`shape` must hold positive sizes"),
    (lambda c: c["model"].update(host="gan"), "`model.host` must be ae or vae or dvae or cvae"),
    (lambda c: c["model"].update(form="x"), "`model.form` must be log1p or clamped"),
    (lambda c: c["model"].update(beta=None), "`model.beta` must be a number"),
    (lambda c: c["model"].update(supervised="no"), "`model.supervised` must be true or false"),
    (lambda c: c["fit"].update(epochs="2"), "`fit.epochs` must be a whole number"),
    (lambda c: c["fit"].update(lr=float("nan")), "the number NaN, which is"),
    (lambda c: c["scaling"].update(rule="x"), "`rule` must be unit, standard or binary"),
    (lambda c: c["scaling"].update(shift=[1.0, 2.0]), "`scaling.shift` must be a finite number"),
    (lambda c: c["scaling"].update(scale=0.0), "`scaling.scale` must not be zero"),
    (lambda c: c["scaling"].update(scale=None), "`saved` must be a scaling"),
    (lambda c: c["data"].update(path=3), "`data.path` must be text"),
    (lambda c: c["data"].update(split="dev"), "`data.split` must be train or test or all"),
    (lambda c: c["data"].update(image_size="8"), "`data.image_size` must be a whole number or"),
    (lambda c: c["data"].update(label_names=[1]), "`data.label_names` must be text"),
    (lambda c: c.update(data=3), "`data` must have the fields path, split"),
    (lambda c: c["engine"].update(devices=0), "`devices` must be at least 1, got 0"),
    (lambda c: c["engine"].update(log=["x"]), "`engine.log` must be tensorboard"),
    (lambda c: c.update(engine=[]), "`engine` must have the fields devices, precision"),
    (lambda c: c.update(batch_size="x"), "`batch_size` must be a whole number"),
    (lambda c: c.update(seconds=[]), "`seconds` must be a number"),
]


@pytest.mark.parametrize(("change", "what"), DAMAGE)
def test_a_changed_config_is_refused_naming_the_field(
    copy: Path, change: Change, what: str
) -> None:
    saved = json.loads((copy / CONFIG).read_text())
    change(saved)
    (copy / CONFIG).write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="config.json` must be a config that .*" + what):
        load_run(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"1", b"\xff\xfe", b"[" * 10**5])
def test_a_config_that_is_no_json_object_is_refused(copy: Path, content: bytes) -> None:
    (copy / CONFIG).write_bytes(content)
    with pytest.raises(ValueError, match="must be a config that this version of nebulatent wrote"):
        load_config(copy)


@pytest.mark.parametrize("keep", [0, 4, 40, -1])
def test_truncated_weights_are_refused(copy: Path, keep: int) -> None:
    (copy / WEIGHTS).write_bytes((copy / WEIGHTS).read_bytes()[:keep])
    with pytest.raises(ValueError, match="must be an undamaged safetensors file"):
        load_run(copy)


def test_weights_of_another_model_are_refused(copy: Path) -> None:
    saved = json.loads((copy / CONFIG).read_text())
    saved["model"]["widths"] = [64, 32]
    (copy / CONFIG).write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="the two files do not belong together"):
        load_run(copy)


def test_a_config_that_asks_for_all_memory_is_refused_before_the_model_is_built(copy: Path) -> None:
    saved = json.loads((copy / CONFIG).read_text())
    saved["model"]["latent_dim"] = 10**9
    (copy / CONFIG).write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=r"The aggregate posterior .* must fit the model"):
        load_run(copy)


def test_weights_that_are_not_numbers_are_refused(copy: Path) -> None:
    tensors, _ = load_tensors(copy / WEIGHTS)
    tensors["latent_terms.anchors.positions"][0, 0] = torch.nan
    save_tensors(copy / WEIGHTS, tensors, {})
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity in `latent_terms"):
        load_run(copy)


def test_weights_without_the_aggregate_are_refused(copy: Path) -> None:
    tensors, _ = load_tensors(copy / WEIGHTS)
    del tensors["aggregate.mean"]
    save_tensors(copy / WEIGHTS, tensors, {})
    with pytest.raises(ValueError, match=r"must hold .aggregate\.mean., got a file without it"):
        load_run(copy)


@pytest.mark.parametrize("content", [b"{\n", b"3\n", b'{"epoch": "a"}\n', b"\xff\n", b"[" * 10**5])
def test_a_damaged_history_is_refused(copy: Path, content: bytes) -> None:
    (copy / METRICS).write_bytes(content)
    with pytest.raises(ValueError, match=r"metrics.jsonl` must hold one JSON object of numbers"):
        load_history(copy)


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    create_folder(tmp_path / "a" / "b", overwrite=False)
    assert (tmp_path / "a" / "b").is_dir()


def test_an_old_run_is_replaced_only_when_told_to_and_other_files_stay(copy: Path) -> None:
    (copy / "mine.txt").write_text("kept")
    (copy / TENSORBOARD).mkdir()
    checkpoint_of(copy)
    with pytest.raises(FileExistsError, match="pass --overwrite to replace it, or --resume"):
        create_folder(copy, overwrite=False)
    assert (copy / WEIGHTS).exists()
    create_folder(copy, overwrite=True)
    assert [path.name for path in copy.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["notes.txt", CONFIG, WEIGHTS])
def test_a_folder_that_is_not_a_run_is_never_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"model_type": "bert"}')
    with pytest.raises(FileExistsError, match="with other files in it; choose another folder"):
        create_folder(tmp_path, overwrite=True)
    assert (tmp_path / name).read_text() == '{"model_type": "bert"}'


@pytest.mark.parametrize("complete", [True, False])
def test_a_run_with_weights_or_a_checkpoint_is_not_discarded(copy: Path, complete: bool) -> None:
    kept = copy / WEIGHTS
    if not complete:
        kept = checkpoint_of(copy)
        (copy / WEIGHTS).unlink()
    discard_empty_run(copy, folder=True)
    assert (copy / CONFIG).exists()
    assert kept.exists()


def test_only_the_files_of_an_empty_run_are_discarded(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    (copy / "report.html").rename(copy / "mine.html")
    discard_empty_run(copy, folder=True)
    assert [path.name for path in copy.iterdir()] == ["mine.html"]
