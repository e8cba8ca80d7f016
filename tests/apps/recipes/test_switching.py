"""SwitchVAE's tables: every row trains two steps, learns from no label, has the paper's sizes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from apps.recipes.made_up_shapes import grids
from nebulatent.apps.console import Output
from nebulatent.apps.recipes.names import Name, load_recipe
from nebulatent.apps.recipes.principal import Principal, find_components
from nebulatent.apps.recipes.recipe import Budget, Given
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.apps.recipes.switching import LATENT_DIM, Switched, Untrained
from nebulatent.apps.recipes.voxel_data import VoxelData, load_voxel_data
from nebulatent.apps.recipes.voxel_measuring import VIEWS, grid_rows, of_category, view_rows
from nebulatent.apps.reproduce import reproduce
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.training.config import FitConfig

TINY = Budget(samples=24, test_samples=9, epochs=1, batch_size=12)
TABLES: tuple[Name, ...] = ("switchvae-table1", "switchvae-table2", "switchvae-table3")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tables: what they share is trained once."""
    return tmp_path_factory.mktemp("switching")


@pytest.fixture(scope="module", autouse=True)
def own_cache(place: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        yield


@pytest.fixture(scope="module")
def data(place: Path) -> VoxelData:
    return load_voxel_data(str(grids(place)), "quick")


def given(data: VoxelData) -> Given[VoxelData]:
    return Given(data, TINY, 3, draws=False)


@pytest.mark.parametrize("name", TABLES)
def test_two_steps_of_every_row(name: Name, place: Path, data: VoxelData) -> None:
    recipe = load_recipe(name)
    wanted = Wanted(place / "out", str(place / "grids.npz"), "quick", TINY, (7,), 1)
    record = reproduce(recipe, wanted, Output(as_json=True))
    assert [row.name for row in record.rows] == [row.name for row in recipe.rows]
    for row in record.rows:
        assert set(row.paper) <= set(row.values), row.name
        assert set(row.values) & set(recipe.measures), row.name
    assert set(recipe.measures) <= {measure for row in record.rows for measure in row.values}
    assert {claim.verdict for claim in record.claims} == {"not decided"}
    trained = len(list((place / "out" / "trainings").iterdir()))
    assert trained <= 19  # 7 on chairs, 8 on all, 3 of components, 1 untrained: shared by tables


def test_the_papers_numbers() -> None:
    first, second, third = ({r.name: r.paper for r in load_recipe(n).rows} for n in TABLES)
    assert first["SwitchVAE, trained on chairs"] == {
        "voxel IoU": pytest.approx(0.7993),
        "voxel precision": pytest.approx(0.8468),
        "voxel accuracy": pytest.approx(0.9722),
    }
    assert first["Image VAE, trained on chairs"]["image IoU"] == pytest.approx(0.5852)
    assert sum(len(paper) for paper in first.values()) == 18
    assert second["SwitchVAE, trained on all"] == {"voxel RBF SVM, 1/128": pytest.approx(0.9007)}
    assert second["Image VAE, trained on all"] == {"image RBF SVM, 1/128": pytest.approx(0.8862)}
    assert sum(len(paper) for paper in second.values()) == 8
    assert third["SwitchVAE, trained on chairs"] == {"voxel RBF SVM, 1/128": 0.8705}


def test_labels_do_not_reach_training_and_a_seed_gives_the_same_bits(data: VoxelData) -> None:
    few = data.cut(TINY.samples, TINY.test_samples)
    turned = few._replace(train=few.train._replace(label=few.train.label[::-1].copy()))
    experiment = Switched(model="switch-vae", contrastive=1.0, num_anchors=3)
    first, again, other = (experiment(given(d)).measures for d in (few, few, turned))
    assert first == again
    unlabelled = {m.name: m.value for m in first if not m.uses_labels}
    assert unlabelled == {m.name: m.value for m in other if not m.uses_labels}
    assert first != other  # the probe learns from labels
    assert {name.split()[0] for name in unlabelled} == {"voxel", "image"}


def test_a_category_is_trained_on_alone_for_as_many_steps(
    data: VoxelData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []

    def watched(method: nn.Module, batches: Batches, config: FitConfig) -> None:
        seen.append((batches.num_samples, config.epochs * len(batches)))
        method.eval()

    monkeypatch.setattr("nebulatent.apps.recipes.switching.fit", watched)
    budget = replace(TINY, epochs=3, batch_size=6)
    for category in ("", "chair"):
        setting = given(data)._replace(budget=budget)
        measures = Switched(model="voxel-vae", category=category)(setting).measures
        assert {m.name.split()[0] for m in measures} == {"voxel"}
    assert seen == [(36, 18), (12, 18)]


def test_where_few_shapes_have_pictures_grids_of_all_are_still_learned_from(
    data: VoxelData,
) -> None:
    few = Switched(model="switch-vae", pictured=1 / 6).batches(data.train, data, 6, 0)
    batches = list(few.epoch(0))
    assert [batch.also is None for batch in batches] == [True, False] * 6
    every = {grid.numpy().tobytes() for batch in batches[::2] for grid in batch.x}
    seen = {grid.numpy().tobytes() for batch in batches[1::2] for grid in batch.x}
    assert (len(every), len(seen)) == (36, 6) and seen < every
    alone = Switched(model="image-vae", pictured=1 / 6).batches(data.train, data, 6, 0)
    assert alone.num_samples == 6 and alone.batch(0, 0).y is not None


def test_batches_hold_a_shape_in_both_forms(data: VoxelData) -> None:
    batches = Switched(model="switch-vae").batches(data.train, data, 8, 0)
    batch = batches.batch(0, 0)
    assert batch.also is not None and batch.label is None
    grid_of = {
        view.tobytes(): grid.tobytes()
        for view, grid in zip(view_rows(data.train, data)[:], grid_rows(data.train, data)[:],
                              strict=True)
    }  # fmt: skip
    for grid, view in zip(batch.x.numpy(), batch.also[VIEWS].numpy(), strict=True):
        assert grid_of[view.tobytes()] == grid.tobytes()
    assert batch.x.shape == (len(batch.x), 1, 16, 16, 16)
    assert batch.also[VIEWS].shape[1:] == (8, 1, 32, 32)


def test_the_full_preset_has_the_papers_networks(data: VoxelData, place: Path) -> None:
    full = load_voxel_data(str(place / "grids.npz"), "full")
    with torch.device("meta"):
        method = Switched(model="switch-vae", contrastive=1.0).build(full, 1, 0).eval()
        grids, views = torch.rand(4, 1, 32, 32, 32), torch.rand(4, 8, 3, 137, 137)
    assert isinstance(method, SwitchVAE)
    method(Batch(grids, also={VIEWS: views})).total.backward()  # grids are picked in eval mode
    assert all(p.grad is None for p in method.others.parameters())
    method.branch(VIEWS)(views).recon.sum().backward()
    counted = {
        name: sum(p.numel() for p in module.parameters() if p.ndim > 1)
        for name, module in {
            "grids": method.autoencoder.encoder,
            "pictures": method.others[VIEWS],
        }.items()
    }
    assert counted["grids"] == 21_952 * 343 + 27 * (8 + 8 * 16 + 16 * 32 + 32 * 64)
    assert counted["pictures"] == 11_166_912 + 12_800 * 1024 + 6 * 1024**2 + 1024 * 2 * LATENT_DIM
    assert all(p.grad is not None for p in method.parameters())


def test_components_of_shapes_are_those_of_numpy_and_of_one_category(data: VoxelData) -> None:
    x = np.random.default_rng(0).normal(size=(20, 6)) @ np.diag([9.0, 5, 3, 1, 0.1, 0.1])
    found = find_components(x, 3)
    expected = np.linalg.svd(x - x.mean(0))[2][:3]
    assert np.allclose(np.abs(found.axes @ expected.T), np.eye(3), atol=1e-3)
    mean = {
        m.name: m.value for m in Principal(components=0, category="chair")(given(data)).measures
    }
    chairs = data.train.cells[data.train.label == 0].reshape(12, 16, 2, 16, 2, 16, 2)
    guess = chairs.any((2, 4, 6)).mean(0) > 0.5
    test = data.test.cells[data.test.label == 0].reshape(3, 16, 2, 16, 2, 16, 2).any((2, 4, 6))
    assert mean["voxel IoU"] == pytest.approx((test & guess).sum() / (test | guess).sum())
    assert not any("SVM" in name for name in mean)


def test_untrained_encoders_rebuild_nothing(data: VoxelData) -> None:
    names = [m.name for m in Untrained()(given(data)).measures]
    assert any("SVM" in name for name in names) and "voxel silhouette" in names
    assert not any("IoU" in name or "step" in name for name in names)


def test_data_without_enough_chairs_are_refused(data: VoxelData) -> None:
    assert of_category(data.test, data.names, "") is data.test
    for names in (("bed", "sofa", "table"), data.names):
        sofas = data.test.take(np.flatnonzero(data.test.label))
        part = sofas if names == data.names else data.test
        with pytest.raises(ValueError, match="two shapes or more of the class chair"):
            of_category(part, names, "chair")
