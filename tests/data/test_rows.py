"""Rows that are read when they are asked for, whatever they are read from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.spies import SpyRows
from nebulatent.data import rows as rows_module
from nebulatent.data.rows import (
    RowNumbers,
    Rows,
    TakenRows,
    blocks,
    held,
    lazy_note,
    positions,
    take_rows,
)

X = np.arange(60, dtype=np.float32).reshape(20, 3)


@pytest.mark.parametrize("x", [X, SpyRows(X), TakenRows(X, np.arange(4))])
def test_arrays_and_readers_are_rows(x: object) -> None:
    assert isinstance(x, Rows)


@given(
    st.one_of(
        st.slices(20), st.lists(st.integers(-20, 19)).map(lambda i: np.array(i, dtype=np.int64))
    )
)
def test_an_index_means_what_it_means_for_an_array(index: slice | np.ndarray) -> None:
    assert np.array_equal(X[positions(index, 20)], X[index])


@pytest.mark.parametrize("wrong", [[20], [-21], [[0]], [0.5], [True]])
def test_wrong_rows_are_refused(wrong: list[object]) -> None:
    with pytest.raises(IndexError, match=r"`rows` must"):
        positions(np.array(wrong), 20)


@given(st.integers(1, 300))
def test_blocks_hold_all_rows_in_order_and_little_at_a_time(size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "BLOCK_BYTES", size)
        parts = list(blocks(X))
    assert np.array_equal(np.concatenate(parts), X)
    assert all(part.nbytes <= max(size, X[0].nbytes) for part in parts)


@given(
    st.lists(st.integers(0, 19), min_size=1),
    st.lists(st.integers(-1, 0), min_size=1).map(np.array),
)
def test_rows_of_rows_are_rows(numbers: list[int], index: np.ndarray) -> None:
    taken = TakenRows(SpyRows(X), np.array(numbers))
    assert taken.shape == (len(numbers), 3) and len(taken) == len(numbers)
    assert np.array_equal(taken[index], X[numbers][index])


def test_many_rows_stay_on_disk_and_few_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "TAKEN_BYTES", 5 * X[0].nbytes)
    spy = SpyRows(X)
    many = take_rows(spy, np.arange(6))
    assert isinstance(many, TakenRows) and spy.read == []
    assert isinstance(take_rows(spy, np.arange(5)), np.ndarray)
    assert isinstance(take_rows(X, np.arange(20)), np.ndarray)


@pytest.mark.parametrize(("lazy", "stays"), [(True, True), (False, False), (None, False)])
def test_what_stays_on_disk_is_said(lazy: bool | None, stays: bool) -> None:
    x = held(SpyRows(X), lazy, "a")
    assert isinstance(x, np.ndarray) is not stays
    assert bool(lazy_note(x)) is stays


def test_large_rows_stay_on_disk_by_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "LAZY_BYTES", X.nbytes - 1)
    assert not isinstance(held(SpyRows(X), None, "a"), np.ndarray)
    monkeypatch.setattr(rows_module, "LAZY_BYTES", X.nbytes)
    assert isinstance(held(SpyRows(X), None, "a"), np.ndarray)


@given(st.slices(20), st.integers(-20, 19))
def test_row_numbers_are_the_ids_they_stand_for(part: slice, row: int) -> None:
    plain, numbers = tuple(map(str, range(20))), RowNumbers(range(20))
    assert tuple(numbers) == plain and numbers[row] == plain[row]
    assert tuple(numbers[part]) == plain[part]
    assert tuple(numbers.take(np.array([3, 1]))) == ("3", "1")
