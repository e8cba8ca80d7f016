"""Pictures beside the grids of R2N2's layout: which are read, and which are refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.shape_folder import PIXELS, SIDE, VIEWS, write_shapes, write_view
from nebulatent.data.read import read
from nebulatent.data.shape_views import read_shape


def rendering(root: Path, name: str) -> Path:
    return root / "ShapeNetRendering" / name / "rendering"


def test_pictures_are_read_only_if_asked_for_and_are_those_of_their_shape(tmp_path: Path) -> None:
    root = write_shapes(tmp_path, shapes=3)
    alone, both = read(root), read(root, views=None, image_size=PIXELS)
    assert alone.views is None and alone.fingerprint != both.fingerprint
    assert (both.x[:] == alone.x[:]).all() and both.ids == alone.ids
    assert both.views is not None and both.views.shape == (4, VIEWS, 3, PIXELS, PIXELS)
    assert "2 pictures of each shape, the first by name, of 24×24 pixels." in both.found
    for number, name in enumerate(both.ids):
        for view in range(VIEWS):
            image = Image.open(rendering(root, name) / f"{view:02d}.png")
            seen = np.asarray(image)[..., 3] > 0
            assert ((both.views[:][number, view] < 255) == seen).all()
    taken = both.take(np.array([2, 0]))
    assert taken.views is not None and (taken.views[:] == both.views[:][[2, 0]]).all()
    from_grids = read(root / f"ShapeNetVox{SIDE}", views=1, lazy=True)
    assert from_grids.views is not None and not isinstance(from_grids.views, np.ndarray)
    assert from_grids.views.shape == (4, 1, 3, 32, 32)
    write_view(rendering(root, both.ids[0]) / "01.png", np.eye(SIDE) > 0)
    assert read(root, views=2, image_size=PIXELS).fingerprint != both.fingerprint
    assert read(root, views=1, image_size=PIXELS).fingerprint == (
        read(root, views=1, image_size=PIXELS, lazy=True).fingerprint
    )


def test_pictures_that_are_missing_damaged_or_of_another_size_are_named(tmp_path: Path) -> None:
    root = write_shapes(tmp_path, shapes=3)
    with pytest.raises(ValueError, match=r"must hold 5 pictures like all shapes, got 2; add the"):
        read(root, views=5)
    with pytest.raises(ValueError, match="`views` must be positive, got -1"):
        read(root, views=-1)
    odd = rendering(root, "tall/01") / "01.png"
    write_view(odd, np.eye(SIDE) > 0, pixels=36)
    with pytest.raises(ValueError, match=r"tall/01.*24×24, got 36×36; make .* --image-size all"):
        read(root, views=None)
    assert read(root, views=None, image_size=16).views is not None
    odd.write_bytes(odd.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"01\.png` must be a complete picture"):
        read(root, views=None, image_size=16)
    for path in rendering(root, "tall/01").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"tall/01.*must hold the pictures of a .*none"):
        read(root, views=None)
    with pytest.raises(ValueError, match="must hold 1 pictures of one shape, as in training, got"):
        read_shape(rendering(root, "tall/01"), 1, 8)
