"""ModelNet's folders of grids and of 12 views: what belongs together, and what is missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from nebulatent.data.binvox import Voxels, write_binvox
from nebulatent.data.modelnet_grids import place_of
from nebulatent.data.read import read
from nebulatent.data.shape_views import has_views

SIDE = 12


def write(root: Path, *, volumes: bool, views: int = 12) -> dict[str, int]:
    """Grids of two classes in three or one of a part; in shape i cell i is filled, pictures i."""
    numbers = {}
    for kind in ("bed", "night_stand"):
        for part, count in (("train", 3), ("test", 1)):
            for _ in range(count):
                number = len(numbers) + 1
                name = f"{kind}_{number:04d}"
                grid = np.zeros((SIDE,) * 3, bool)
                grid.flat[number] = grid[3:9, 3:9, 3:9] = True
                place = root / "volumetric_data" / kind / "30" / part if volumes else root
                place = place if volumes else root / "grids" / kind / part
                place.mkdir(parents=True, exist_ok=True)
                if volumes:
                    savemat(
                        place / f"{name}_{1 + number % 12}.mat", {"instance": grid.astype(np.uint8)}
                    )
                else:
                    write_binvox(place / f"{name}.binvox", Voxels(grid))
                drawn = root / "modelnet40_images_new_12x" / kind / part
                drawn.mkdir(parents=True, exist_ok=True)
                for view in range(views):
                    pixels = np.full((20, 20), 10 * number + view, np.uint8)
                    Image.fromarray(pixels).save(drawn / f"{name}.obj.shaded_v{view + 1:03d}.png")
                numbers[name] = number
    return numbers


@pytest.mark.parametrize("volumes", [False, True])
def test_grids_and_views_are_brought_together(tmp_path: Path, volumes: bool) -> None:
    numbers = write(tmp_path, volumes=volumes)
    sizes = {}
    for split in ("train", "test", "all"):
        table = read(tmp_path, split=split, views=None)
        sizes[split] = table.num_samples
        assert table.kind == "voxels" and table.views is not None and table.label is not None
        assert table.views.shape == (table.num_samples, 8, 3, 32, 32)
        for row, name in enumerate(table.ids):
            path = Path(name)
            number = numbers["_".join(path.stem.split("_")[:-1]) if volumes else path.stem]
            assert table.x[:][row, 0].flat[number] == 1
            assert table.label_names[table.label[row]] in path.parts
            own = table.views[np.array([row])][0, :, 0, 0, 0].tolist()
            assert own == [10 * number + view for view in range(8)]
    assert sizes == {"train": 6, "test": 2, "all": 8}
    assert "ModelNet's folders; read: train." in read(tmp_path).found
    assert read(tmp_path).views is None and has_views(tmp_path)


def test_a_shape_without_views_is_named_and_grids_alone_are_read(tmp_path: Path) -> None:
    write(tmp_path, volumes=False)
    for path in tmp_path.rglob("bed_0002.obj*"):
        path.unlink()
    with pytest.raises(ValueError, match=r"bed_0002\.obj\.shaded_v001\.png` must hold the pict"):
        read(tmp_path, views=None)
    assert read(tmp_path).num_samples == 6
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    assert not has_views(tmp_path)
    with pytest.raises(ValueError, match="must have pictures of shapes beside their grids"):
        read(tmp_path, views=None)


def test_other_names_of_views_and_other_folders(tmp_path: Path) -> None:
    write(tmp_path, volumes=False, views=2)
    for path in [*tmp_path.rglob("*.png")]:
        path.rename(path.with_name(path.name.replace(".obj.shaded_v", "_")))
    table = read(tmp_path, views=None)
    assert table.views is not None and table.views.shape[1] == 2
    assert place_of(Path("chair/train/a.mat")) == ("chair", "train", "a")
    assert place_of(Path("x/02691156/train/a.mat")) == ("02691156", "train", "a")
    assert place_of(Path("train/a.mat")) is None and place_of(Path("train/chair/a.mat")) is None


def test_classes_may_be_numbers_and_a_stray_grid_makes_no_picture_set_one_of_grids(
    tmp_path: Path,
) -> None:
    for kind in "012":
        for part in ("train", "test"):
            place = tmp_path / "grids" / kind / part
            place.mkdir(parents=True)
            write_binvox(place / "a.binvox", Voxels(np.ones((SIDE,) * 3, bool)))
    table = read(tmp_path, split="train", trainable=False)
    assert (table.num_samples, table.label_names) == (3, ("0", "1", "2"))
    for number in range(3):
        place = tmp_path / "pictures" / "cat" / "train"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 20), number, np.uint8)).save(place / f"{number}.png")
    savemat(place / "meta.mat", {"about": np.ones((2, 2))})
    assert read(tmp_path / "pictures").kind == "images"
