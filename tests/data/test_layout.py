"""Axes and types of arrays."""

import numpy as np
import pytest

from nebulatent.data.layout import to_samples

COLOUR = np.random.default_rng(0).integers(0, 256, (2, 5, 6, 3)).astype(np.uint8)


def test_channels_come_first_wherever_they_were() -> None:
    x, _ = to_samples(COLOUR, "a")
    assert np.array_equal(x, COLOUR.transpose(0, 3, 1, 2))
    again, notes = to_samples(x, "a")
    assert np.array_equal(again, x)
    assert "channels × height" in notes[0]


def test_three_axes_are_grey_images() -> None:
    x, notes = to_samples(COLOUR[..., 0], "a")
    assert np.array_equal(x[:, 0], COLOUR[..., 0])
    assert notes == ()


def test_opaque_is_kept_and_transparent_is_white() -> None:
    for white, dtype in ((255, np.uint8), (1, np.float32)):
        pixels = np.zeros((2, 1, 1, 4), dtype=dtype)
        pixels[0, ..., 3] = white
        x, notes = to_samples(pixels, "a")
        assert x.shape == (2, 3, 1, 1)
        assert x[0].max() == 0 and x[1].min() == white
        assert notes == ("Transparency was composed over white.",)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int16])
def test_whole_numbers_of_a_byte_stay_bytes(dtype: type) -> None:
    x, _ = to_samples(COLOUR.astype(dtype), "a")
    assert x.dtype == np.uint8
    assert np.array_equal(x, COLOUR.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("shift", [-1, 1])
def test_whole_numbers_beyond_a_byte_become_floats(shift: int) -> None:
    whole = np.array([[[0, 255]]]) + shift
    x, _ = to_samples(whole, "a")
    assert x.dtype == np.float32
    assert np.array_equal(x[0, 0], whole[0])


def test_true_is_white() -> None:
    x, notes = to_samples(np.array([[[True, False]]]), "a")
    assert x.ravel().tolist() == [255, 0]
    assert len(notes) == 1


@pytest.mark.parametrize("dtype", [bool, np.int32, np.float16, np.float64])
def test_vectors_become_float32(dtype: type) -> None:
    x, _ = to_samples(np.eye(3, dtype=dtype), "a")
    assert x.dtype == np.float32
    assert np.array_equal(x, np.eye(3))


@pytest.mark.parametrize("shape", [(), (5,), (2, 30, 30, 20), (2, 2, 2, 2, 2)])
def test_other_axes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`a` must have shape N×D .* got .*; reshape the array"):
        to_samples(np.zeros(shape), "a")


@pytest.mark.parametrize("array", [np.array([["a", "b"]]), np.ones((2, 2), dtype=complex)])
def test_what_is_no_real_number_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="`a` must hold real numbers, got values of type"):
        to_samples(array, "a")
