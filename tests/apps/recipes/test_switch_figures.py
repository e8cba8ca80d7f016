"""SwitchVAE's figures: two steps of every row, codes of grids, and sums with known answers."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image

from apps.recipes.made_up_shapes import grids
from nebulatent.apps.console import Output
from nebulatent.apps.recipes import grid_sums
from nebulatent.apps.recipes.grid_coders import depth, model_coder, plain_coder
from nebulatent.apps.recipes.grid_sums import (
    ARMS,
    ATTRIBUTES,
    LAYER,
    Twins,
    sum_measures,
    sums,
    twins,
)
from nebulatent.apps.recipes.grid_walks import STEPS, unlike_pairs, walk
from nebulatent.apps.recipes.names import Name, load_recipe
from nebulatent.apps.recipes.principal import component_coder
from nebulatent.apps.recipes.recipe import Budget
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.apps.recipes.switching import Switched
from nebulatent.apps.recipes.voxel_data import VoxelData, coarse, load_voxel_data
from nebulatent.apps.reproduce import reproduce
from nebulatent.data.shapes.make import draw_shape
from nebulatent.evaluation.components import find_components

TINY = Budget(samples=24, test_samples=9, epochs=1, batch_size=12)
FEW = 3  # twins of each attribute


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module", autouse=True)
def own_cache(place: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        yield


@pytest.fixture(autouse=True)
def few_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = grid_sums.twins
    monkeypatch.setattr(grid_sums, "twins", lambda attribute, side: whole(attribute, side, FEW))


@pytest.fixture(scope="module")
def data(place: Path) -> VoxelData:
    return load_voxel_data(str(grids(place)), "quick")


def three_categories(path: str, preset: Literal["quick", "full"]) -> VoxelData:
    """Built-in shapes of few categories: pictures of all sixteen take long."""
    data = load_voxel_data(path, preset)
    wanted = [data.names.index(name) for name in ("bed", "chair", "table")]
    train, test = (
        part.take(np.flatnonzero(np.isin(part.label, wanted))) for part in (data.train, data.test)
    )
    return data._replace(train=train, test=test)


@pytest.mark.parametrize("name", ["switchvae-fig4", "switchvae-fig6", "switchvae-fig7"])
def test_two_steps_of_every_row(name: Name, place: Path, data: VoxelData) -> None:
    recipe, source, out = load_recipe(name), str(place / "grids.npz"), place / "out"
    if name == "switchvae-fig7":
        recipe, source = replace(recipe, load=three_categories), "builtin:shapes"
    record = reproduce(recipe, Wanted(out, source, "quick", TINY, (7,), 1), Output(as_json=True))
    for row in record.rows:
        assert set(row.values) & set(recipe.measures), row.name
    assert set(recipe.measures) <= {measure for row in record.rows for measure in row.values}
    assert {claim.verdict for claim in record.claims} == {"not decided"}
    with Image.open(out / f"{name}.png") as picture:
        assert picture.width > 800
        assert np.asarray(picture.convert("L")).std() > 1
    assert len(list((out / "trainings").iterdir())) <= 7 + 4  # fig4 and fig6 share three rows


def test_other_shapes_have_no_known_sums() -> None:
    with pytest.raises(
        ValueError, match=r"must be builtin:shapes for switchvae-fig7, got `a\.npz`"
    ):
        load_recipe("switchvae-fig7").load("a.npz", "quick")


def test_pairs_are_of_two_classes_and_the_same_again() -> None:
    label = np.array([0, 0, 0, 0, 1, 2, 2])
    (first, second), again = unlike_pairs(label, 20), unlike_pairs(label, 20)
    assert (label[first] != label[second]).all() and set(first) == set(range(7))
    assert np.array_equal(first, again[0]) and np.array_equal(second, again[1])
    with pytest.raises(ValueError, match="two classes, got one"):
        unlike_pairs(np.zeros(4, int))


def test_walks_of_plain_grids_are_their_definitions(data: VoxelData) -> None:
    paths, a, b = walk(plain_coder("cells", 16), data, 5)
    for step in range(STEPS):
        middle, late = step == STEPS // 2, step > STEPS // 2
        expected = a & b if middle else b if late else a
        assert np.array_equal(paths[:, step], expected), step
    paths, a, b = walk(plain_coder("distances", 16), data, 5)
    assert np.array_equal(paths[:, 0], a) and np.array_equal(paths[:, -1], b)
    for path, start, end in zip(paths, a, b, strict=True):
        t = 0.25
        assert np.array_equal(path[2], (1 - t) * depth(start) + t * depth(end) > 0)


def test_depth_of_empty_and_full_grids_is_finite() -> None:
    assert (depth(np.zeros((4, 4, 4), bool)) == -4).all()
    assert (depth(np.ones((4, 4, 4), bool)) == 4).all()


def test_a_model_and_components_are_coders(data: VoxelData) -> None:
    cells = coarse(data.test.cells, 16)
    method = Switched(model="switch-vae").build(data, 1, 0).eval()
    coder = model_coder(method)
    x = torch.from_numpy(cells[:, None].astype(np.float32))
    with torch.no_grad():
        z = method.encode(x).mean
        assert torch.allclose(coder.encode(cells), z, atol=1e-5)
        assert np.array_equal(coder.decode(z), (method.decode(z)[:, 0] > 0.5).numpy())
    space = find_components(cells.reshape(len(cells), -1).astype(np.float32), len(cells) - 1)
    coder = component_coder(space, 16)
    assert np.array_equal(coder.decode(coder.encode(cells)), cells)  # as many as there are shapes


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_twins_differ_in_the_attribute_alone(attribute: grid_sums.Attribute) -> None:
    pairs = twins(attribute, 16, FEW)
    assert pairs.present.shape == pairs.without.shape == (FEW, 16, 16, 16)
    drawn = draw_shape(0, seed=grid_sums.SEED, categories=(attribute.category,))
    sides = [
        draw._replace(factors=draw.factors | {attribute.factor: attribute.level(name)})
        for draw in [drawn]
        for name in (attribute.absent, attribute.present)
    ]
    parts = [set(side.shape().part.tolist()) for side in sides]
    assert len(parts[1] - parts[0]) == 1 and parts[0] <= parts[1]
    added = (pairs.present & ~pairs.without).sum((1, 2, 3))
    assert (added >= 0.05 * pairs.without.sum((1, 2, 3))).all()


def test_sums_of_made_up_shapes_are_known() -> None:
    """Three bodies without and with a handle that is the same for all: sums of cells are exact."""
    without = np.zeros((3, 8, 8, 8), bool)
    for number, body in enumerate(without):
        body[: 2 + number, :4] = True
    present = without.copy()
    present[:, 7, 7, :] = True
    made = sums(plain_coder("cells", 8), Twins(without, present))
    assert np.array_equal(made["mean of pairs"], present)
    assert np.array_equal(made["no change"], without)
    assert np.array_equal(made["rebuilt"], present)
    # One pair: row 0 gets shape 2 with the handle, less shape 1 without: of the bodies, row 4 too.
    expected = present[0].copy()
    expected[3, :4] = True
    assert np.array_equal(made["one pair"][0], expected)


def test_an_ideal_code_adds_the_attribute_and_no_change_does_not() -> None:
    found = {m.name: m.value for m in sum_measures(plain_coder("cells", 16), 16)}
    for name in (ARMS.name, LAYER.name):
        assert found[f"voxel {name}: rebuilt"] == found[f"voxel {name} IoU: rebuilt"] == 1
        assert found[f"voxel {name}: no change"] == 0
        assert 0.3 < found[f"voxel {name} IoU: no change"] < 1
