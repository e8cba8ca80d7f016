"""Folders of pictures."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nebulatent.data.read import read

RNG = np.random.default_rng(0)


def _save(path: Path, shape: tuple[int, ...] = (6, 5, 3), mode: str | None = None) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, shape).astype(np.uint8)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return pixels


def test_pictures_of_one_size_are_kept_exactly_in_sorted_order(tmp_path: Path) -> None:
    saved = {name: _save(tmp_path / name) for name in ("b.png", "a.png", "c.bmp")}
    table = read(tmp_path)
    assert table.ids == ("a.png", "b.png", "c.bmp")
    assert table.x.dtype == np.uint8
    for row, name in zip(table.x, table.ids, strict=True):
        assert np.array_equal(row.transpose(1, 2, 0), saved[name])
    assert table.label is None


@pytest.mark.parametrize("extension", ["png", "jpg", "JPEG", "bmp", "webp", "gif"])
def test_every_supported_format_is_read(tmp_path: Path, extension: str) -> None:
    for name in "ab":
        _save(tmp_path / f"{name}.{extension}")
    assert read(tmp_path).x.shape == (2, 3, 6, 5)


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    saved = [_save(tmp_path / f"{name}.png", (6, 5)) for name in "ab"]
    assert np.array_equal(read(tmp_path).x[:, 0], saved)


def test_subfolders_are_labels(tmp_path: Path) -> None:
    for name in ("dog/1.png", "cat/2.png", "cat/deep/3.png"):
        _save(tmp_path / name)
    table = read(tmp_path)
    assert table.ids == ("cat/2.png", "cat/deep/3.png", "dog/1.png")
    assert table.label is not None
    assert table.label.tolist() == [0, 0, 1]
    assert table.label_names == ("cat", "dog")


def test_labels_are_found_below_a_lone_folder(tmp_path: Path) -> None:
    for name in ("images/dog/1.png", "images/cat/2.png"):
        _save(tmp_path / name)
    assert read(tmp_path).label_names == ("cat", "dog")


@pytest.mark.parametrize("names", [("1.png", "cat/2.png"), ("cat/1.png", "cat/2.png")])
def test_mixed_or_lone_subfolders_are_no_labels(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        _save(tmp_path / name)
    assert read(tmp_path).label is None


def test_hidden_files_and_folders_are_invisible(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", ".c.png", ".thumbs/d.png"):
        _save(tmp_path / name)
    assert read(tmp_path).ids == ("a.png", "b.png")


def test_other_files_are_counted(tmp_path: Path) -> None:
    for name in "ab":
        _save(tmp_path / f"{name}.png")
    (tmp_path / "readme.md").write_text("hello")
    assert "1 files are not pictures and were ignored." in read(tmp_path).found


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/2.png"):
        _save(tmp_path / name)
    (tmp_path / "dog" / "back").symlink_to(tmp_path)
    assert read(tmp_path).ids == ("cat/1.png", "dog/2.png")


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_train_and_test_folders_are_the_split(tmp_path: Path, held_out: str) -> None:
    for name in ("train/cat/1.png", "train/dog/2.png", f"{held_out}/dog/3.png"):
        _save(tmp_path / name)
    _save(tmp_path / held_out / "cat" / "4.png")
    train, test, both = (read(tmp_path, split=split) for split in ("train", "test", "all"))
    assert train.ids == ("train/cat/1.png", "train/dog/2.png")
    assert test.ids == (f"{held_out}/cat/4.png", f"{held_out}/dog/3.png")
    assert both.ids == train.ids + test.ids
    assert both.label is not None
    assert both.label.tolist() == [0, 1, 0, 1]
    assert f"Folders train and {held_out} are the split; read: train." in train.found


@pytest.mark.parametrize(("sides", "expected"), [((20, 40, 30), 32), ((60, 300, 90), 64)])
def test_sizes_that_differ_become_one_square(
    tmp_path: Path, sides: tuple[int, ...], expected: int
) -> None:
    for side in sides:
        _save(tmp_path / f"{side}.png", (side, side + 10, 3))
    table = read(tmp_path)
    assert table.sample_shape == (3, expected, expected)
    assert any(f"resized to {expected}×{expected}" in sentence for sentence in table.found)


def test_large_pictures_of_one_size_are_reduced(tmp_path: Path) -> None:
    for name in "ab":
        _save(tmp_path / f"{name}.jpg", (200, 300, 3))
    assert read(tmp_path).sample_shape == (3, 64, 64)


def test_the_side_asked_for_is_used(tmp_path: Path) -> None:
    for side in (9, 12):
        _save(tmp_path / f"{side}.png", (side, side))
    assert read(tmp_path, image_size=17).sample_shape == (1, 17, 17)


def test_the_centre_is_cut_out_undistorted(tmp_path: Path) -> None:
    pixels = np.zeros((8, 24), dtype=np.uint8)
    pixels[:, 8:16] = np.arange(0, 256, 32)
    for name in "ab":
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    table = read(tmp_path, image_size=8, trainable=False)
    assert np.array_equal(table.x[0, 0], pixels[:, 8:16])


def test_grey_beside_colour_becomes_colour(tmp_path: Path) -> None:
    grey = _save(tmp_path / "a.png", (6, 5))
    _save(tmp_path / "b.png")
    table = read(tmp_path)
    assert table.sample_shape == (3, 6, 5)
    assert all(np.array_equal(channel, grey) for channel in table.x[0])
    assert any(sentence.startswith("1 grey pictures") for sentence in table.found)


def test_transparency_is_white(tmp_path: Path) -> None:
    for name, colour in (("a", (0, 0, 0, 0)), ("b", (0, 0, 0, 255))):
        Image.new("RGBA", (4, 4), colour).save(tmp_path / f"{name}.png")
    table = read(tmp_path)
    assert table.x[0].min() == 255 and table.x[1].max() == 0
    assert any("transparency" in sentence for sentence in table.found)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    deep = np.array([[0, 256], [32768, 65535]], dtype=np.uint16)
    for name in "ab":
        Image.fromarray(deep).save(tmp_path / f"{name}.png")
    table = read(tmp_path, trainable=False)
    assert table.x[0, 0].tolist() == [[0, 1], [128, 255]]
    assert any("16 bits" in sentence for sentence in table.found)


@pytest.mark.parametrize(("mark", "shape"), [(3, (6, 10)), (6, (10, 6))])
def test_a_phones_rotation_mark_is_obeyed(
    tmp_path: Path, mark: int, shape: tuple[int, int]
) -> None:
    pixels = np.zeros((6, 10), dtype=np.uint8)
    pixels[:3] = 255
    exif = Image.Exif()
    exif[0x0112] = mark
    for name in "ab":
        Image.fromarray(pixels).save(tmp_path / f"{name}.jpg", exif=exif, quality=95)
    image = read(tmp_path, trainable=False).x[0, 0]
    assert image.shape == shape
    dark = image[:3] if mark == 3 else image[:, :3]
    assert dark.mean() < 60 and image.mean() > 90


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    for name in "ab":
        _save(tmp_path / f"{name}.png", (40, 40, 3))
    path = tmp_path / "b.png"
    content = path.read_bytes()
    for keep in (0, 8, 30, len(content) // 2):
        path.write_bytes(content[:keep])
        with pytest.raises(ValueError, match=r"b\.png` must be a complete picture, got one that"):
            read(tmp_path)


def test_text_named_png_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"a\.png` must be a complete picture"):
        read(tmp_path)


def test_a_picture_that_claims_billions_of_pixels_is_refused(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(ValueError, match=r"a\.png` must have fewer than \d+ pixels, got more"):
        read(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold pictures \(\.png, .*\), got an empty folder"):
        read(tmp_path)


def test_a_folder_of_other_files_says_what_it_saw(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2\n")
    with pytest.raises(ValueError, match=r"got only other files \(data\.csv\)"):
        read(tmp_path)
