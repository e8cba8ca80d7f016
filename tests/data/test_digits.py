"""The digits that ship with scikit-learn."""

import numpy as np

from nebulatent.data.digits import load_digits


def test_statistics_are_those_of_the_docstring() -> None:
    train, test, every = (load_digits(split) for split in ("train", "test", "all"))
    assert [part.num_samples for part in (train, test, every)] == [1438, 359, 1797]
    assert every.sample_shape == (1, 8, 8)
    assert (every.x.min(), every.x.max()) == (0, 16)
    assert every.label_names == tuple("0123456789")


def test_train_and_test_are_disjoint_and_everything() -> None:
    train, test = load_digits("train"), load_digits("test")
    assert sorted(map(int, train.ids + test.ids)) == list(range(1797))


def test_ids_point_into_the_whole() -> None:
    test, every = load_digits("test"), load_digits("all")
    rows = np.array([int(name) for name in test.ids])
    assert np.array_equal(test.x, every.x[rows])
