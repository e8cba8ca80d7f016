"""Few labels: which ones, how many of each class, and what a classifier makes of them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.evaluation.label_fractions import label_fractions, labelled_rows
from nebulatent.evaluation.levels import Curve, Level, same_levels
from nebulatent.evaluation.svm import svm_accuracy


def blobs(seed: int, apart: float = 3.0, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    return apart * np.eye(3, 6)[label] + rng.normal(size=(count, 6)), label


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    fraction=st.floats(1e-3, 1.0),
    seed=st.integers(0, 9),
)
def test_every_class_keeps_its_share_and_at_least_one(
    sizes: list[int], fraction: float, seed: int
) -> None:
    label = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = labelled_rows(label, fraction, seed=seed)
    assert len(np.unique(rows)) == len(rows) and (np.diff(rows) > 0).all()
    for number, size in enumerate(sizes):
        kept = int((label[rows] == number).sum())
        assert kept == max(1, int(np.floor(fraction * size + 0.5)))


def test_labels_of_a_small_share_are_among_those_of_a_larger_one() -> None:
    label = blobs(0)[1]
    shares = [set(labelled_rows(label, share, draw=2).tolist()) for share in (0.05, 0.2, 0.5, 1.0)]
    assert all(few < more for few, more in pairwise(shares))
    assert shares[-1] == set(range(120))


def test_draws_and_seeds_choose_other_labels_and_repeat() -> None:
    label = blobs(0)[1]
    chosen = [tuple(labelled_rows(label, 0.2, draw=d, seed=s)) for d, s in ((0, 0), (1, 0), (0, 1))]
    assert len(set(chosen)) == 3
    assert tuple(labelled_rows(label, 0.2)) == chosen[0]


def test_all_labels_give_the_usual_probe() -> None:
    sets = (*blobs(0), *blobs(1))
    last = label_fractions(*sets, fractions=(0.1, 1.0), draws=2).levels[-1]
    assert last.values == (svm_accuracy(*sets).accuracy,)
    assert (last.at, last.name, last.std) == (1.0, "100 % (120)", 0.0)


def test_one_label_of_a_class_is_enough_to_be_better_than_chance_and_more_are_better() -> None:
    found = label_fractions(*blobs(0), *blobs(1), fractions=(0.01, 0.1, 1.0))
    one, some, every = found.levels
    assert (one.text, one.note) == ("1 %", "3") and len(one.values) == 5
    assert 0.45 < one.mean < some.mean < every.mean
    assert one.std > some.std > 0
    assert "over 5 draws" in found.convention


def test_samples_whose_labels_are_not_read_train_nothing() -> None:
    (x, y), test = blobs(0), blobs(1)
    other = np.random.default_rng(5).normal(size=x.shape) * 50
    rows = labelled_rows(y, 0.1)
    other[rows] = x[rows]
    found = [label_fractions(z, y, *test, fractions=(0.1,), draws=1) for z in (x, other)]
    assert found[0] == found[1]
    assert found[0].levels[0].values == (svm_accuracy(x[rows], y[rows], *test).accuracy,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fractions": (0.0,)}, r"`fraction` must be above 0 and at most 1, got 0\.0"),
        ({"fractions": (1.5,)}, r"`fraction` must be above 0 and at most 1, got 1\.5"),
        ({"draws": 0}, "`draws` must be positive, got 0"),
    ],
)
def test_impossible_options_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        label_fractions(*blobs(0), *blobs(1), **changes)  # type: ignore[arg-type]


def test_one_class_and_missing_features_are_refused() -> None:
    x, y = blobs(0)
    with pytest.raises(ValueError, match="at least two classes, got one"):
        label_fractions(x, 0 * y, x, y)
    with pytest.raises(ValueError, match="`features` must be finite"):
        label_fractions(x, y, np.where(x > 3, np.nan, x), y)


def test_levels_have_mean_and_spread_and_can_be_saved() -> None:
    level = Level(0.1, "10 %", (0.5, 0.7, 0.6), "4")
    assert (level.mean, level.std) == (pytest.approx(0.6), pytest.approx(0.1))
    assert level.name == "10 % (4)"
    curve = Curve("labels", "share", "How.", (Level(None, "all", (1.0,)), level))
    first, second = curve.to_json()["levels"]
    assert first == {"at": None, "mean": 1.0, "std": 0.0, "values": [1.0]}
    assert second["values"] == [0.5, 0.7, 0.6]
    assert same_levels([curve, curve]) == curve.levels
    with pytest.raises(ValueError, match="same levels, got 2 scales"):
        same_levels([curve, curve._replace(levels=(level,))])
