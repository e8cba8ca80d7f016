"""Tables: checks at the door, and what a table says of itself."""

import numpy as np
import pytest

from nebulatent.data.table import build_table, check_trainable

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)


def test_ids_are_row_numbers_unless_given() -> None:
    assert build_table(VECTORS, source="a").ids == ("0", "1", "2", "3")
    assert build_table(VECTORS, source="a", ids=list("wxyz")).ids == ("w", "x", "y", "z")


def test_take_keeps_each_sample_with_its_id_and_label() -> None:
    table = build_table(VECTORS, source="a", ids=list("wxyz"), labels=["b", "a", "b", "c"])
    part = table.take(np.array([3, 1]))
    assert np.array_equal(part.x, VECTORS[[3, 1]])
    assert part.ids == ("z", "x")
    assert part.label is not None
    assert [part.label_names[i] for i in part.label] == ["c", "a"]


@pytest.mark.parametrize(
    "other",
    [
        build_table(VECTORS + 1, source="a"),
        build_table(VECTORS.reshape(3, 4), source="a"),
        build_table(VECTORS.reshape(1, 1, 3, 4), source="a"),
        build_table(VECTORS.astype(np.uint8), source="a"),
        build_table(VECTORS, source="a", labels=[0, 1, 0, 1]),
        build_table(VECTORS[::-1], source="a"),
    ],
)
def test_fingerprint_sees_values_shape_type_labels_and_order(other: object) -> None:
    assert build_table(VECTORS, source="a").fingerprint != other.fingerprint


def test_fingerprint_sees_neither_name_nor_memory_order() -> None:
    columns_first = np.asfortranarray(VECTORS)
    one, two = build_table(VECTORS, source="a"), build_table(columns_first, source="b")
    assert one.fingerprint == two.fingerprint


def test_fingerprint_of_a_part_is_that_of_the_same_samples_read_alone() -> None:
    part = build_table(VECTORS, source="a", labels=[0, 1, 0, 1]).take(np.array([0, 1]))
    alone = build_table(VECTORS[:2], source="a", labels=[0, 1])
    assert part.fingerprint == alone.fingerprint


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`a` must hold samples, got none \(shape 0×3\)\."):
        build_table(VECTORS[:0], source="a")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_the_first_is_placed(value: float) -> None:
    x = VECTORS.copy()
    x[2, 1] = x[3, 0] = value
    with pytest.raises(ValueError, match=r"got 2 values of NaN or infinity.* row 2 .*, column 'q'"):
        build_table(x, source="a", columns=["p", "q", "r"])


def test_a_pixel_that_is_not_finite_is_placed() -> None:
    x = VECTORS.reshape(2, 1, 2, 3).copy()
    x[1, 0, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"got 1 value of .* row 1 .*, pixel \(0, 1, 2\)"):
        build_table(x, source="a")


@pytest.mark.parametrize("what", ["labels", "ids"])
def test_labels_and_ids_of_another_length_are_refused(what: str) -> None:
    with pytest.raises(ValueError, match=rf"{what} in `a` must be one per sample \(4\), got 3"):
        build_table(VECTORS, source="a", **{what: ["a", "b", "c"]})


def test_constant_features_are_kept_and_named() -> None:
    x = VECTORS.copy()
    x[:, 1] = 7
    table = build_table(x, source="a", columns=["p", "q", "r"])
    assert np.array_equal(table.x, x)
    assert table.found[-1] == "The same in every sample, kept: column 'q'."


def test_constant_pixels_are_counted() -> None:
    x = np.zeros((2, 1, 2, 2), dtype=np.uint8)
    x[0, 0, 0, 0] = 1
    assert "3 of 4 pixel values" in build_table(x, source="a").found[-1]


def test_samples_that_are_all_the_same_cannot_be_trained_on() -> None:
    table = build_table(np.ones((5, 3), dtype=np.float32), source="a")
    with pytest.raises(ValueError, match="must hold samples that differ, got 5 that are all the"):
        check_trainable(table, "a")


def test_a_single_sample_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="must hold at least 2 samples to train on, got 1"):
        check_trainable(build_table(VECTORS[:1], source="a"), "a")
