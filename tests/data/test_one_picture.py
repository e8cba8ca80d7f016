"""One picture file is a table of one row."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nebulatent.data.read import read

PIXELS = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_a_picture_is_one_sample_of_every_split(tmp_path: Path, split: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.PNG")
    table = read(tmp_path / "a.PNG", split=split, trainable=False)
    assert np.array_equal(table.x[:], np.moveaxis(PIXELS, -1, 0)[None])
    assert table.ids == ("a.PNG",) and table.label is None and table.kind == "images"


def test_a_picture_is_brought_to_a_size(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "a.png")
    table = read(tmp_path / "a.png", image_size=8, trainable=False)
    assert table.sample_shape == (1, 8, 8)


def test_a_picture_is_no_training_set_and_damage_has_a_sentence(tmp_path: Path) -> None:
    place = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(place)
    with pytest.raises(ValueError, match="must hold at least 2 samples to train on, got 1"):
        read(place)
    with pytest.raises(ValueError, match=r"`lazy` must be left out|must hold"):
        read(place, lazy=True, trainable=False)
    place.write_bytes(place.read_bytes()[:50])
    with pytest.raises(ValueError, match="must be a complete picture, got one that is truncated"):
        read(place, trainable=False)
