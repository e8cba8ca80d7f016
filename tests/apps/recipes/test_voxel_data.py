"""Grids and pictures for recipes: what is held out, what is cached, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from apps.recipes.made_up_shapes import COUNT, grids
from nebulatent.apps.recipes import voxel_data
from nebulatent.apps.recipes.voxel_data import (
    Forms,
    coarse,
    default_voxels,
    held_out,
    load_voxel_data,
    pictures,
)
from nebulatent.data.rows import Rows, Scaled
from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.grid_views import Views, grid_views, mesh_views

VIEWS = Views(number=2, size=16)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "nebulatent" / "views"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return grids(tmp_path)


def test_a_fifth_of_each_class_is_held_out_the_same_each_time(path: Path) -> None:
    data, again = (load_voxel_data(str(path), "quick") for _ in range(2))
    for number in range(3):
        assert (data.train.label == number).sum() == 12
        assert (data.test.label == number).sum() == 3
    assert data.names == ("chair", "sofa", "table")
    assert data.fingerprint == again.fingerprint
    stored = np.load(path)["x"].reshape(COUNT, -1)
    middle = np.concatenate([part.cells[:, 10:22, 10:22, 10:22] for part in data[1:3]])
    rows = {cells.tobytes() for cells in stored.astype(bool)}
    assert {cells.tobytes() for cells in middle.reshape(COUNT, -1)} == rows
    assert middle.sum() == sum(part.cells.sum() for part in data[1:3])  # the rest is empty


def test_another_seed_holds_out_others() -> None:
    label = np.repeat([0, 1], [50, 13])
    one, other = held_out(label), held_out(label, seed=1)
    assert [(held & (label == k)).sum() for held in (one, other) for k in (0, 1)] == [10, 3] * 2
    assert not np.array_equal(one, other)


def test_presets_differ_in_size_and_fingerprint_but_not_in_shapes(path: Path) -> None:
    quick, full = (load_voxel_data(str(path), preset) for preset in ("quick", "full"))
    assert (quick.resolution, quick.views.size, quick.colours) == (16, 32, 1)
    assert (full.resolution, full.views.size, full.views.number, full.colours) == (32, 137, 8, 3)
    assert np.array_equal(quick.train.cells, full.train.cells)
    assert quick.fingerprint != full.fingerprint
    few = quick.cut(10, 4)
    assert sorted(np.bincount(few.train.label).tolist()) == [3, 3, 4]
    assert sorted(np.bincount(few.test.label).tolist()) == [1, 1, 2]
    assert few.fingerprint == quick.cut(10, 4).fingerprint != quick.fingerprint


def test_a_coarse_cell_is_filled_if_any_of_its_cells_is() -> None:
    cells = np.random.default_rng(0).random((3, 8, 8, 8)) < 0.1
    small = coarse(cells, 4)
    for n, i, j, k in np.ndindex(3, 4, 4, 4):
        block = cells[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, 2 * k : 2 * k + 2]
        assert small[n, i, j, k] == any(block.ravel().tolist())
    assert np.array_equal(coarse(cells, 8), cells)
    with pytest.raises(ValueError, match="`resolution` must divide 8, got 3"):
        coarse(cells, 3)


def test_pictures_are_drawn_once_and_kept_whole(path: Path, own_cache: Path) -> None:
    forms = load_voxel_data(str(path), "quick").test
    drawn = pictures(forms, VIEWS)
    assert np.array_equal(drawn[3], grid_views(forms.cells[3], VIEWS))
    (kept,) = own_cache.iterdir()
    before = kept.stat().st_mtime_ns
    assert np.array_equal(pictures(forms, VIEWS), drawn)
    assert kept.stat().st_mtime_ns == before
    pictures(forms, VIEWS._replace(elevation=10.0))
    pictures(forms.take(np.arange(4)), VIEWS)
    assert len(list(own_cache.iterdir())) == 3


@pytest.mark.parametrize("damage", ["empty", "short", "other", "pickle"])
def test_a_damaged_picture_file_is_drawn_again(damage: str, path: Path, own_cache: Path) -> None:
    forms = load_voxel_data(str(path), "quick").test
    drawn = np.array(pictures(forms, VIEWS))
    (kept,) = own_cache.iterdir()
    content = kept.read_bytes()
    if damage == "other":
        np.save(kept, drawn[:2])
    elif damage == "pickle":
        np.save(kept, np.array([{}], dtype=object), allow_pickle=True)
    else:
        kept.write_bytes(content[: len(content) // 2 * (damage == "short")])
    assert np.array_equal(pictures(forms, VIEWS), drawn)
    assert kept.read_bytes() == content


def test_a_write_that_is_cut_off_leaves_no_pictures(
    path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    forms = load_voxel_data(str(path), "quick").test
    monkeypatch.setattr("nebulatent.apps.recipes.voxel_data.os.replace", cut)
    with pytest.raises(OSError, match="No space left"):
        pictures(forms, VIEWS)
    assert list(own_cache.iterdir()) == []


def test_built_in_shapes_are_exact_grids_and_pictures_of_the_mesh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voxel_data, "SIZES", {"train": (0, 32), "test": (1, 16)})
    voxel_data._built.cache_clear()
    data = load_voxel_data("builtin:shapes", "quick")
    voxel_data._built.cache_clear()
    assert (len(data.train.label), len(data.test.label), len(data.names)) == (32, 16, 16)
    for part, seed in ((data.train, 0), (data.test, 1)):
        few = part.take(np.array([5]))
        shape = draw_shape(5, seed=seed).shape()
        assert np.array_equal(few.cells[0], shape.occupancy(32))
        assert data.names[few.label[0]] == draw_shape(5, seed=seed).category
        mesh = shape.mesh()
        assert np.array_equal(pictures(few, VIEWS)[0], mesh_views(mesh.vertices, mesh.faces, VIEWS))


def test_scaled_rows_are_what_batches_ask_for() -> None:
    stored = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    rows = Scaled(stored, 255)
    assert isinstance(rows, Rows) and len(rows) == 4
    taken = rows[np.array([3, 0])]
    assert taken.dtype == np.float32
    assert np.allclose(taken, stored[[3, 0]] / 255)
    assert np.array_equal(Scaled(stored > 5, 1)[:], (stored > 5).astype(np.float32))


def test_what_is_no_data_for_a_recipe_is_refused(path: Path, tmp_path: Path) -> None:
    stored = dict(np.load(path))
    bad = tmp_path / "bad.npz"
    x, y = stored["x"], stored["y"]
    for arrays, message in (
        ({"x": x}, "must be grids with labels, got none"),
        ({"x": x[:, :11], "y": y}, "must be cubes of at most 32 cells .* got 11×12×12"),
        ({"x": np.zeros((9, 33, 33, 33), bool), "y": y[:9]}, "got 33×33×33"),
        ({"x": x[:12], "y": y[:12]}, "at least 5 grids each, a fifth to test on, got 3"),
        ({"x": x, "y": 0 * y}, "must have two classes or more"),
    ):
        np.savez(bad, **arrays)
        with pytest.raises(ValueError, match=message):
            load_voxel_data(str(bad), "quick")
    with pytest.raises(FileNotFoundError, match="got no file there"):
        load_voxel_data(str(tmp_path / "none.npz"), "quick")


def test_the_default_data_are_named_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEBULATENT_DATA", "")
    with pytest.raises(FileNotFoundError, match="--data builtin:shapes for shapes that need no"):
        default_voxels()
    place = tmp_path / "modelnet10" / "voxels30_train.npz"
    monkeypatch.setenv("NEBULATENT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="got no file"):
        default_voxels()
    place.parent.mkdir()
    place.touch()
    assert default_voxels() == str(place)


def test_forms_of_read_grids_have_no_numbers() -> None:
    forms = Forms(np.zeros((3, 32, 32, 32), bool), np.arange(3), np.zeros((0, 2), np.int64))
    assert forms.take(np.array([2])).drawn.shape == (0, 2)
    assert forms.digest() != forms._replace(label=forms.label[::-1]).digest()
