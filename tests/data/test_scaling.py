"""Scaling: ranges, inverses, JSON."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nebulatent.data.digits import load_digits
from nebulatent.data.scaling import Scaling, check_like, fit_scaling
from nebulatent.data.table import Table, build_table

BYTES = np.arange(256, dtype=np.uint8).reshape(4, 1, 8, 8)


def _table(x: np.ndarray) -> Table:
    return build_table(x, source="a")


def test_bytes_are_divided_by_255_exactly() -> None:
    scaled = fit_scaling(_table(BYTES)).apply(torch.from_numpy(BYTES))
    assert scaled.dtype == torch.float32
    assert np.array_equal(scaled.numpy(), BYTES.astype(np.float32) / np.float32(255))


def test_digits_fill_the_unit_interval() -> None:
    table = load_digits("train")
    scaled = fit_scaling(table).apply(torch.from_numpy(table.x))
    assert np.array_equal(scaled.numpy() * 16, table.x)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 1)),
        (0.1, 0.97, (0, 1)),
        (0, 16, (0, 16)),
        (0, 200, (0, 255)),
        (-0.9, 0.8, (-1, 1)),
        (-3, 5, (-3, 5)),
        (300, 60000, (0, 65535)),
    ],
)
def test_the_range_is_the_full_scale_or_the_data(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    x = np.linspace(low, high, 16, dtype=np.float32).reshape(4, 1, 2, 2)
    scaling = fit_scaling(_table(x))
    assert scaling.shift.item() == pytest.approx(expected[0])
    assert (scaling.shift + scaling.scale).item() == pytest.approx(expected[1])


def test_masks_of_bytes_are_zero_and_one() -> None:
    x = np.tile(np.array([0, 1], dtype=np.uint8), 8).reshape(4, 1, 2, 2)
    assert torch.equal(fit_scaling(_table(x)).apply(torch.from_numpy(x)), torch.from_numpy(x) / 1)


def test_image_values_outside_are_clamped_and_said_so() -> None:
    scaling = fit_scaling(_table(BYTES / np.float32(255)))
    wild = np.array([-1, 0.5, 2, 1], dtype=np.float32).reshape(1, 1, 2, 2)
    assert scaling.apply(torch.from_numpy(wild)).ravel().tolist() == [0, 0.5, 1, 1]
    assert scaling.notes(_table(wild))[0].startswith("50.00% of the values lie outside")
    assert scaling.notes(_table(wild[..., 1:, 1:])) == ()


def test_other_units_are_noticed() -> None:
    unit = _table(BYTES / np.float32(255))
    assert "check their units" in fit_scaling(_table(BYTES)).notes(unit)[0]


def test_the_batch_itself_is_not_changed() -> None:
    for x in (BYTES.astype(np.float32), BYTES[:, 0, 0].astype(np.float32)):
        batch = torch.from_numpy(x.copy())
        fit_scaling(_table(x)).apply(batch)
        assert np.array_equal(batch.numpy(), x)


VECTORS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 20), st.integers(1, 5)),
    elements=st.floats(-1e4, 1e4, width=32),
)


@settings(max_examples=50, deadline=None)
@given(x=VECTORS)
def test_vectors_get_mean_zero_and_deviation_one(x: np.ndarray) -> None:
    x = np.concatenate([x, x[:1] + 2])  # at least two values, not only 0 and 1
    scaled = fit_scaling(_table(x)).apply(torch.from_numpy(x).double())
    varies = torch.from_numpy(x.max(0) > x.min(0))
    torch.testing.assert_close(scaled.mean(0), torch.zeros_like(scaled[0]), atol=1e-6, rtol=0)
    deviation = scaled.std(0, correction=0)[varies]
    torch.testing.assert_close(deviation, torch.ones_like(deviation), atol=1e-6, rtol=0)


def test_a_constant_feature_becomes_zero_whatever_its_value() -> None:
    x = np.stack([np.full(9000, 0.1), np.arange(9000)], axis=1).astype(np.float32)
    scaling = fit_scaling(_table(x))
    assert scaling.scale[0] == 1
    assert torch.equal(scaling.apply(torch.from_numpy(x))[:, 0], torch.zeros(9000))


def test_moments_survive_a_large_offset() -> None:
    x = np.random.default_rng(0).normal(1e6, 1, (9000, 2)).astype(np.float32)
    scaling = fit_scaling(_table(x))
    np.testing.assert_allclose(scaling.scale, x.astype(np.float64).std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(scaling.shift, x.astype(np.float64).mean(axis=0), rtol=1e-12)


def test_binary_vectors_are_left_as_they_are() -> None:
    x = np.eye(4, dtype=np.float32)
    scaling = fit_scaling(_table(x))
    assert scaling.rule == "binary"
    assert torch.equal(scaling.apply(torch.from_numpy(x)), torch.eye(4))
    assert torch.equal(scaling.invert(torch.eye(4)), torch.eye(4))


@pytest.mark.parametrize("x", [BYTES, BYTES / np.float32(3), BYTES[:, 0, 0] / np.float32(3)])
def test_invert_undoes_apply(x: np.ndarray) -> None:
    scaling = fit_scaling(_table(x))
    back = scaling.invert(scaling.apply(torch.from_numpy(x)))
    np.testing.assert_allclose(back.numpy(), x, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("x", [BYTES, BYTES[:, 0, 0] / np.float32(3), np.eye(4, dtype=np.float32)])
def test_json_gives_the_same_scaling_bit_for_bit(x: np.ndarray) -> None:
    scaling = fit_scaling(_table(x))
    again = Scaling.from_json(json.loads(json.dumps(scaling.to_json())))
    assert again.rule == scaling.rule
    assert torch.equal(again.shift, scaling.shift) and torch.equal(again.scale, scaling.scale)


@pytest.mark.parametrize(
    "saved", [{}, {"rule": "log", "shift": 0.0, "scale": 1.0}, {"rule": "unit", "shift": "a"}]
)
def test_a_damaged_description_is_refused(saved: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"`(saved|rule)` must be"):
        Scaling.from_json(saved)


@pytest.mark.parametrize("x", [BYTES / np.float32(3), BYTES[:, 0, 0] / np.float32(3), np.eye(4)])
def test_float64_stays_float64(x: np.ndarray) -> None:
    scaling = fit_scaling(_table(x.astype(np.float32)))
    assert scaling.apply(torch.from_numpy(x).double()).dtype == torch.float64
    assert scaling.apply(torch.from_numpy(x).float()).dtype == torch.float32


@pytest.mark.parametrize(
    ("shape", "expected", "got"),
    [
        ((4,), "vectors of 4 numbers", "vectors of 8 numbers"),
        ((1, 28, 28), "images of 1×28×28", "vectors of 8 numbers"),
    ],
)
def test_another_shape_than_in_training_is_refused(
    shape: tuple[int, ...], expected: str, got: str
) -> None:
    table = _table(BYTES[:, 0, 0].astype(np.float32))
    check_like(table, (8,))
    with pytest.raises(ValueError, match=f"`data` must hold {expected}.* got {got}"):
        check_like(table, shape)
