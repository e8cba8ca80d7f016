"""Public layouts of meshes and clouds, each in a small folder made here."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fuzz.shapes import CORNERS, OFF, ply_bytes
from nebulatent.data.clouds import modelnet, modelnet_h5, psb, s3dis_rooms, scanobjectnn
from nebulatent.data.clouds import modelnet_text as resampled
from nebulatent.data.clouds import s3dis as blocks
from nebulatent.data.clouds import shapenet_part as parts
from nebulatent.data.clouds.layouts import find_layout
from nebulatent.data.clouds.points import to_unit_sphere
from nebulatent.data.clouds.s3dis import read_s3dis_areas
from nebulatent.data.clouds.s3dis_raw import collect_rooms
from nebulatent.data.read import read
from nebulatent.data.table import NO_SPLIT, Table

RNG = np.random.default_rng(0)
Save = Callable[..., np.ndarray]


@pytest.fixture
def save_h5() -> Save:
    """Write clouds and labels as HDF5; gives the clouds."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")

    def save(path: Path, label: list, columns: int = 3, **more: np.ndarray) -> np.ndarray:
        clouds = RNG.random((len(label), 12, columns)).astype(np.float32)
        with h5py.File(path, "w") as file:
            file.create_dataset("data", data=clouds, compression="gzip", chunks=(1, 12, columns))
            file["label"] = np.array(label, dtype=np.uint8)
            for name, values in more.items():
                file[name] = values
        return clouds

    return save


def _labels(table: Table) -> list[str]:
    assert table.label is not None
    return [table.label_names[number] for number in table.label]


def test_modelnet_meshes(tmp_path: Path) -> None:
    for number, name in enumerate(
        ("sofa/train/s_1", "bed/train/b_2", "bed/test/b_3", "bed/train/b_1")
    ):
        path = tmp_path / f"{name}.off"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(OFF.replace("1.25", f"{number + 1}"))
    train, test, both = (read(tmp_path, split=s, trainable=False) for s in ("train", "test", "all"))
    assert train.ids == ("bed/train/b_1.off", "bed/train/b_2.off", "sofa/train/s_1.off")
    assert _labels(train) == ["bed", "bed", "sofa"]
    assert test.ids == ("bed/test/b_3.off",)
    assert both.ids == train.ids + test.ids
    assert np.array_equal(both.x[:3], train.x)
    (tmp_path / "bed" / "test" / "b_3.off").unlink()
    with pytest.raises(FileNotFoundError, match="choose another split"):
        read(tmp_path, split="test")


def test_modelnet_in_hdf5(tmp_path: Path, save_h5: Save) -> None:
    (tmp_path / "shape_names.txt").write_text("airplane\nbed\nxbox\n")
    (tmp_path / "train_files.txt").write_text("data/m/b.h5\n../../etc/a.h5\n")
    (tmp_path / "test_files.txt").write_text("data/m/c.h5\n")
    saved = {
        name: save_h5(tmp_path / f"{name}.h5", y) for name, y in (("b", [[2], [0]]), ("a", [[1]]))
    }
    save_h5(tmp_path / "c.h5", [[0]])
    train = read(tmp_path)
    assert _labels(train) == ["xbox", "airplane", "bed"], "files in the order of the list"
    expected = to_unit_sphere(np.concatenate([saved["b"], saved["a"]]))
    assert np.array_equal(train.x, expected)
    lazy = read(tmp_path, lazy=True)
    assert np.array_equal(lazy.x[np.array([2, 0, 2])], expected[[2, 0, 2]])
    assert lazy.fingerprint == train.fingerprint
    few = read(tmp_path, num_points=5)
    assert np.array_equal(few.x, to_unit_sphere(np.concatenate([saved["b"], saved["a"]])[:, :5]))
    assert read(tmp_path, split="all").num_samples == 4
    with pytest.raises(ValueError, match="`num_points` must be at most 12"):
        read(tmp_path, num_points=13)
    (tmp_path / "shape_names.txt").write_text("airplane\nbed\n")
    with pytest.raises(ValueError, match="must number its 2 classes from 0, got 0 to 2"):
        read(tmp_path)
    (tmp_path / "a.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.h5` must be there, as `train_files.txt` says"):
        read(tmp_path)


