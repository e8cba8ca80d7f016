"""Labels: numbering, names, and what is refused."""

import numpy as np
import pytest

from nebulatent.data.labels import encode_labels


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (np.array([10, 9, 10]), ("9", "10")),
        (np.array([1.0, -2.0, 1.0]), ("-2", "1")),
        (np.array([[3], [1], [3]]), ("1", "3")),
        (np.array([True, False, True]), ("0", "1")),
        (np.array([b"cat", b"ant", b"cat"]), ("ant", "cat")),
        (["cat", "ant", "cat"], ("ant", "cat")),
        (["10", "9", "10"], ("9", "10")),
        (["03001627", "02691156", "03001627"], ("02691156", "03001627")),
        (["02", "01", "02"], ("1", "2")),
    ],
)
def test_labels_are_numbered_in_sorted_order(values: object, names: tuple[str, ...]) -> None:
    label, got = encode_labels(values, "a")
    assert got == names
    assert label.tolist() == [1, 0, 1]
    assert label.dtype == np.int64


@pytest.mark.parametrize("value", [1.53, np.nan, np.inf, 1e300])
def test_measured_quantities_are_no_labels(value: float) -> None:
    with pytest.raises(
        ValueError, match=r"must be whole numbers or text, got (1\.53|nan|inf|1e\+300)"
    ):
        encode_labels(np.array([1.0, value]), "a")


def test_one_hot_labels_are_refused_with_the_cure() -> None:
    with pytest.raises(ValueError, match=r"one per sample.*\.argmax\(1\)"):
        encode_labels(np.eye(3), "a")
