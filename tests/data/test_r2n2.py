"""R2N2's layout: grids and pictures of the same shapes, by class and id."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nebulatent.data.binvox import Voxels, write_binvox
from nebulatent.data.r2n2 import is_r2n2, read_r2n2
from nebulatent.data.rows import Rows


def cells(number: int) -> np.ndarray:
    """A grid that tells which shape it is of, in all three axes."""
    grid = np.zeros((4, 4, 4), dtype=bool)
    grid[number % 4, 1, 2] = grid[0, number // 4, 3] = True
    return grid


def make(root: Path, shapes: int = 5, views: int = 3, size: int = 6) -> Path:
    """Two classes; picture v of shape i has the colour (10 i, 20 v, 30)."""
    for name, first in (("03001627", 0), ("04379243", 8)):
        for i in range(shapes):
            place = root / "ShapeNetVox4" / name / f"id{i}"
            place.mkdir(parents=True)
            write_binvox(place / "model.binvox", Voxels(cells(first + i)))
            drawn = root / "ShapeNetRendering" / name / f"id{i}" / "rendering"
            drawn.mkdir(parents=True)
            for v in range(views):
                colour = (10 * i, 20 * v, 30, 255)
                image = Image.new("RGBA", (size, size), colour)
                image.putpixel((0, 0), (0, 0, 0, 0))
                image.save(drawn / f"{v:02d}.png")
            (drawn / "renderings.txt").write_text("")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("r2n2"))


def test_shapes_are_sorted_and_parted_class_by_class(root: Path) -> None:
    train, test = read_r2n2(root, "train", views=2), read_r2n2(root, "test", views=2)
    assert train.names == test.names == ("chair", "table")
    assert train.ids[:4] == tuple(f"03001627/id{i}" for i in range(4))
    assert test.ids == ("03001627/id4", "04379243/id4") and test.label.tolist() == [0, 1]
    assert train.label.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert np.array_equal(train.cells[:][5, 0], cells(9))
    assert len(read_r2n2(root, "all", views=1).ids) == 10


def test_pictures_are_those_of_the_shape_with_white_where_there_is_none(root: Path) -> None:
    views = read_r2n2(root, "train", views=2, size=6).views
    assert isinstance(views, Rows) and views.shape == (8, 2, 3, 6, 6)
    taken = views[np.array([6, 1])]
    assert taken[0, 1, :, 3, 3].tolist() == [20, 20, 30]
    assert taken[1, 0, :, 3, 3].tolist() == [10, 0, 30]
    assert (taken[:, :, :, 0, 0] == 255).all()
    assert read_r2n2(root, views=1, size=3).views[:1].shape == (1, 1, 3, 3, 3)


def test_what_prepare_writes_is_read_again(tmp_path: Path) -> None:
    from nebulatent.apps.preparing.prepare_shape import Job, Settings, prepare_shape

    for number in range(2):
        settings = Settings(voxels=8, views=2, size=16)
        prepare_shape(Job(number, "thing", f"s{number}"), tmp_path, settings)
    assert is_r2n2(tmp_path)
    found = read_r2n2(tmp_path, "all", views=2, size=16)
    assert (found.names, found.ids) == (("thing",), ("thing/s0", "thing/s1"))
    assert found.cells.resolution == 8 and found.cells[:].any(axis=(1, 2, 3, 4)).all()
    assert (found.views[:] < 250).any(axis=(2, 3, 4)).all()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert not is_r2n2(tmp_path) and not is_r2n2(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="must have folders ShapeNetVox32"):
        read_r2n2(tmp_path)
    (tmp_path / "ShapeNetVox4").mkdir()
    (tmp_path / "ShapeNetRendering").mkdir()
    with pytest.raises(FileNotFoundError, match="got none for train"):
        read_r2n2(tmp_path)
    (tmp_path / "ShapeNetVox32").mkdir()
    with pytest.raises(ValueError, match="grids of one size, got ShapeNetVox32, ShapeNetVox4"):
        read_r2n2(tmp_path)


def test_a_shape_without_its_files_is_named(tmp_path: Path) -> None:
    made = make(tmp_path, shapes=2)
    with pytest.raises(ValueError, match=r"must hold 4 pictures like all shapes, got 3; add the"):
        read_r2n2(made, views=4)
    with pytest.raises(ValueError, match="`views` and `size` must be positive"):
        read_r2n2(made, views=0)
    (made / "ShapeNetVox4" / "03001627" / "id0" / "model.binvox").unlink()
    with pytest.raises(FileNotFoundError, match="must be a binvox file"):
        read_r2n2(made, views=1)


def test_damaged_grids_and_pictures_are_named(tmp_path: Path) -> None:
    made = make(tmp_path, shapes=2)
    grid = made / "ShapeNetVox4" / "03001627" / "id0" / "model.binvox"
    write_binvox(grid, Voxels(np.ones((4, 4, 5), bool)))
    with pytest.raises(ValueError, match="must be 4 cells along each side, as the name"):
        read_r2n2(made, views=1)
    grid.write_bytes(b"#binvox 1\ndim 4 4 4\ndata\n\x01\x03")
    with pytest.raises(ValueError, match="runs of 3; the file is damaged"):
        read_r2n2(made, views=1)
    write_binvox(grid, Voxels(cells(0)))
    picture = made / "ShapeNetRendering" / "03001627" / "id0" / "rendering" / "00.png"
    picture.write_bytes(picture.read_bytes()[:40])
    found = read_r2n2(made, views=1)
    with pytest.raises(ValueError, match=r"00\.png` must be a complete picture"):
        found.views[:1]


@pytest.mark.parametrize(
    "name", ["ShapeNetVox", "ShapeNetVox-4", "ShapeNetVox9999", "ShapeNetVox0"]
)
def test_a_folder_whose_name_is_no_size_is_not_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "ShapeNetRendering").mkdir()
    assert not is_r2n2(tmp_path)