def test_modelnet_resampled(tmp_path: Path) -> None:
    (tmp_path / "modelnet40_shape_names.txt").write_text("night_stand\nbed\n")
    (tmp_path / "modelnet40_train.txt").write_text("night_stand_0002\nbed_0001\n")
    (tmp_path / "modelnet40_test.txt").write_text("bed_0003\n")
    saved = []
    for name in ("night_stand/night_stand_0002", "bed/bed_0001", "bed/bed_0003"):
        path = tmp_path / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        saved.append(np.round(RNG.random((20, 6)), 4))
        np.savetxt(path, saved[-1], fmt="%.4f", delimiter=",")
    train = read(tmp_path, num_points=8)
    assert _labels(train) == ["night_stand", "bed"]
    assert np.array_equal(train.x, to_unit_sphere(np.stack(saved[:2])[:, :8, :3]))
    with pytest.raises(ValueError, match="`num_points` must be at most 20"):
        read(tmp_path)
    (tmp_path / "modelnet40_train.txt").write_text("../../etc/passwd\n")
    with pytest.raises(ValueError, match="must list shapes as <class>_<number>"):
        read(tmp_path)


def test_shapenet_part_in_hdf5(tmp_path: Path, save_h5: Save) -> None:
    for part, label in (("train", [[0], [15]]), ("val", [[1]]), ("test", [[2]])):
        (tmp_path / f"{part}_hdf5_file_list.txt").write_text(f"ply_{part}.h5\n")
        pid = np.full((len(label), 12), 47, dtype=np.uint8)
        save_h5(tmp_path / f"ply_{part}.h5", label, pid=pid)
    train = read(tmp_path, num_points=10)
    assert _labels(train) == ["Airplane", "Table", "Bag"]
    points = train.point_labels
    assert points is not None and points.values.shape == (3, 10) and (points.values == 47).all()
    assert points.names[47] == "Table 0" and len(points.names) == 50
    assert read(tmp_path, split="test", trainable=False).num_samples == 1
    taken = train.take(np.array([2, 0]))
    assert taken.point_labels is not None and len(taken.point_labels.values) == 2


