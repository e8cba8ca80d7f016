"""Grids kept as bits are the grids, and pairs that do not go together are refused."""

import numpy as np
import pytest
import torch

from nebulatent.data.batch import Batches
from nebulatent.data.rows import Rows
from nebulatent.data.voxel_pairs import PackedGrids, VoxelPairs, to_pairs


def grids(count: int = 5, side: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 1, side, side, side)) < 0.4


def pairs(count: int = 5) -> VoxelPairs:
    label = np.arange(count) % 2
    ids = tuple(f"p{i}" for i in range(count))
    return to_pairs(grids(count), grids(count, seed=1), label, ("a", "b"), ids)


@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_every_row_is_what_was_packed(side: int) -> None:
    cells = grids(6, side)
    packed = PackedGrids.of(cells)
    assert isinstance(packed, Rows) and packed.shape == cells.shape
    assert packed.bits.nbytes == 6 * -(-(side**3) // 8)
    for rows in (slice(None), slice(1, 4), np.array([4, 0, 4]), np.array([-1])):
        assert np.array_equal(packed[rows], cells[rows]) and packed[rows].dtype == bool
        assert np.array_equal(packed.take(rows)[:], cells[rows])
    with pytest.raises(IndexError, match=r"must lie in 0\.\.5"):
        packed[np.array([6])]


@pytest.mark.parametrize(
    "bits", [np.zeros((2, 3), np.uint8), np.zeros((2, 4), np.int64), np.zeros(4, np.uint8)]
)
def test_bits_of_another_size_are_refused(bits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="`bits` must be 4 bytes for each grid of 3³ cells"):
        PackedGrids(bits, 3)


def test_pairs_are_taken_together_and_told_apart() -> None:
    whole = pairs()
    few = whole.take(np.array([3, 1]))
    assert few.ids == ("p3", "p1") and few.label.tolist() == [1, 1]
    assert np.array_equal(few.partial[:], grids()[[3, 1]])
    assert (few.num_pairs, few.resolution) == (2, 3)
    assert whole.fingerprint == pairs().fingerprint != few.fingerprint
    bits = whole.whole.bits.copy()
    bits[2, 0] ^= 128
    assert whole._replace(whole=PackedGrids(bits, 3)).fingerprint != whole.fingerprint
    assert whole._replace(label=1 - whole.label).fingerprint != whole.fingerprint


def test_batches_read_pairs_by_row() -> None:
    made = pairs(6)
    batches = Batches(made.partial, y=made.whole, batch_size=3, prepare=torch.Tensor.float)
    seen = {}
    for batch in batches.epoch(0):
        assert batch.y is not None and batch.x.dtype == torch.float32
        for x, y in zip(batch.x, batch.y, strict=True):
            seen[x.numpy().astype(bool).tobytes()] = y.numpy()
    for x, y in zip(made.partial[:], made.whole[:], strict=True):
        assert np.array_equal(seen[x.tobytes()], y)


def test_what_is_no_set_of_pairs_is_refused() -> None:
    good = grids()
    label, ids = np.zeros(5, int), tuple("abcde")
    for partial, whole in ((good[:4], good), (good[..., :2], good[..., :2]), (good[:0], good[:0])):
        with pytest.raises(ValueError, match=r"must be \(pairs, 1, n, n, n\)"):
            to_pairs(partial, whole, label, ("a",), ids)
    with pytest.raises(ValueError, match="one for each of 5 pairs, got 4 and 5"):
        to_pairs(good, good, label[:4], ("a",), ids)
