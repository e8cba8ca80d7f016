"""`.npy` files that stay on disk: the same numbers as in memory, whatever is asked for."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.data import limits
from nebulatent.data import rows as rows_module
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.splits import hold_out

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (12, 4, 5, 4))
ALPHA = RNG.random((12, 4, 5, 4))
ARRAYS = {
    "vectors": RNG.normal(size=(40, 7)).astype(np.float32),
    "doubles": RNG.normal(size=(40, 7)),
    "big endian": RNG.normal(size=(40, 7)).astype(">f8"),
    "half": RNG.normal(size=(40, 7)).astype(np.float16),
    "truth": RNG.random((40, 7)) > 0.5,
    "binary": (RNG.random((40, 7)) > 0.5).astype(np.int8),
    "grey": BYTES[..., 0].astype(np.uint8),
    "grey of whole numbers": BYTES[..., 0],
    "beyond a byte": BYTES[..., 0] + 1,
    "below a byte, late": np.concatenate([BYTES[..., 0], -BYTES[:1, ..., 0]]),
    "mask": BYTES[..., 0] > 99,
    "colour": BYTES[..., :3].astype(np.uint8),
    "colour first": np.moveaxis(BYTES[..., :3], -1, 1).astype(np.int16),
    "transparent": BYTES.astype(np.uint8),
    "transparent floats": ALPHA,
    "transparent floats to 255, told by the last": np.concatenate([ALPHA, 255 * ALPHA]),
    "transparent first": np.moveaxis(BYTES, -1, 1).astype(np.uint8),
    "one row": np.ones((1, 3)),
}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes over the data in many blocks, parts that are not held."""
    monkeypatch.setattr(rows_module, "BLOCK_BYTES", 64)
    monkeypatch.setattr(rows_module, "TAKEN_BYTES", 0)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.usefixtures("small_blocks")
def test_what_stays_on_disk_equals_what_is_in_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, ARRAYS[name])
    eager = read(path, trainable=False, lazy=False)
    lazy = read(path, trainable=False, lazy=True)
    assert isinstance(eager.x, np.ndarray) and not isinstance(lazy.x, np.ndarray)
    assert (lazy.x.shape, lazy.x.dtype, lazy.x.ndim) == (
        eager.x.shape,
        eager.x.dtype,
        eager.x.ndim,
    )
    some = RNG.integers(-len(eager.x), len(eager.x), 30)
    for rows in (slice(None), slice(1, 9, 3), some, some[:0]):
        found = lazy.x[rows]
        assert found.dtype == eager.x.dtype and found.flags.writeable
        assert found.tobytes() == eager.x[rows].tobytes()
    assert lazy.fingerprint == eager.fingerprint
    assert tuple(lazy.ids) == eager.ids
    assert [line for line in lazy.found if "on disk" not in line] == list(eager.found)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "one row"])
@pytest.mark.usefixtures("small_blocks")
def test_scaling_and_parts_are_those_of_the_array_in_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, ARRAYS[name])
    eager, lazy = (read(path, lazy=choice) for choice in (False, True))
    assert fit_scaling(lazy).to_json() == fit_scaling(eager).to_json()
    assert fit_scaling(lazy).notes(lazy) == fit_scaling(eager).notes(eager)
    for mine, theirs in zip(hold_out(lazy), hold_out(eager), strict=True):
        assert not isinstance(mine.x, np.ndarray)
        assert mine.fingerprint == theirs.fingerprint and tuple(mine.ids) == theirs.ids
        assert np.array_equal(mine.low, theirs.low) and np.array_equal(mine.high, theirs.high)
        again = mine.take(np.array([1, 0]))
        assert again.fingerprint == theirs.take(np.array([1, 0])).fingerprint


@given(
    count=st.integers(1, 30),
    width=st.integers(1, 5),
    numbers=st.lists(st.integers(0, 29), max_size=40),
)
def test_any_rows_are_read(
    count: int, width: int, numbers: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npy"
    x = np.arange(count * width, dtype=np.float32).reshape(count, width)
    np.save(path, x)
    rows = np.array([number % count for number in numbers], dtype=np.int64)
    assert np.array_equal(read(path, trainable=False, lazy=True).x[rows], x[rows])


def test_a_large_file_stays_on_disk_by_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", ARRAYS["vectors"])
    monkeypatch.setattr(rows_module, "LAZY_BYTES", 1000)
    table = read(tmp_path / "a.npy")
    assert not isinstance(table.x, np.ndarray)
    assert any(line.startswith("Samples stay on disk") for line in table.found)
    assert isinstance(read(tmp_path / "a.npy", lazy=False).x, np.ndarray)


def test_fortran_order_is_read_whole_by_rule_and_refused_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(ARRAYS["vectors"]))
    monkeypatch.setattr(rows_module, "LAZY_BYTES", 1000)
    assert np.array_equal(read(tmp_path / "a.npy").x, ARRAYS["vectors"])
    with pytest.raises(ValueError, match=r"a\.npy` must store row after row .* Fortran's order"):
        read(tmp_path / "a.npy", lazy=True)


@pytest.mark.usefixtures("small_blocks")
def test_a_value_that_is_not_finite_is_placed(tmp_path: Path) -> None:
    x = ARRAYS["vectors"].copy()
    x[31, 2] = x[39, 0] = np.nan
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(ValueError, match=r"got 2 values of NaN .* in row 31 .*, column 2; remove"):
        read(tmp_path / "a.npy", lazy=True)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0000")


@pytest.mark.parametrize(("damage", "what"), [(_cut, "truncated"), (_grow, "longer than it says")])
def test_a_header_that_lies_about_the_size_is_refused(
    damage: Callable[[Path], None], what: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, ARRAYS["vectors"])
    damage(path)
    with pytest.raises(ValueError, match=rf"a\.npy` must hold the \d+ bytes .* {what}"):
        read(path, lazy=True)


def test_a_file_larger_than_the_memory_is_refused_only_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, ARRAYS["vectors"])
    monkeypatch.setattr(limits, "_physical_memory", lambda: 1000)
    assert read(path, lazy=True).num_samples == 40
    with pytest.raises(ValueError, match=r"a\.npy` must fit in this machine's memory"):
        read(path, lazy=False)


def test_a_file_cut_short_while_it_is_used_is_named(
    tmp_path: Path, is_sentence: Callable[[BaseException], bool]
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, ARRAYS["vectors"])
    table = read(path, lazy=True)
    _cut(path)
    assert np.array_equal(table.x[:39], ARRAYS["vectors"][:39])
    with pytest.raises(ValueError, match=r"a\.npy` must stay as it was .* 4 bytes early") as caught:
        table.x[np.array([0, 39])]
    assert is_sentence(caught.value)


def test_a_file_deleted_while_it_is_used_is_named(
    tmp_path: Path, is_sentence: Callable[[BaseException], bool]
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, ARRAYS["vectors"])
    table = read(path, lazy=True)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.npy` must stay in place") as caught:
        table.x[:2]
    assert is_sentence(caught.value)


@pytest.mark.parametrize("name", ["a.npz", "a.csv"])
def test_other_files_cannot_stay_on_disk(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.npz":
        np.savez(path, x=ARRAYS["vectors"])
    else:
        path.write_text("1,2\n3,4\n")
    with pytest.raises(ValueError, match=rf"`lazy` must be left out for `.*{name}`, got True"):
        read(path, lazy=True)
    assert read(path, lazy=False).num_samples > 1
