"""Whatever bytes a file holds, reading it gives a table or one sentence."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from nebulatent.data.read import read
from nebulatent.data.table import Table

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 12, 12)).astype(np.uint8)


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


def _picture(extension: str) -> bytes:
    kind = {"jpg": "JPEG"}.get(extension, extension.upper())
    return _saved(lambda stream: Image.fromarray(PIXELS[0]).save(stream, format=kind))


_IDX = b"\0\0\x08\x03" + np.array(PIXELS.shape, dtype=">u4").tobytes() + PIXELS.tobytes()
VALID = {
    "a.npy": _saved(lambda stream: np.save(stream, PIXELS)),
    "a.npz": _saved(lambda stream: np.savez(stream, x=PIXELS, y=np.arange(3))),
    "packed/a.npz": _saved(lambda stream: np.savez_compressed(stream, x=PIXELS, y=np.arange(3))),
    "a.csv": b'id,x,"y y",label\na,1,2.5,cat\nb,-3e2,4,dog\n',
    "a.txt": b"1 2 3\n4 5 6\n",
    "train-images-idx3-ubyte": _IDX,
    "packed/train-images-idx3-ubyte.gz": gzip.compress(_IDX),
    "train-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x03\x01\x02\x03",
    **{f"a.{kind}": _picture(kind) for kind in ("png", "jpg", "bmp", "webp", "gif")},
}


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content cut off, with some bytes changed, with bytes put in, or replaced entirely."""
    how = draw(st.sampled_from(["cut", "change", "insert", "replace"]))
    if how == "cut":
        return content[: draw(st.integers(0, len(content) - 1))]
    if how == "replace":
        return draw(st.binary(max_size=200))
    place = draw(st.integers(0, len(content) - 1))
    new = draw(st.binary(min_size=1, max_size=4))
    rest = content[place + (len(new) if how == "change" else 0) :]
    return content[:place] + new + rest


def _read_or_sentence(
    path: Path, is_sentence: Callable[[BaseException], bool], lazy: bool | None = None
) -> Table | None:
    try:
        return read(path, trainable=False, lazy=lazy)
    except (ValueError, FileNotFoundError, OSError) as error:
        assert is_sentence(error), str(error)
        return None


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_give_one_sentence(
    data: st.DataObject,
    name: str,
    is_sentence: Callable[[BaseException], bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz" / name
    folder.mkdir(parents=True, exist_ok=True)
    file = Path(name).name
    (folder / file).write_bytes(data.draw(damaged(VALID[name])))
    if "labels" in file:
        (folder / "train-images-idx3-ubyte").write_bytes(_IDX)
    is_array = file.endswith((".npy", ".npz", ".csv", ".txt"))
    table = _read_or_sentence(folder / file if is_array else folder, is_sentence)
    if table is not None:
        assert len(table.ids) == len(table.x) > 0
        assert np.isfinite(table.x).all()


@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.jpg"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_that_stay_on_disk_give_one_sentence_or_the_same_values(
    data: st.DataObject,
    name: str,
    is_sentence: Callable[[BaseException], bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "lazy fuzz" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.draw(damaged(VALID[name])))
    place = folder / name if name == "a.npy" else folder
    lazy = _read_or_sentence(place, is_sentence, lazy=True)
    eager = _read_or_sentence(place, is_sentence, lazy=False)
    if lazy is not None and eager is not None:
        assert np.array_equal(lazy.x[:], eager.x)
        assert lazy.fingerprint == eager.fingerprint


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(
        st.sampled_from("0123456789.,;\t \n\r\"'eE+-_abnif\0\ufeffé")
        | st.characters(codec="utf-8"),
        max_size=80,
    )
)
@example(text="1\0,2\n3,4\n")
@example(text="\r\n\r\n,\n")
def test_any_text_is_a_table_or_one_sentence(
    text: str,
    is_sentence: Callable[[BaseException], bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode())
    _read_or_sentence(path, is_sentence)


@settings(max_examples=80, deadline=None)
@given(
    header=st.text(st.sampled_from("{}()[]'\":, descrfotan_shpTFule<>|iOUV0123456789"), max_size=80)
)
@example(header="{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }")
@example(header="{'descr': '|O', 'fortran_order': False, 'shape': (2,), }")
@example(header="(" * 80)
def test_any_header_of_an_npz_gives_one_sentence(
    header: str,
    is_sentence: Callable[[BaseException], bool],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.npz"
    text = header.encode() + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + bytes([len(text), 0]) + text + bytes(24))
    assert _read_or_sentence(path, is_sentence) is None
