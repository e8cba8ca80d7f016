"""Folders of pictures that are decoded when they are asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nebulatent.data import picture_rows
from nebulatent.data.batch import Batches
from nebulatent.data.read import read

RNG = np.random.default_rng(0)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Ten pictures of many sizes, kinds and modes, in two sub-folders."""
    kinds = ["png", "jpg", "gif", "webp", "bmp"]
    for i in range(10):
        path = tmp_path / ("cat" if i % 2 else "dog") / f"{i}.{kinds[i % 5]}"
        path.parent.mkdir(exist_ok=True)
        shape = (20 + i, 30) if i == 4 else (20 + i, 30, 4 if path.suffix == ".png" else 3)
        Image.fromarray(RNG.integers(0, 256, shape).astype(np.uint8)).save(path)
    (tmp_path / "notes.md").write_text("none")
    return tmp_path


@pytest.mark.parametrize("side", [None, 17])
def test_pictures_decoded_later_equal_those_decoded_at_once(album: Path, side: int | None) -> None:
    eager, lazy = (read(album, image_size=side, lazy=choice) for choice in (False, True))
    assert isinstance(eager.x, np.ndarray) and not isinstance(lazy.x, np.ndarray)
    assert np.array_equal(lazy.x[:], eager.x)
    assert np.array_equal(lazy.x[np.array([7, 0, 7])], eager.x[[7, 0, 7]])
    assert lazy.fingerprint == eager.fingerprint and lazy.ids == eager.ids
    assert lazy.label is not None and np.array_equal(lazy.label, eager.label)
    assert [line for line in lazy.found if "on disk" not in line] == list(eager.found)


def test_the_parts_of_a_split_are_decoded_later_too(tmp_path: Path) -> None:
    for name in ("train/1.png", "train/2.png", "test/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (6, 5)).astype(np.uint8)).save(tmp_path / name)
    for split in ("train", "test", "all"):
        eager, lazy = (
            read(tmp_path, split=split, lazy=choice, trainable=False) for choice in (False, True)
        )
        assert lazy.fingerprint == eager.fingerprint and lazy.ids == eager.ids
        assert not isinstance(lazy.x, np.ndarray)


def test_a_batch_decodes_its_own_pictures_only(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = read(album, lazy=True)
    decoded, decode = [], picture_rows.decode
    monkeypatch.setattr(
        picture_rows, "decode", lambda *given: (decoded.append(given[0]), decode(*given))[1]
    )
    Batches(table.x, batch_size=4).batch(0, 1)
    assert len(decoded) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_deleted_while_it_is_used_is_named(
    album: Path, workers: int, is_sentence: Callable[[BaseException], bool]
) -> None:
    table = read(album, lazy=True)
    (album / "dog" / "4.bmp").unlink()
    batches = Batches(table.x, batch_size=3, num_workers=workers)
    with pytest.raises(FileNotFoundError, match=r"4\.bmp` must stay in place") as caught:
        list(batches.epoch(0))
    assert is_sentence(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_damaged_while_it_is_used_is_named(
    album: Path, workers: int, is_sentence: Callable[[BaseException], bool]
) -> None:
    table = read(album, lazy=True)
    (album / "cat" / "1.jpg").write_bytes(b"\xff\xd8\xff no picture")
    batches = Batches(table.x, batch_size=3, num_workers=workers)
    with pytest.raises(ValueError, match=r"1\.jpg` must be a complete picture") as caught:
        list(batches.epoch(0))
    assert is_sentence(caught.value)


def test_workers_decode_what_the_main_process_decodes(album: Path) -> None:
    table = read(album, lazy=True)
    here, there = (Batches(table.x, batch_size=3, num_workers=count) for count in (0, 2))
    for mine, theirs in zip(here.epoch(2), there.epoch(2), strict=True):
        assert torch.equal(mine.x, theirs.x)
