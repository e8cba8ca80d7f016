"""Training a run: repeatable to the bit, resumable to the bit, blind to labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.stopper import Stop, Stopper
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import NO_CARE, Care, Choices
from nebulatent.apps.planning.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.runs.record import SECONDS
from nebulatent.apps.runs.run_batches import training_batches
from nebulatent.apps.runs.runs import (
    METRICS,
    METRICS_TABLE,
    WEIGHTS,
    Run,
    discard_empty_run,
    has_checkpoint,
    load_config,
    load_history,
    load_run,
)
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table
from nebulatent.objectives.likelihoods import Gaussian
from nebulatent.training.checkpoints import checkpoints
from nebulatent.training.fit import Step
from nebulatent.training.progress import Row


def rows(labels: list[int] | None = None, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    x = 4.0 * rng.normal(size=(3, 4))[np.arange(60) % 3] + rng.normal(size=(60, 4))
    return build_table(x.astype(np.float32), source="rows", labels=labels)


def started(
    path: Path,
    table: Table,
    *,
    engine: EngineConfig | None = None,
    care: Care = NO_CARE,
    **choices: Any,  # noqa: ANN401
) -> Path:
    scaling = fit_scaling(table)
    chosen = plan(table, scaling, Choices(**{"epochs": 4, "batch_size": 20, **choices}), care)
    source = Source(path="rows.npz")
    start_run(path, table, source, scaling, chosen, engine=engine, overwrite=False)
    return path


def trained(path: Path, table: Table, **choices: Any) -> Run:  # noqa: ANN401
    train(started(path, table, **choices), table)
    return load_run(path)


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
    assert training_batches(blind.config, table)[0].label is None
    assert training_batches(told.config, table)[0].label is not None


class Seen:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.rows: list[Row] = []

    def step(self, step: Step) -> None:
        self.steps.append(step)

    def epoch(self, row: Row) -> None:
        self.rows.append(row)


EVERY_STEP = EngineConfig(save_steps=1)


def interrupted(path: Path, table: Table, after: int) -> None:
    with pytest.raises(Stop):
        train(path, table, Stopper(after))


@pytest.mark.parametrize("after", [1, 4, 12])
@pytest.mark.parametrize("choices", [{}, {"host": "dvae", "prior": "anchors"}])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    tmp_path: Path, after: int, choices: dict[str, Any]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trained(whole, rows(), engine=EVERY_STEP, **choices)
    interrupted(started(parts, rows(), engine=EVERY_STEP, **choices), rows(), after)
    assert has_checkpoint(parts) == (after > 1)  # that of a step is written after its callbacks
    train(parts, rows())
    assert files(parts) == files(whole)
    assert not (parts / CHECKPOINTS).exists()


def test_metrics_are_on_disk_after_every_epoch(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows())
    interrupted(path, rows(), after=7)
    assert [row["epoch"] for row in load_history(path)] == [0.0, 1.0]
    assert (path / METRICS_TABLE).read_text().count("\n") == 3


def test_rows_that_are_ahead_of_the_checkpoint_are_written_again(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), engine=EngineConfig(save_steps=2))
    interrupted(path, rows(), after=7)
    for newer in checkpoints(path / CHECKPOINTS)[:-1]:
        newer.unlink()
    seen = Seen()
    train(path, rows(), seen)
    assert [row["epoch"] for row in load_history(path)] == [0.0, 1.0, 2.0, 3.0]
    assert seen.rows == load_history(path)[-len(seen.rows) :]


def test_training_time_adds_up_over_the_parts_of_a_run(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), engine=EVERY_STEP)
    interrupted(path, rows(), after=2)
    (path / CHECKPOINTS / SECONDS).write_text("1000.0")
    train(path, rows())
    assert 1000 < load_config(path).seconds < 1100


def test_other_data_are_refused_when_a_run_goes_on(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), engine=EVERY_STEP)
    interrupted(path, rows(), after=4)
    with pytest.raises(ValueError, match=r"`DATA` must be what run .* began with, got other"):
        train(path, rows(seed=1))
    assert has_checkpoint(path)


def test_a_run_whose_checkpoints_are_all_damaged_is_refused(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), engine=EVERY_STEP)
    interrupted(path, rows(), after=4)
    for checkpoint in checkpoints(path / CHECKPOINTS):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"step-00000003.safetensors` must be an undamaged"):
        train(path, rows())


def test_a_run_that_diverges_is_usable_as_it_was_after_its_best_epoch(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), nebula_weight=1e38)
    with pytest.raises(FloatingPointError, match=r"finite, got total = .* at step 6 in epoch 2"):
        train(path, rows())
    assert [row["epoch"] for row in load_history(path)] == [0.0, 1.0]
    assert load_run(path).aggregate.size[0] == 60


def test_a_run_that_diverges_at_once_names_the_terms_and_keeps_nothing(tmp_path: Path) -> None:
    path = started(tmp_path / "run", rows(), lr=1e30)
    with pytest.raises(FloatingPointError, match=r"got reconstruction and kl = .* at step 1"):
        train(path, rows())
    assert not (path / WEIGHTS).exists()
    discard_empty_run(path, folder=True)
    assert not path.exists()


def test_samples_that_are_held_out_are_scored_and_never_trained_on(tmp_path: Path) -> None:
    care, engine = Care(hold_out=0.25), EngineConfig(hold_out=0.25)
    run = trained(tmp_path / "run", rows(), care=care, engine=engine)
    kept, held_out = training_batches(run.config, rows())
    assert held_out is not None
    parts = [set(map(tuple, part.x.tolist())) for part in (kept, held_out)]
    assert [len(part) for part in parts] == [45, 15]
    assert not parts[0] & parts[1]
    assert run.aggregate.size[0] == 45
    row = load_history(run.path)[-1]
    score = row["validation_reconstruction"] + row["validation_kl"]
    assert row["score"] == pytest.approx(score)


def test_gaussian_noise_starts_well_below_the_spread_of_the_data(tmp_path: Path) -> None:
    config = load_config(started(tmp_path / "run", rows()))
    model = build(config.model, seed=0)
    assert isinstance(model.likelihood, Gaussian)
    assert (model.likelihood.logvar == -2).all()


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
    seen = Seen()
    train(started(tmp_path / "run", rows(), num_anchors=3), rows(), seen)
    assert ["anchors_in_use" in row for row in seen.rows] == [False, False, True, True]
    assert 1 <= seen.rows[-1]["anchors_in_use"] <= 3
    assert 1 <= seen.rows[-1]["perplexity"] <= 3.0001


def test_watching_does_not_change_training_by_a_bit(tmp_path: Path) -> None:
    trained(tmp_path / "whole", rows())
    path = started(tmp_path / "watched", rows(), engine=EngineConfig(watch=True))
    train(path, rows())
    assert files(path) == files(tmp_path / "whole")
    assert "Training, epoch" in (path / "report.html").read_text()