@pytest.fixture(params=["raw", "normal"])
def shapenet_text(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two mugs and a lamp; every point's part can be told from its position."""
    (tmp_path / "synsetoffset2category.txt").write_text("Mug\t03797390\nLamp\t03636649\n")
    (tmp_path / "train_test_split").mkdir()
    listed = {"train": ["03797390/m1"], "val": ["03636649/l1"], "test": ["03797390/m2"]}
    for part, names in listed.items():
        listing = tmp_path / "train_test_split" / f"shuffled_{part}_file_list.json"
        listing.write_text(json.dumps([f"shape_data/{name}" for name in names]))
        for name in names:
            _write_shape(tmp_path, name, normal=request.param == "normal")
    return tmp_path


def _write_shape(folder: Path, name: str, *, normal: bool) -> None:
    synset, shape = name.split("/")
    points = np.round(RNG.random((9, 3)), 5)
    part = (points[:, 0] > 0.5).astype(int)
    first = {"03797390": 36, "03636649": 24}[synset]
    (folder / synset).mkdir(exist_ok=True)
    if normal:
        rows = np.hstack([points, points, (part + first)[:, None]])
        np.savetxt(folder / synset / f"{shape}.txt", rows, fmt="%.6f")
        return
    for kind in ("points", "points_label"):
        (folder / synset / kind).mkdir(exist_ok=True)
    np.savetxt(folder / synset / "points" / f"{shape}.pts", points, fmt="%.5f")
    np.savetxt(folder / synset / "points_label" / f"{shape}.seg", part + 1, fmt="%d")


def test_shapenet_part_as_text(shapenet_text: Path) -> None:
    table = read(shapenet_text, num_points=30)
    assert table.ids == ("03797390/m1", "03636649/l1")
    assert _labels(table) == ["Mug", "Lamp"]
    points = table.point_labels
    assert points is not None
    for row, first in ((0, 36), (1, 24)):
        part = points.values[row] - first
        right, left = table.x[row][part == 1, 0], table.x[row][part == 0, 0]
        assert len(right) + len(left) == 30 and right.min(initial=9) > left.max(initial=-9)
    assert read(shapenet_text, split="test", trainable=False).ids == ("03797390/m2",)


def test_shapenet_part_without_lists_is_read_whole(shapenet_text: Path) -> None:
    shutil.rmtree(shapenet_text / "train_test_split")
    table = read(shapenet_text, num_points=5)
    assert table.ids == ("03636649/l1", "03797390/m1", "03797390/m2")
    assert _labels(table) == ["Lamp", "Mug", "Mug"] and NO_SPLIT in table.found
    assert table.point_labels is not None and table.point_labels.values.min() >= 24


@pytest.mark.parametrize("place", ["{}.ply", "{}/model.ply", "{}/models/model_normalized.ply"])
def test_shapenet_has_its_categories(tmp_path: Path, place: str) -> None:
    for synset in ("02691156", "03797390", "00000001"):
        path = tmp_path / synset / place.format("1f")
        path.parent.mkdir(parents=True)
        path.write_bytes(ply_bytes("ascii"))
    named = read(tmp_path, num_points=5, trainable=False)
    assert _labels(named) == ["00000001", "airplane", "mug"]
    (tmp_path / "02691156").rename(tmp_path / "chairs")
    mixed = read(tmp_path, num_points=5, trainable=False)
    assert "03797390" in mixed.label_names, "a number among names stays"


def test_lists_that_lead_elsewhere_are_refused(shapenet_text: Path) -> None:
    listing = shapenet_text / "train_test_split" / "shuffled_test_file_list.json"
    for text in ('["../../etc/passwd"]', "[[]]", "{}", "[" * 100_000, "[]", "nonsense"):
        listing.write_text(text)
        with pytest.raises(ValueError, match=r"shuffled_test_file_list\.json` must"):
            read(shapenet_text, split="test", trainable=False)
    listing.write_text('["shape_data/03797390/gone"]')
    with pytest.raises(FileNotFoundError, match="must be there, as the list of shapes says"):
        read(shapenet_text, split="test", trainable=False)


def test_scanobjectnn(tmp_path: Path, save_h5: Save) -> None:
    above, tmp_path = tmp_path, tmp_path / "main_split"
    tmp_path.mkdir()
    mask = np.zeros((2, 12), dtype=np.int8)
    clouds = save_h5(tmp_path / "training_objectdataset.h5", [14, 0], mask=mask)
    save_h5(tmp_path / "test_objectdataset.h5", [3])
    save_h5(tmp_path / "training_objectdataset_augmentedrot_scale75.h5", [1, 1, 1])
    train = read(tmp_path)
    assert _labels(train) == ["toilet", "bag"]
    assert np.array_equal(train.x, to_unit_sphere(clouds))
    assert any("augmentedrot_scale75" in sentence for sentence in train.found)
    assert read(above).fingerprint == train.fingerprint
    assert _labels(read(tmp_path, split="test", trainable=False)) == ["cabinet"]
    hard = read(tmp_path / "training_objectdataset_augmentedrot_scale75.h5")
    assert hard.num_samples == 3


def test_s3dis_blocks(tmp_path: Path, save_h5: Save) -> None:
    (tmp_path / "all_files.txt").write_text(
        "indoor3d/ply_data_all_0.h5\nindoor3d/ply_data_all_1.h5\n"
    )
    rooms = ["Area_1_office_1", "Area_5_hallway_2", "Area_5_hallway_2", "Area_6_lobby_1"]
    (tmp_path / "room_filelist.txt").write_text("\n".join(rooms) + "\n")
    label = RNG.integers(0, 13, (4, 12))
    first = save_h5(tmp_path / "ply_data_all_0.h5", label[:3].tolist(), columns=9)
    last = save_h5(tmp_path / "ply_data_all_1.h5", label[3:].tolist(), columns=9)
    stored = np.concatenate([first, last])
    test = read(tmp_path, split="test")
    assert np.array_equal(test.x, stored[1:3]), "scenes are kept as they are"
    assert test.point_labels is not None and np.array_equal(test.point_labels.values, label[1:3])
    assert test.point_labels.names[12] == "clutter"
    assert np.array_equal(read(tmp_path, lazy=True).x[:], stored[[0, 3]])
    assert read_s3dis_areas(tmp_path, (6,)).ids == ("Area_6_lobby_1/3",)
    with pytest.raises(ValueError, match="must hold rooms of area 2, got none"):
        read_s3dis_areas(tmp_path, (2,))


def test_s3dis_rooms_are_cut_into_blocks(tmp_path: Path) -> None:
    for name, size in (("Area_1_office_1", (1.6, 0.8, 2.0)), ("Area_5_lobby_1", (1, 1, 1))):
        position = RNG.random((4000, 3)) * size
        position[0], position[1] = 0, size
        colour = RNG.integers(0, 256, (4000, 3))
        label = np.where(position[:, 2] > 1, 0, 12)[:, None]
        np.save(tmp_path / f"{name}.npy", np.hstack([position, colour, label]))
    train = read(tmp_path, num_points=500)
    assert train.ids == tuple(f"Area_1_office_1/{west:g},0" for west in (0, 0.5, 1))
    points = train.point_labels
    assert points is not None and train.x.shape == (3, 500, 9)
    room = np.load(tmp_path / "Area_1_office_1.npy")
    for row, west in enumerate((0, 0.5, 1.0)):
        x = train.x[row]
        where = x[:, :3] + [west + 0.5, 0.5, 0]
        assert np.allclose(where, x[:, 6:] * [1.6, 0.8, 2.0], atol=1e-6)
        assert where[:, 0].min() >= west - 1e-6 and where[:, 0].max() <= west + 1 + 1e-6
        nearest = np.abs(room[:, :3] - where[0]).sum(axis=1).argmin()
        assert np.allclose(x[0, 3:6], room[nearest, 3:6] / 255, atol=1e-6)
        assert np.array_equal(points.values[row] == 0, where[:, 2] > 1)
    assert np.array_equal(read(tmp_path, num_points=500, lazy=True).x[:], train.x)
    np.save(tmp_path / "Area_1_office_1.npy", room + 13)
    with pytest.raises(ValueError, match="finite positions in metres and labels 0 to 12"):
        read(tmp_path)


def test_s3dis_as_text_is_collected_into_rooms(tmp_path: Path) -> None:
    things = {
        "wall_2": [[1, 2, 3, 255, 0, 0]],
        "ceiling_1": [[4, 1, 9, 0, 9, 0]],
        "stairs_1": [[2, 5, 4, 1, 2, 3]],
    }
    place = tmp_path / "raw" / "Area_3" / "office_1" / "Annotations"
    place.mkdir(parents=True)
    for name, rows in things.items():
        np.savetxt(place / f"{name}.txt", rows, fmt="%g")
    with pytest.raises(ValueError, match="must be made into rooms before it is read"):
        read(tmp_path / "raw")
    (path,) = collect_rooms(tmp_path / "raw", tmp_path / "rooms")
    assert path.name == "Area_3_office_1.npy"
    expected = [[3, 0, 6, 0, 9, 0, 0], [1, 4, 1, 1, 2, 3, 12], [0, 1, 0, 255, 0, 0, 2]]
    assert s3dis_rooms.load_room(path).tolist() == expected
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    (place / "wall_2.txt").write_text("1 2 3 4 5\x10 6\n")
    assert collect_rooms(tmp_path / "raw", tmp_path / "rooms") == [path], "it is there already"
    path.unlink()
    with pytest.raises(ValueError, match=r"wall_2\.txt` must hold numbers in its points, got '1 2"):
        collect_rooms(tmp_path / "raw", tmp_path / "rooms")
    assert not list(path.parent.iterdir()), "nothing half-written"


CLA = "PSB 1\n4 3\n\nanimal 0 0\n\nflying bee animal 2\n7\n101\n\nant animal 0\n\nchair 0 1\n205\n"


def test_the_princeton_shape_benchmark(tmp_path: Path) -> None:
    base = tmp_path / "benchmark" / psb.BASE
    base.mkdir(parents=True)
    (base / "train.cla").write_text(CLA)
    for number in (7, 205):
        path = tmp_path / "benchmark" / "db" / str(number // 100) / f"m{number}" / f"m{number}.off"
        path.parent.mkdir(parents=True)
        path.write_text(OFF.replace("1.25", f"{number}"))
    for place in (tmp_path, tmp_path / "benchmark", tmp_path / "benchmark" / "db"):
        table = read(place)
        assert table.ids == ("0/m7/m7.off", "2/m205/m205.off")
        assert _labels(table) == ["flying bee", "chair"]
        assert "1 models have no mesh in db and were left out." in table.found
    with pytest.raises(FileNotFoundError, match=r"test\.cla` must be a file of classes"):
        read(tmp_path, split="test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CLA.replace("4 3", "4 4"), "must hold the 4 classes and 4 models"),
        (CLA.replace("PSB 1", "PSB 2"), "must begin with PSB 1, got 'PSB 2"),
        (CLA.replace("ant animal 0", "ant"), "must hold classes and models, got 'ant'"),
        (CLA.replace("flying bee animal 2\n", ""), "must hold the 4 classes"),
        ("PSB 1\n1 1\n" + "a " * 400_000, "must hold classes and models"),
    ],
)
def test_a_damaged_file_of_classes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "train.cla").write_text(text)
    with pytest.raises(ValueError, match=message):
        psb.read_cla(tmp_path / "train.cla")


