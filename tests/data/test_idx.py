"""IDX files and folders of them."""

import gzip
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nebulatent.data.idx import read_idx
from nebulatent.data.read import read

Write = Callable[[Path, np.ndarray], Path]


@settings(max_examples=40, deadline=None)
@given(
    array=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
        lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0))
    ),
    name=st.sampled_from(["a", "a.gz"]),
)
def test_what_was_written_is_read(
    array: np.ndarray, name: str, write_idx: Write, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_idx(tmp_path_factory.getbasetemp() / name, array)
    got = read_idx(path)
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize(("split", "rows"), [("train", range(6)), ("test", range(3, 6))])
def test_official_splits_are_read_in_order(
    mnist_like: Path, pixels: np.ndarray, split: str, rows: range
) -> None:
    table = read(mnist_like, split=split)
    labels = [5, 0, 4, 1, 9, 2]
    assert np.array_equal(table.x[:, 0], pixels[list(rows)])
    assert table.x.dtype == np.uint8
    assert table.label is not None
    assert [int(table.label_names[i]) for i in table.label] == [labels[row] for row in rows]
    assert table.ids == tuple(str(i) for i in range(len(rows)))


def test_all_is_training_then_test(mnist_like: Path, pixels: np.ndarray) -> None:
    table = read(mnist_like, split="all")
    assert np.array_equal(table.x[:, 0], np.concatenate([pixels, pixels[3:]]))


def test_a_set_of_another_name_serves_every_split(
    tmp_path: Path, write_idx: Write, pixels: np.ndarray
) -> None:
    write_idx(tmp_path / "sprite900-images-idx3-ubyte.gz", pixels)
    for split in ("train", "test", "all"):
        table = read(tmp_path, split=split)
        assert np.array_equal(table.x[:, 0], pixels)
        assert table.label is None
        assert any("no official split" in sentence for sentence in table.found)


def test_one_file_is_read_with_its_labels(mnist_like: Path) -> None:
    table = read(mnist_like / "train-images-idx3-ubyte.gz")
    assert table.num_samples == 6
    assert table.label_names == ("0", "1", "2", "4", "5", "9")


def test_gzip_is_told_from_the_bytes_not_the_name(mnist_like: Path, pixels: np.ndarray) -> None:
    path = mnist_like / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert np.array_equal(read(mnist_like).x[:, 0], pixels)


def test_a_missing_split_is_named(mnist_like: Path) -> None:
    (mnist_like / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"test images \(t10k-images.* got only train-im"):
        read(mnist_like, split="test")


def test_two_unnamed_sets_are_ambiguous(
    tmp_path: Path, write_idx: Write, pixels: np.ndarray
) -> None:
    for name in ("a", "b"):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", pixels)
    with pytest.raises(ValueError, match=r"one set of images per split, got a-images.*, b-images"):
        read(tmp_path)


def test_labels_of_another_length_are_refused(mnist_like: Path, write_idx: Write) -> None:
    write_idx(mnist_like / "train-labels-idx1-ubyte.gz", np.arange(5, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"labels in .* must be one per sample \(6\), got 5"):
        read(mnist_like)


def test_labels_of_only_one_part_are_left_out_of_all(mnist_like: Path) -> None:
    (mnist_like / "t10k-labels-idx1-ubyte").unlink()
    table = read(mnist_like, split="all")
    assert table.label is None
    assert any("Labels were left out" in sentence for sentence in table.found)


def test_images_of_other_sizes_cannot_be_joined(mnist_like: Path, write_idx: Write) -> None:
    write_idx(mnist_like / "t10k-images-idx3-ubyte", np.zeros((3, 7, 7), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"one size, got shapes \(6, 4, 5\) and \(3, 7, 7\)"):
        read(mnist_like, split="all")


@pytest.mark.parametrize("keep", [1, 3, 7, 15, 16, 50, 135])
def test_a_truncated_file_is_named(mnist_like: Path, keep: int) -> None:
    path = mnist_like / "train-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    for cut in (content[:keep], gzip.compress(content[:keep])):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match=rf"{path.name}` must (begin|hold|have)"):
            read(mnist_like)


def test_a_truncated_gzip_is_named(mnist_like: Path) -> None:
    path = mnist_like / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=rf"{path.name}` must be a complete gzip file"):
        read(mnist_like)


@pytest.mark.parametrize("packed", [False, True])
def test_more_numbers_than_claimed_are_refused(mnist_like: Path, packed: bool) -> None:
    path = mnist_like / "train-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes()) + b"\0"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ValueError, match=r"got more|longer than it says"):
        read(mnist_like)


def test_wrong_magic_is_shown(mnist_like: Path) -> None:
    (mnist_like / "train-images-idx3-ubyte.gz").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"must begin with IDX's magic number .* '89 50 4e 47'"):
        read(mnist_like)


def test_labels_in_place_of_images_are_refused(mnist_like: Path, write_idx: Write) -> None:
    write_idx(mnist_like / "train-images-idx3-ubyte.gz", np.arange(6, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"must hold images \(3 axes.*\), got 1 axes"):
        read(mnist_like)


def test_zero_images_are_refused(mnist_like: Path, write_idx: Write) -> None:
    write_idx(mnist_like / "train-images-idx3-ubyte.gz", np.zeros((0, 4, 5), dtype=np.uint8))
    with pytest.raises(ValueError, match="must hold samples, got none"):
        read(mnist_like)


@pytest.mark.parametrize("counts", [(4_000_000_000, 28, 28), (400_000, 28, 28)])
@pytest.mark.parametrize("packed", [False, True])
def test_a_header_that_lies_costs_no_memory(
    tmp_path: Path, counts: tuple[int, ...], packed: bool
) -> None:
    # The second claim is one that the packed size allows, so only reading finds the lie.
    content = struct.pack(">HBB3I", 0, 8, 3, *counts) + os.urandom(400_000)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(gzip.compress(content) if packed else content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"must hold the .* its header claims, got"):
            read(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_is_stopped_at_what_its_header_claims(tmp_path: Path) -> None:
    content = struct.pack(">HBB3I", 0, 8, 3, 10, 28, 28) + bytes(50_000_000)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content, 1))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="got more"):
            read(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("folder", ["mnist", "fashion_sprite"])
def test_real_folders_are_read(folder: str) -> None:
    root = os.environ.get("NEBULATENT_DATA")
    if root is None:
        pytest.skip("NEBULATENT_DATA is not set: no real data at hand")
    table = read(Path(root, folder))
    assert table.x.dtype == np.uint8
    assert table.sample_shape == (1, 28, 28)
    assert table.num_samples == {"mnist": 60_000, "fashion_sprite": 900}[folder]
    assert len(table.label_names) == 10
