"""What fuzzing found in the readers of runs and checkpoints, kept so that it stays repaired.

What it found in `load_tensors` is in `tests/training/test_tensor_files.py`.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fuzz.guard import fault_of, within_memory, within_time
from fuzz.readers import GROUPS
from fuzz.trial import Trials
from nebulatent.apps.runs.runs import CONFIG, METRICS, WEIGHTS, load_config, load_history, load_run
from nebulatent.training.tensor_files import load_tensors, save_tensors

NAMED = {group.name: group for group in GROUPS}


def refused(trials: Trials) -> str:
    """The sentence with which the group's reader refuses its file."""
    with pytest.raises(ValueError) as caught, within_time(), within_memory():
        trials.group.read(trials.folder)
    assert fault_of(caught.value) is None, caught.value
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("[0, 1.5]", "a line is no JSON object"),
        ("[[]]", "a line is no JSON object"),
        ('"abc"', "a line is no JSON object"),
        ("null", "a line is no JSON object"),
        ('{"\\n": ""}', "must be a number"),
        ('{"\\ud800": ""}', "must be a number"),
        (json.dumps({"x" * 5000: ""}), "must hold one JSON object"),
        ('{"total": NaN}', "JSON with the number NaN"),
        ('{"total": 1e999}', "JSON with the number 1e999"),
        ('{"total": ' + "9" * 5000 + "}", "JSON with the number 999"),
        ('{"total": ' + "[" * 10**5, "JSON that is nested too deeply"),
        ('{"total": 1, "total": 2}', "JSON with the key 'total' twice"),
    ],
)
def test_a_history_is_refused_in_one_sentence(line: str, what: str, tmp_path: Path) -> None:
    trials = Trials(NAMED["history"], tmp_path)
    trials.path.write_text(line + "\n")
    assert what in refused(trials)


def test_a_history_that_is_missing_or_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    trials = Trials(NAMED["history"], tmp_path)
    (tmp_path / METRICS).unlink()
    assert "there is no such file" in refused(trials)
    os.mkfifo(tmp_path / METRICS)
    assert "there is no such file" in refused(trials)


Change = Callable[[dict[str, Any]], object]
CONFIGS: list[Change] = [
    lambda c: c["model"].update(shape=[1, 4, 2**63]),
    lambda c: c["model"].update(shape=[2**62, 2**62, 2**62]),
    lambda c: c["model"].update(shape=[10**5, 10**5, 4]),
    lambda c: c["model"].update(widths=[10**5, 10**5]),
    lambda c: c["model"].update(widths=[10**200]),
    lambda c: c["model"].update(widths=[1] * 20_000),
    lambda c: c["model"].update(num_classes=10**12),
    lambda c: c["model"].update(latent_dim=10**9),
    lambda c: c["model"].update(beta=10**400),
    lambda c: c["scaling"].update(rule=[1] * 20_000),
    lambda c: c["scaling"].update(shift=10**400),
    lambda c: c["scaling"].update(rule="unit", scale=[[[1.0] * 4] * 4]),
    lambda c: c.update(batch_size=0),
    lambda c: c.update(batch_size=-3),
    lambda c: c.update(other=1),
    lambda c: c.update(seconds=float("nan")),
]


@pytest.mark.parametrize("change", CONFIGS)
def test_a_config_is_refused_in_one_sentence_before_memory_is_taken(
    change: Change, tmp_path: Path
) -> None:
    trials = Trials(NAMED["config of images"], tmp_path)
    saved = json.loads((tmp_path / CONFIG).read_text())
    change(saved)
    (tmp_path / CONFIG).write_text(json.dumps(saved))
    assert CONFIG in (sentence := refused(trials)) or WEIGHTS in sentence


def test_a_config_of_an_older_version_is_read_with_defaults(tmp_path: Path) -> None:
    Trials(NAMED["config of vectors"], tmp_path)
    saved = json.loads((tmp_path / CONFIG).read_text())
    saved["fit"] = {"epochs": 2, "lr": 0.001, "decay": 0.4, "seed": 0}
    before = load_config(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps(saved))
    assert load_config(tmp_path).to_json() == before.to_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aggregate.mean", torch.nan),
        ("aggregate.factor", torch.inf),
        ("aggregate.size", -1),
    ],
)
def test_an_aggregate_with_wrong_numbers_is_refused(
    name: str, value: float, tmp_path: Path
) -> None:
    trials = Trials(NAMED["run of vectors"], tmp_path)
    tensors, header = load_tensors(trials.path)
    tensors[name][0] = value
    save_tensors(trials.path, tensors, header)
    assert "The aggregate posterior in" in refused(trials)


@pytest.mark.parametrize(
    "name", ["aggregate.mean", "aggregate.size", "autoencoder.decoder.out.bias"]
)
def test_weights_of_another_type_are_refused(name: str, tmp_path: Path) -> None:
    trials = Trials(NAMED["run of vectors"], tmp_path)
    tensors, header = load_tensors(trials.path)
    save_tensors(trials.path, tensors | {name: tensors[name].double()}, header)
    assert WEIGHTS in refused(trials)


def test_a_folder_in_place_of_any_file_of_a_run_is_refused(tmp_path: Path) -> None:
    Trials(NAMED["run of vectors"], tmp_path)
    for name, read in ((METRICS, load_history), (WEIGHTS, load_run), (CONFIG, load_run)):
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            read(tmp_path)
        assert fault_of(caught.value) is None


MOMENT = "optimizer.0.exp_avg"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[MOMENT].fill_(torch.nan),
        lambda t: t["optimizer.0.step"].fill_(torch.inf),
        lambda t: t.update({MOMENT: t[MOMENT].double()}),
        lambda t: t.update({MOMENT: t[MOMENT].to(torch.int64)}),
        lambda t: t.update({MOMENT: t[MOMENT].unsqueeze(0)}),
        lambda t: t.update({"optimizer.0.more": t[MOMENT]}),
        lambda t: t.update({"optimizer.999.step": torch.tensor(1.0)}),
        lambda t: t.pop(MOMENT),
        lambda t: next(v for k, v in t.items() if k.startswith("average.")).fill_(torch.nan),
        lambda t: t.pop(next(k for k in t if k.startswith("average."))),
        lambda t: t.update({k: v.double() for k, v in t.items() if k.startswith("average.")}),
    ],
)
def test_a_checkpoint_with_wrong_moments_or_average_is_refused(
    change: Callable[[dict[str, torch.Tensor]], object], tmp_path: Path
) -> None:
    trials = Trials(NAMED["checkpoint"], tmp_path)
    tensors, header = load_tensors(trials.path)
    change(tensors)
    save_tensors(trials.path, tensors, header)
    refused(trials)


@pytest.mark.parametrize(
    "change",
    [
        {"step": -1},
        {"index": -1},
        {"epoch": -1},
        {"step": 10**200},
        {"index": 2**63},
        {"step": True},
        {"best_epoch": 0.0},
        {"best": "low"},
        {"history": None},
        {"history": [{"total": "low"}, {}]},
        {"history": [[], []]},
        {"sums": {}},
        {"sums": []},
    ],
)
def test_a_checkpoint_with_wrong_counts_is_refused(
    change: dict[str, object], tmp_path: Path
) -> None:
    trials = Trials(NAMED["checkpoint"], tmp_path)
    tensors, header = load_tensors(trials.path)
    save_tensors(trials.path, tensors, header | change)
    assert "must be a checkpoint, got another file" in refused(trials)
