"""`.npy` and `.npz` files."""

import io
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nebulatent.data.read import read

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
IMAGES = np.arange(80, dtype=np.uint8).reshape(4, 4, 5)
LABELS = np.array([7, 3, 7, 5])


class Trap:
    """Leaves a trace if it is ever unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return pytest.fail, ("a pickle was executed",)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _header(shape: str, kind: str = "'<f4'") -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("array", [VECTORS, IMAGES, np.asfortranarray(VECTORS)])
def test_an_npy_is_read(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    table = read(tmp_path / "a.npy")
    assert np.array_equal(table.x.reshape(array.shape), array)
    assert table.kind == ("vectors" if array.ndim == 2 else "images")
    assert table.label is None and table.label_names == ()


@settings(max_examples=30, deadline=None)
@given(
    x=hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 5), st.integers(1, 4)),
        elements=st.floats(-1e6, 1e6, width=32),
    ),
    label=hnp.arrays(np.int64, 5, elements=st.integers(-5, 5)),
    packed=st.booleans(),
)
def test_samples_labels_and_ids_come_back_as_saved(
    x: np.ndarray, label: np.ndarray, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.npz"
    ids = np.array([f"n{i}" for i in range(len(x))])[::-1]
    (np.savez_compressed if packed else np.savez)(path, y=label[: len(x)], X=x, ids=ids)
    table = read(path, trainable=False)
    np.testing.assert_array_equal(table.x, x)
    assert table.ids == tuple(ids)
    assert table.label is not None
    assert [int(table.label_names[i]) for i in table.label] == label[: len(x)].tolist()


@pytest.mark.parametrize("name", ["x", "X", "data", "images", "arr_0", "codes"])
def test_the_samples_are_found_by_name_or_axes(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "a.npz", **{name: VECTORS, "note": np.arange(9)})
    table = read(tmp_path / "a.npz")
    assert np.array_equal(table.x, VECTORS)
    assert f"Samples are {name}; not read: note." in table.found


def test_several_candidates_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", left=VECTORS, right=VECTORS)
    with pytest.raises(ValueError, match=r"one array of samples.* got left \(4×3\), right \(4×3\)"):
        read(tmp_path / "a.npz")


def test_an_npz_without_arrays_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"one array of samples.* got no array"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("names", ["{}_{}", "{1}_{0}"])
def test_official_splits_inside_an_npz(tmp_path: Path, names: str) -> None:
    x, y = ("images", "labels") if names.startswith("{1}") else ("x", "y")
    entries = {
        names.format(x, "train"): IMAGES,
        names.format(y, "train"): LABELS,
        names.format(x, "test"): IMAGES[:2],
        names.format(y, "test"): LABELS[:2],
    }
    np.savez(tmp_path / "a.npz", **entries)
    counts = {"train": 4, "test": 2, "all": 6}
    for split, count in counts.items():
        table = read(tmp_path / "a.npz", split=split)
        assert table.num_samples == count
        assert table.label is not None
    assert np.array_equal(table.x[:, 0], np.concatenate([IMAGES, IMAGES[:2]]))


def test_a_missing_part_of_an_npz_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=VECTORS)
    with pytest.raises(FileNotFoundError, match=r"test samples \(x_test\), got only x_train"):
        read(tmp_path / "a.npz", split="test")


def test_labels_of_another_length_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=VECTORS, y=LABELS[:3])
    with pytest.raises(ValueError, match=r"labels in .* must be one per sample \(4\), got 3"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("where", ["x", "y", "extra"])
def test_pickled_objects_in_an_npz_are_refused_and_never_unpickled(
    tmp_path: Path, where: str
) -> None:
    entries: dict[str, np.ndarray] = {"x": VECTORS, where: np.array([Trap()] * 4, dtype=object)}
    np.savez(tmp_path / "a.npz", allow_pickle=True, **entries)
    with pytest.raises(
        ValueError, match=rf"entry '{where}'` .* \(a pickle\), which are refused and never unp"
    ):
        read(tmp_path / "a.npz")


def test_pickled_objects_in_an_npy_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(
        ValueError, match=r"a\.npy` .* \(a pickle\), which are refused and never unp"
    ):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_bare_pickle_is_refused_and_never_unpickled(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=rf"{name}` must be"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "array", [np.zeros(3, dtype=[("a", "f4")]), np.ones((3, 2), dtype=complex)]
)
def test_other_types_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match="must hold real numbers"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("keep", [4, 9, 60, 128, 170])
def test_a_truncated_npy_is_named(tmp_path: Path, keep: int) -> None:
    (tmp_path / "a.npy").write_bytes(_npy(VECTORS)[:keep])
    with pytest.raises(ValueError, match=r"a\.npy` must (begin with a NumPy header|hold the)"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("keep", [3, 100, 300])
def test_a_truncated_npz_is_named(tmp_path: Path, keep: int) -> None:
    np.savez(tmp_path / "a.npz", x=VECTORS)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"a\.npz` must be a complete \.npz file"):
        read(tmp_path / "a.npz")


def test_a_damaged_byte_in_an_npz_is_noticed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=VECTORS)
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[content.index(VECTORS.tobytes()) + 5] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"entry 'x'` must begin .* truncated, damaged or"):
        read(tmp_path / "a.npz")


SHAPES = ["(4000000000, 1000)", "(4, 99999999999999999999)", f"({'9' * 4000}, {'9' * 4000})"]


@pytest.mark.parametrize("shape", [*SHAPES, "(-1, 3)", "(2, 2)", "(4, 3"])
def test_an_npy_header_that_lies_costs_nothing(tmp_path: Path, shape: str) -> None:
    (tmp_path / "a.npy").write_bytes(_header(shape) + VECTORS.tobytes())
    _assert_cheap_refusal(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", SHAPES)
def test_an_npz_header_that_lies_costs_nothing(tmp_path: Path, shape: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", _header(shape) + VECTORS.tobytes())
    _assert_cheap_refusal(tmp_path / "a.npz")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.npy", _npy(VECTORS) + bytes(50_000_000))
    _assert_cheap_refusal(tmp_path / "a.npz")


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", _npy(VECTORS))
    with pytest.raises(ValueError, match="must be stored or deflated"):
        read(tmp_path / "a.npz")


def _assert_cheap_refusal(path: Path) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"{path.name}.*` must (hold|begin)"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