def test_no_other_folder_has_a_layout(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    np.savetxt(tmp_path / "a" / "a.txt", CORNERS)
    assert find_layout(tmp_path) is None


@pytest.mark.parametrize(
    ("module", "figures"),
    [
        (modelnet, ("3991", "908", "9843", "2468")),
        (modelnet_h5, ("9840", "2468")),
        (resampled, ("3991", "908", "9843", "2468")),
        (psb, ("907",)),
        (scanobjectnn, ("2309", "581", "11416", "2882")),
        (blocks, ("23 585", "6852", "3294")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_docstring_states_the_official_counts(module: object, figures: tuple[str, ...]) -> None:
    for figure in figures:
        assert figure in (module.__doc__ or ""), figure


def test_the_table_of_shapenet_part_adds_up() -> None:
    rows = [line.split() for line in (parts.__doc__ or "").splitlines() if line[:1].isupper()]
    table = {
        row[0]: (int(row[1]), *(int(n) for n in row[2:7:2]), int(row[7]))
        for row in rows
        if len(row) == 8
    }
    assert {name: row[0] for name, row in table.items()} == parts.PARTS
    assert {name: row[-1] for name, row in table.items()} == {
        n: parts.FIRST[n] for n in parts.PARTS
    }
    assert [sum(row[i] for row in table.values()) for i in (0, 1, 2, 3)] == [50, 12137, 1870, 2874]


def test_the_table_of_s3dis_rooms_adds_up() -> None:
    lines = (s3dis_rooms.__doc__ or "").splitlines()
    rooms = {int(line.split()[0]): int(line.split()[1]) for line in lines if line[:1].isdigit()}
    assert sorted(rooms) == [1, 2, 3, 4, 5, 6] and sum(rooms.values()) == 272
