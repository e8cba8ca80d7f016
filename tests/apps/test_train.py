"""Training a run: repeatable to the bit, resumable to the bit, blind to labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nebulatent.apps.plan import Choices, plan
from nebulatent.apps.runs import CHECKPOINT, METRICS, WEIGHTS, Run, load_history, load_run
from nebulatent.apps.train import Source, start_run, train, training_batches
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table


def rows(labels: list[int] | None = None, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    x = 4.0 * rng.normal(size=(3, 4))[np.arange(60) % 3] + rng.normal(size=(60, 4))
    return build_table(x.astype(np.float32), source="rows", labels=labels)


def started(path: Path, table: Table, **choices: Any) -> Path:  # noqa: ANN401
    scaling = fit_scaling(table)
    chosen = plan(table, scaling, Choices(**{"epochs": 4, "batch_size": 20, **choices}))
    start_run(path, table, Source(path="rows.npz"), scaling, chosen, overwrite=False)
    return path


def trained(path: Path, table: Table, **choices: Any) -> Run:  # noqa: ANN401
    return train(started(path, table, **choices), table, lambda row: None)


def files(path: Path) -> tuple[bytes, bytes]:
    return (path / WEIGHTS).read_bytes(), (path / METRICS).read_bytes()


def test_one_seed_gives_one_result_to_the_bit(tmp_path: Path) -> None:
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    trained(first, rows(), seed=1)
    trained(again, rows(), seed=1)
    trained(other, rows(), seed=2)
    assert files(first) == files(again)
    assert files(first)[0] != files(other)[0]


@pytest.mark.parametrize("method", ["ae", "vae", "dvae", "nvc", "nvc-ml"])
def test_labels_in_the_data_do_not_change_training_by_a_bit(tmp_path: Path, method: str) -> None:
    classes = [i % 3 for i in range(60)]
    for name, labels in (("none", None), ("classes", classes), ("noise", [0] * 30 + [1] * 30)):
        trained(tmp_path / name, rows(labels), method=method)
    assert files(tmp_path / "none") == files(tmp_path / "classes") == files(tmp_path / "noise")


def test_two_label_columns_of_one_table_train_the_same_weights(tmp_path: Path) -> None:
    x = rows().x
    for name, column in (("a", "uvw"), ("b", "ppq")):
        lines = [",".join(map(str, row)) + f",{column[i % 3]}" for i, row in enumerate(x.tolist())]
        (tmp_path / f"{name}.csv").write_text("\n".join(["f,g,h,i,label", *lines]) + "\n")
        trained(tmp_path / name, read(tmp_path / f"{name}.csv"))
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_labels_are_handed_to_training_only_where_a_method_reads_them(tmp_path: Path) -> None:
    table = rows([i % 3 for i in range(60)])
    blind = trained(tmp_path / "a", table)
    told = trained(tmp_path / "b", table, supervised=True)
    assert training_batches(blind.config, table).label is None
    assert training_batches(told.config, table).label is not None


class Stop(Exception):
    """What interrupts a run in these tests."""


def interrupted(path: Path, table: Table, after: int) -> None:
    def stop(row: dict[str, float]) -> None:
        if row["epoch"] == after:
            raise Stop

    with pytest.raises(Stop):
        train(path, table, stop)


@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("choices", [{}, {"host": "dvae", "prior": "anchors"}])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    tmp_path: Path, after: int, choices: dict[str, Any]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trained(whole, rows(), **choices)
    interrupted(started(parts, rows(), **choices), rows(), after)
    assert (parts / CHECKPOINT).exists() == (after > 0)
    train(parts, rows(), lambda row: None)
    assert files(parts) == files(whole)
    assert not (parts / CHECKPOINT).exists()


def test_other_data_are_refused_when_a_run_goes_on(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows())
    interrupted(path, rows(), 1)
    with pytest.raises(ValueError, match=r"`DATA` must be what run .* began with, got other"):
        train(path, rows(seed=1), lambda row: None)
    assert (path / CHECKPOINT).exists()


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows())
    interrupted(path, rows(), 1)
    (path / CHECKPOINT).write_bytes((path / CHECKPOINT).read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"checkpoint.safetensors` must be an undamaged"):
        train(path, rows(), lambda row: None)


def test_a_run_that_diverges_is_usable_as_it_was_after_its_last_good_epoch(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), nebula_weight=1e38)  # overflows when anchors act
    with pytest.raises(FloatingPointError, match=r"finite, got total = .* at step 6 of epoch 2"):
        train(path, rows(), lambda row: None)
    assert [row["epoch"] for row in load_history(path)] == [0.0, 1.0]
    assert load_run(path).aggregate.size[0] == 60


def test_a_run_that_diverges_at_once_names_the_terms_and_keeps_nothing(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), lr=1e30)
    with pytest.raises(FloatingPointError, match=r"got reconstruction and kl = .* at step 1"):
        train(path, rows(), lambda row: None)
    assert [file.name for file in path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("choices", [{}, {"method": "ae"}, {"num_anchors": 1}, {"latent_dim": 1}])
def test_the_aggregate_has_one_group_for_all_and_one_for_each_anchor(
    tmp_path: Path, choices: dict[str, Any]
) -> None:
    run = trained(tmp_path / "run", rows(), **choices)
    sizes = run.aggregate.size
    assert sizes[0] == 60
    if run.config.model.has_anchors:
        assert len(sizes) == 1 + run.config.model.num_anchors
        assert sizes[1:].sum() == 60


def test_every_anchor_in_use_is_counted_once_they_act(tmp_path: Path) -> None:
    seen: list[dict[str, float]] = []
    train(started(tmp_path / "run", rows(), num_anchors=3), rows(), seen.append)
    assert ["anchors_in_use" in row for row in seen] == [False, False, True, True]
    assert 1 <= seen[-1]["anchors_in_use"] <= 3
    assert 1 <= seen[-1]["perplexity"] <= 3.0001
