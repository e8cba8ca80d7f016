"""Tars in webdataset's layout."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nebulatent.data import rows as rows_module
from nebulatent.data.read import read

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 7, 5, 3)).astype(np.uint8)


def picture(pixels: np.ndarray, kind: str = "png") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=kind)
    return stream.getvalue()


def array(numbers: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, numbers)
    return stream.getvalue()


def pack(path: Path, members: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def pictures(*numbers: int, label: bool = True) -> dict[str, bytes]:
    """Members of some samples: a picture, and its label."""
    members = {}
    for i in numbers:
        members[f"{i:04d}.png"] = picture(PIXELS[i])
        if label:
            members[f"{i:04d}.cls"] = f"{i % 3}\n".encode()
    return members


def channels_first(pixels: np.ndarray) -> np.ndarray:
    return pixels.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("lazy", [None, False, True])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_samples_come_back_as_packed(tmp_path: Path, lazy: bool | None, form: int) -> None:
    long = "a/folder/of/a/name/that/is/so/long/" * 3
    members = {f"{long}{name}": content for name, content in pictures(*range(6)).items()}
    if form == tarfile.USTAR_FORMAT:
        members = pictures(*range(6))
    table = read(pack(tmp_path / "a.tar", members, form), lazy=lazy)
    assert isinstance(table.x, np.ndarray) is not bool(lazy)
    assert np.array_equal(table.x[:], channels_first(PIXELS))
    assert [name[-4:] for name in table.ids] == [f"{i:04d}" for i in range(6)]
    assert table.label is not None and table.label.tolist() == [0, 1, 2, 0, 1, 2]
    assert table.label_names == ("0", "1", "2")


def test_tars_of_a_folder_are_one_set_in_the_order_of_their_names(tmp_path: Path) -> None:
    pack(tmp_path / "set-000001.tar", pictures(4, 5))
    pack(tmp_path / "set-000000.tar", pictures(0, 1, 2, 3))
    (tmp_path / "set.json").write_text("{}")
    lazy, eager = (read(tmp_path, lazy=choice) for choice in (True, False))
    assert np.array_equal(lazy.x[:], channels_first(PIXELS))
    assert np.array_equal(lazy.x[np.array([5, 0])], channels_first(PIXELS[[5, 0]]))
    assert lazy.fingerprint == eager.fingerprint and lazy.ids == eager.ids
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    assert np.array_equal(read(folder).x, eager.x)


def test_names_of_tars_are_the_split(tmp_path: Path) -> None:
    pack(tmp_path / "set-train-000000.tar", pictures(0, 1))
    pack(tmp_path / "set-train-000001.tar", pictures(2, 3))
    pack(tmp_path / "set-val-000000.tar", pictures(4, 5))
    train, test, everything = (read(tmp_path, split=part) for part in ("train", "test", "all"))
    assert train.ids == ("0000", "0001", "0002", "0003") and test.ids == ("0004", "0005")
    assert everything.ids == train.ids + test.ids
    (tmp_path / "set-val-000000.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold the test samples .*; choose another"):
        read(tmp_path, split="test")


def test_keys_that_repeat_in_other_tars_are_told_apart(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar", pictures(0, 1))
    pack(tmp_path / "b.tar", pictures(0, 1))
    assert read(tmp_path).ids == ("a/0000", "a/0001", "b/0000", "b/0001")


@pytest.mark.parametrize(
    "numbers",
    [
        RNG.normal(size=(6, 9)),
        RNG.normal(size=(6, 9)).astype(">f4"),
        PIXELS,
        PIXELS.astype(np.int64),
        PIXELS[..., 0] - 1.0,
    ],
)
def test_arrays_are_samples_too(tmp_path: Path, numbers: np.ndarray) -> None:
    for shard in (0, 1):
        rows = range(3 * shard, 3 * shard + 3)
        pack(tmp_path / f"{shard}.tar", {f"{i}.npy": array(numbers[i]) for i in rows})
    np.save(tmp_path / "all.npy", numbers)
    (tmp_path / "whole").mkdir()
    whole = read((tmp_path / "all.npy").rename(tmp_path / "whole" / "all.npy"))
    (tmp_path / "whole" / "all.npy").rename(tmp_path / "all.npy")
    (tmp_path / "whole").rmdir()
    for lazy in (True, False):
        table = read(tmp_path, lazy=lazy)
        assert table.fingerprint == whole.fingerprint
        assert np.array_equal(table.x[np.array([4, 0, 5])], whole.x[[4, 0, 5]])


def test_a_tar_stays_on_disk_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1))
    assert isinstance(read(path).x, np.ndarray)
    monkeypatch.setattr(rows_module, "LAZY_BYTES", 100)
    assert not isinstance(read(path).x, np.ndarray)


def test_other_members_hidden_files_and_folders_are_not_read(tmp_path: Path) -> None:
    members = pictures(0, 1)
    members |= {"0001.json": b"{}", "0001.seg.png": b"no picture", "._0001.png": b"", "README": b""}
    path = pack(tmp_path / "a.tar", members)
    with tarfile.open(path, "a") as tar:
        folder = tarfile.TarInfo("images.png")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    table = read(path)
    assert table.num_samples == 2
    assert "Members not read: json, seg.png (2)." in table.found


def test_labels_of_a_part_of_the_samples_are_left_out(tmp_path: Path) -> None:
    table = read(pack(tmp_path / "a.tar", pictures(0, 1) | pictures(2, label=False)))
    assert table.label is None and any("Labels were left out" in line for line in table.found)


@pytest.mark.parametrize("name", ["/etc/passwd.png", "../../up.png", "./a.png"])
def test_names_lead_nowhere(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside" / "deep"
    path = pack(inside / "a.tar", {name: picture(PIXELS[0]), "b.png": picture(PIXELS[1])})
    before = sorted(tmp_path.rglob("*"))
    for lazy in (True, False):
        assert np.array_equal(read(path, lazy=lazy).x[:1], channels_first(PIXELS[:1]))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1))
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("0002.png")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(ValueError, match=r"must hold plain files and folders, got '0002\.png'"):
        read(path)


BROKEN = {
    "two pictures": (
        pictures(0, 1) | {"0001.jpg": picture(PIXELS[1], "jpeg")},
        r"sample '0001' .* must have one picture or \.npy array, got only members cls, jpg, png",
    ),
    "no picture": (
        pictures(0, 1) | {"0002.cls": b"1"},
        r"sample '0002' in `.*a\.tar` must have one picture .* got only members cls; keep",
    ),
    "apart": (
        dict(sorted(pictures(0, 1).items(), key=lambda item: item[0][-3:])),
        r"sample '0000' .* keep the members of a sample side by side",
    ),
    "damaged picture": (
        pictures(0, 1) | {"0002.png": picture(PIXELS[2])[:40]},
        r"a\.tar, member 0002\.png` must be a complete picture",
    ),
    "long label": (pictures(0) | {"0000.cls": b"a" * 2000}, r"0000\.cls` must hold a label"),
    "binary label": (pictures(0) | {"0000.cls": b"\xff\xfe\0"}, r"0000\.cls` must hold a label"),
    "empty label": (pictures(0) | {"0000.cls": b" \n"}, r"0000\.cls` must hold a label"),
    "mixed": (
        pictures(0) | {"b.npy": array(PIXELS[0])},
        r"must hold pictures or \.npy arrays, got 1 arrays and 1 pictures",
    ),
    "shapes": (
        {"a.npy": array(np.zeros(3)), "b.npy": array(np.zeros(4))},
        r"b\.npy` must have the shape and type of the first sample \(float64\[3\]\), got .*\[4\]",
    ),
    "fortran": ({"a.npy": array(np.asfortranarray(PIXELS[0]))}, r"must store row after row"),
    "header": ({"a.npy": array(np.zeros(3))[:-4]}, r"a\.npy` must hold the \d+ bytes .*truncated"),
    "pickle": ({"a.npy": array(np.array([{}]))}, r"a\.npy` must hold plain arrays, got Python obj"),
    "nothing": ({"README": b"hello"}, r"a\.tar` must hold samples, got no member named KEY\.png"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_members_that_are_no_samples_are_refused(
    tmp_path: Path, name: str, is_sentence: Callable[[BaseException], bool]
) -> None:
    members, sentence = BROKEN[name]
    with pytest.raises(ValueError, match=sentence) as caught:
        read(pack(tmp_path / "a.tar", members))
    assert is_sentence(caught.value)


def test_a_tar_cut_anywhere_is_refused(
    tmp_path: Path, is_sentence: Callable[[BaseException], bool]
) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1, 2))
    content = path.read_bytes()
    end = len(content.rstrip(b"\0"))
    for length in range(1, end, 137):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"must be a complete tar file") as caught:
            read(path)
        assert is_sentence(caught.value)


def test_a_tar_cut_between_members_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1, 2))
    with tarfile.open(path) as tar:
        places = [member.offset for member in tar]
    content = path.read_bytes()
    for place in places[1:]:
        path.write_bytes(content[:place])
        with pytest.raises(ValueError, match=r"must be a complete tar file"):
            read(path)


def test_a_damaged_header_does_not_hide_what_follows(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1, 2))
    with tarfile.open(path) as tar:
        place = tar.getmembers()[2].offset
    content = bytearray(path.read_bytes())
    content[place + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a complete tar file"):
        read(path)


def test_a_packed_tar_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1))
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ValueError, match=r"must be a complete tar file, not compressed"):
        read(path)


@pytest.mark.parametrize("size", [-512, -(2**60), 2**60])
def test_a_size_that_leads_back_or_beyond_is_refused(tmp_path: Path, size: int) -> None:
    path = pack(tmp_path / "a.tar", pictures(0, 1))
    with tarfile.open(path) as tar:
        place = tar.getmembers()[1].offset
    content = bytearray(path.read_bytes())
    content[place + 124 : place + 136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    content[place + 148 : place + 156] = b" " * 8
    total = sum(content[place : place + 512])
    content[place + 148 : place + 156] = b"%06o\0 " % total
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be a complete tar file"):
        read(path)


@pytest.mark.parametrize("damage", ["delete", "cut"])
@pytest.mark.parametrize("kind", ["pictures", "arrays"])
def test_a_tar_lost_while_it_is_used_is_named(
    tmp_path: Path, damage: str, kind: str, is_sentence: Callable[[BaseException], bool]
) -> None:
    arrays = {f"{i}.npy": array(PIXELS[i]) for i in range(3)}
    path = pack(tmp_path / "a.tar", arrays if kind == "arrays" else pictures(0, 1, 2))
    table = read(path, lazy=True)
    if damage == "delete":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:600])
    with pytest.raises((ValueError, FileNotFoundError), match=r"a\.tar` must stay") as caught:
        table.x[:]
    assert is_sentence(caught.value)


@settings(max_examples=300)
@given(place=st.integers(0, 10_000), new=st.binary(min_size=1, max_size=20), insert=st.booleans())
def test_any_damage_is_a_table_or_one_sentence(
    place: int,
    new: bytes,
    insert: bool,
    tmp_path_factory: pytest.TempPathFactory,
    is_sentence: Callable[[BaseException], bool],
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.tar"
    content = pack(path, pictures(0, 1)).read_bytes()
    place %= len(content.rstrip(b"\0"))
    path.write_bytes(content[:place] + new + content[place + (0 if insert else len(new)) :])
    try:
        table = read(path, trainable=False, lazy=True)
    except (ValueError, FileNotFoundError) as error:
        assert is_sentence(error), str(error)
    else:
        assert len(table.x[:]) == len(table.ids)
