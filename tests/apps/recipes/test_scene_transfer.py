"""Table 3: one network is pre-trained without labels, five learn one area each, Area 5 tests."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nebulatent.apps.console import Output
from nebulatent.apps.recipes import scene_transfer
from nebulatent.apps.recipes.parae_table3 import (
    DRAWN,
    JIGSAW,
    PARAE,
    PRINTED,
    RECIPE,
    ROWS,
    gains,
)
from nebulatent.apps.recipes.recipe import Budget, Given
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.apps.recipes.scene_data import (
    TESTED,
    TRAINED,
    SceneData,
    Sizes,
    classes,
    default_scenes,
    load_scene_data,
    point_labels,
    positions,
)
from nebulatent.apps.recipes.scene_transfer import (
    ACCURACY,
    MIOU,
    ByHeight,
    Task,
    Transferred,
    build_network,
    build_segmentation,
    in_area,
    pretrain,
    tune,
)
from nebulatent.apps.reproduce import reproduce
from nebulatent.data.batch import Batches
from nebulatent.data.shapes import rooms
from nebulatent.data.shapes.rooms import CLASSES, load_rooms
from nebulatent.evaluation.scene_iou import class_iou

BUDGET = Budget(samples=25, test_samples=6, epochs=2, batch_size=4)
SMALL = Sizes(64, 4, 1 / 16, 5)


@pytest.fixture(scope="module")
def scenes() -> Iterator[SceneData]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rooms, "ROOMS", 1)
        yield load_scene_data("builtin:rooms", "quick")


@pytest.fixture(scope="module")
def data(scenes: SceneData) -> SceneData:
    return scenes._replace(sizes=SMALL).cut(BUDGET.samples, BUDGET.test_samples)


def setting(data: SceneData, seed: int = 3) -> Given[SceneData]:
    return Given(data, BUDGET, seed, draws=False)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_two_steps_of_every_row_gains_and_the_figure(data: SceneData, tmp_path: Path) -> None:
    made = replace(RECIPE, load=lambda path, preset: data)
    wanted = Wanted(tmp_path, "made", "quick", BUDGET, (7,), 1)
    record = reproduce(made, wanted, Output(as_json=True))
    assert [row.name for row in record.rows] == [row.name for row in ROWS]
    for row in record.rows:
        assert set(RECIPE.measures) == row.values.keys() and row.supervised
        for name in (MIOU, ACCURACY):
            each = [row.values[in_area(name, area)][0] for area in TRAINED]
            assert row.values[name][0] == pytest.approx(np.mean(each))
    values = {row.name: row.values for row in record.rows}
    found = gains(record, PARAE, MIOU)
    assert found.shape == (5, 1)
    last = in_area(MIOU, 6)
    assert found[-1, 0] == pytest.approx(values[PARAE][last][0] - values[DRAWN][last][0])
    assert (tmp_path / "parae-table3.png").stat().st_size > 10_000
    assert "9.9, 3.9, 8.5, 5.6, 5.3 for ParAE" in (tmp_path / "parae-table3.md").read_text()


@pytest.mark.parametrize("task", ["parae", "jigsaw3d"])
def test_pre_training_sees_five_areas_without_labels_and_tuning_sees_one(
    task: Task, data: SceneData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Batches] = []
    monkeypatch.setattr(scene_transfer, "fit", lambda method, batches, config: seen.append(batches))
    Transferred(task=task, pretext_rate=1e-3)(setting(data))
    first, *tuned = seen
    x = {area: positions(table, SMALL.num_points) for area, table in data.areas.items()}
    assert torch.equal(first.x, torch.cat([x[area] for area in (1, 2, 3, 4, 6)]))
    assert first.label is None and not first.also and first.y is None
    for area, batches in zip((1, 2, 3, 4, 6), tuned, strict=True):
        assert torch.equal(batches.x, x[area])
        assert torch.equal(batches.also["parts"], classes(data.areas[area], SMALL.num_points))


def test_pre_training_needs_neither_labels_nor_area_5(data: SceneData) -> None:
    bare = {area: data.areas[area]._replace(point_labels=None) for area in TRAINED}
    network = pretrain("parae", setting(data._replace(areas=bare)), 1e-3)
    assert same(network, pretrain("parae", setting(data), 1e-3))
    assert not same(network, pretrain("parae", setting(data, 4), 1e-3))


def test_tuning_starts_from_learned_weights_under_the_same_head(data: SceneData) -> None:
    given = setting(data)
    start = pretrain("jigsaw3d", given, 1e-3)
    tuned, drawn = build_segmentation(start, given), build_segmentation(None, given)
    for name in ("edges", "pool"):
        one, other = getattr(tuned.network, name), getattr(drawn.network, name)
        assert same(one, getattr(start, name)) and not same(one, other)
        # Weights as drawn are those that pre-training began with.
        assert same(other, getattr(build_network(27, given), name))
    for name in ("tile", "head"):
        assert same(getattr(tuned.network, name), getattr(drawn.network, name))
    before = {name: value.clone() for name, value in start.state_dict().items()}
    tune(tuned, 2, given, 1e-3)
    assert not same(tuned.network.edges, start.edges)  # pyright: ignore
    assert all(torch.equal(before[name], value) for name, value in start.state_dict().items())


def test_the_same_seed_gives_the_same_numbers(data: SceneData) -> None:
    row = Transferred(task="parae", pretext_rate=5e-3)
    assert row(setting(data)) == row(setting(data))


def test_building_leaves_the_global_random_state_alone(data: SceneData) -> None:
    before = torch.get_rng_state()
    build_segmentation(None, setting(data))
    assert torch.equal(before, torch.get_rng_state())


def test_the_class_by_height_is_the_one_that_counting_finds(data: SceneData) -> None:
    found = {m.name: m.value for m in ByHeight()(setting(data)).measures}
    table, count = data.areas[2], SMALL.num_points
    label = classes(table, count).numpy()
    height = np.floor((positions(table, count)[..., 2].numpy() + 1) * 15).astype(int)
    whole = np.bincount(label.ravel(), minlength=len(CLASSES)).argmax()
    confusion = np.zeros((len(CLASSES), len(CLASSES)), int)
    test = data.areas[TESTED]
    true = classes(test, count).numpy()
    level = np.floor((positions(test, count)[..., 2].numpy() + 1) * 15).astype(int)
    for one, step in zip(true.ravel(), level.ravel(), strict=True):
        own = label[height == min(step, height.max())]
        guess = np.bincount(own, minlength=len(CLASSES)).argmax() if len(own) else whole
        confusion[one, guess] += 1
    assert found[in_area(ACCURACY, 2)] == pytest.approx(confusion.trace() / confusion.sum())
    assert found[in_area(MIOU, 2)] == pytest.approx(np.nanmean(class_iou(confusion)))


def test_blocks_fill_the_cube_and_a_cut_keeps_the_areas_shares(scenes: SceneData) -> None:
    x = positions(scenes.areas[1], 99)
    assert x.shape[1:] == (99, 3) and x[..., :2].abs().max() <= 1 and x[..., 2].min() >= -1
    every = np.asarray(scenes.areas[1].x[:])
    chosen = np.random.default_rng(0).permutation(every.shape[1])[:99]
    raw, own = every[:, chosen], point_labels(scenes.areas[1]).values[:, chosen]
    assert np.array_equal(classes(scenes.areas[1], 99).numpy(), own)
    np.testing.assert_allclose(x[..., 2].numpy(), raw[..., 2] / 1.5 - 1, atol=1e-6)
    few = scenes.cut(20, 5)
    sizes = {area: table.num_samples for area, table in few.areas.items()}
    assert sizes[TESTED] == 5 and all(2 <= sizes[area] <= 10 for area in TRAINED)
    assert scenes.cut(10**6, 10**6).fingerprint == scenes.fingerprint != few.fingerprint
    tables = scenes.cut(1, 1).areas
    assert all(tables[area].num_samples == 2 for area in TRAINED)


def test_data_that_are_no_scenes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clouds.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(6, 9, 3)).astype(np.float32))
    with pytest.raises(ValueError, match="blocks of scenes with classes, got points without"):
        load_scene_data(str(path), "quick")
    monkeypatch.setattr(rooms, "ROOMS", 1)
    table = load_rooms("test", 8)
    monkeypatch.setattr("nebulatent.apps.recipes.scene_data.read", lambda path, split: table)
    with pytest.raises(ValueError, match="rooms of the areas 1 to 6"):
        load_scene_data("area5", "quick")


def test_s3dis_is_the_default_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEBULATENT_DATA", str(tmp_path))
    assert default_scenes() == "builtin:rooms"
    (tmp_path / "s3dis").mkdir()
    assert default_scenes() == str(tmp_path / "s3dis")


def test_the_papers_gains_are_those_of_table_3() -> None:
    assert PRINTED[PARAE, MIOU][0] == 0.099 and PRINTED[JIGSAW, ACCURACY][2] == 0.012
    assert all(len(gain) == len(TRAINED) for gain in PRINTED.values())
