"""Held-out samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nebulatent.data.splits import hold_out
from nebulatent.data.table import Table, build_table


def _table(count: int, labels: list[int] | None = None) -> Table:
    x = np.arange(count, dtype=np.float32).reshape(-1, 1)
    return build_table(x, source="a", labels=labels)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(2, 50), share=st.floats(0.01, 0.99), seed=st.integers(0, 5))
def test_every_sample_is_in_exactly_one_part_in_order(count: int, share: float, seed: int) -> None:
    train, test = hold_out(_table(count), share, seed)
    parts = [list(map(int, part.ids)) for part in (train, test)]
    assert sorted(parts[0] + parts[1]) == list(range(count))
    assert all(part and part == sorted(part) for part in parts)
    assert abs(len(parts[1]) - share * count) <= 1


def test_the_seed_decides() -> None:
    table = _table(50)
    assert hold_out(table, seed=1)[1].ids == hold_out(table, seed=1)[1].ids
    assert hold_out(table, seed=1)[1].ids != hold_out(table, seed=2)[1].ids


def test_labels_do_not_influence_the_choice() -> None:
    plain, labelled = _table(50), _table(50, [i % 7 for i in range(50)])
    assert hold_out(plain)[1].ids == hold_out(labelled)[1].ids


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_outside_zero_and_one_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="`share` must lie between 0 and 1, got"):
        hold_out(_table(5), share)


def test_one_sample_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="`table` must hold at least 2 samples, got 1"):
        hold_out(_table(1))
