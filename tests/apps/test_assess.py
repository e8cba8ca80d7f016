"""All numbers of a run: labels only where the data have them, and numbered as in training."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nebulatent.apps.assess import Evaluated, assess_run, data_for, evaluation_data
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.runs.inputs import condition, with_label_names
from nebulatent.apps.runs.runs import Run, load_run
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table

LABELLED = {"ACC", "NMI", "ARI", "k-means ACC", "many-to-one"}


def trained(path: Path, table: Table, **choices: Any) -> Run:  # noqa: ANN401
    scaling = fit_scaling(table)
    chosen = plan(table, scaling, Choices(**{"epochs": 2, **choices}))
    start_run(path, table, Source(path="data"), scaling, chosen, overwrite=False)
    train(path, table)
    return load_run(path)


def pictures(labels: list[str] | None) -> Table:
    x = np.random.default_rng(0).integers(0, 256, (30, 1, 9, 9), dtype=np.uint8)
    return build_table(x, source="pictures", labels=labels)


def names(run: Run, table: Table) -> set[str]:
    return {measure.name for measure in assess_run(run, Evaluated(table)).own}


def test_label_measures_and_baselines_appear_only_with_labels(blobs_run: Path, blobs: Path) -> None:
    run, table = load_run(blobs_run), read(blobs)
    assert names(run, table) >= LABELLED
    blind = table._replace(label=None, label_names=())
    assert not names(run, blind) & LABELLED
    assert assess_run(run, Evaluated(blind)).baselines == {}
    assert set(assess_run(run, Evaluated(table)).baselines) == {"untrained encoder", "raw data"}
    assert assess_run(run, Evaluated(table), baselines=False).baselines == {}


def test_one_class_tells_nothing_and_is_left_out(blobs_run: Path, blobs: Path) -> None:
    table = read(blobs)
    one = table._replace(label=np.zeros(60, np.int64), label_names=("a",))
    assert not names(load_run(blobs_run), one) & LABELLED


def test_measures_are_repeatable_and_finite(blobs_run: Path, blobs: Path) -> None:
    run, table = load_run(blobs_run), read(blobs)
    first, again = (assess_run(run, Evaluated(table)) for _ in range(2))
    assert first == again
    assert all(math.isfinite(measure.value) for measure in first.own)


def test_the_elbo_is_its_parts(blobs_run: Path, blobs: Path) -> None:
    own = assess_run(load_run(blobs_run), Evaluated(read(blobs))).own
    value = {measure.name: measure.value for measure in own}
    assert value["ELBO"] == pytest.approx(-value["reconstruction"] - value["KL"])


def test_an_autoencoder_has_no_elbo_and_no_anchors(tmp_path: Path) -> None:
    table = pictures(None)
    found = names(trained(tmp_path / "run", table, method="ae"), table)
    assert "reconstruction" in found
    assert not found & {"ELBO", "KL", "anchors in use"}


def test_a_single_sample_can_be_measured(blobs_run: Path, blobs: Path) -> None:
    assert "ELBO" in names(load_run(blobs_run), read(blobs).take(np.array([3])))


def test_the_training_data_are_measured_where_there_is_no_official_test_part(
    blobs_run: Path,
) -> None:
    shown = evaluation_data(load_run(blobs_run))
    assert shown.table.num_samples == 60
    assert shown.reference is None


def test_an_official_test_part_has_the_training_part_as_reference(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", read("digits").take(np.arange(50)), method="ae", epochs=1)
    shown = data_for(run, "digits", "test")
    assert shown.table.num_samples == 359
    assert shown.reference is not None
    assert shown.reference.num_samples == 1438


def test_classes_keep_their_number_when_a_file_lacks_some(tmp_path: Path) -> None:
    run = trained_conditional(tmp_path)
    part = pictures(["b", "c"] * 15)
    assert part.label is not None
    assert part.label[:2].tolist() == [0, 1]
    numbers = condition(run, part)
    assert numbers is not None
    assert numbers[:2].tolist() == [1, 2]


def trained_conditional(tmp_path: Path) -> Run:
    run = trained(tmp_path / "run", pictures(["a", "b", "c"] * 10), method="cvae", epochs=1)
    assert run.config.data.label_names == ("a", "b", "c")
    return run


def test_a_conditional_model_refuses_data_without_its_classes(tmp_path: Path) -> None:
    run = trained_conditional(tmp_path)
    with pytest.raises(ValueError, match="must have labels for a conditional model, got none"):
        assess_run(run, Evaluated(pictures(None)))
    with pytest.raises(ValueError, match=r"must have labels of the training data \(a, b, c\), got"):
        assess_run(run, Evaluated(pictures(["b", "z"] * 15)))


def test_other_methods_are_told_no_labels(blobs_run: Path, blobs: Path) -> None:
    assert condition(load_run(blobs_run), read(blobs)) is None


def test_labels_are_renumbered_by_name() -> None:
    table = with_label_names(pictures(["b", "c", "c"] * 10), ("a", "c", "b"))
    assert table.label is not None
    assert table.label[:3].tolist() == [2, 1, 1]
    assert table.label_names == ("a", "c", "b")
