"""Tensors in a file: complete, written at once or not at all, never unpickled, never wrong."""

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nebulatent.latents.anchors import AnchorSet
from nebulatent.training.tensor_files import (
    FORMAT,
    check_weights,
    load_tensors,
    load_weights,
    save_tensors,
)
from nebulatent.training.tensor_frame import DTYPES, MAX_HEADER

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "empty": torch.zeros(0, 4)}


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Whether two sets of tensors agree in names, types and every bit."""
    return found.keys() == expected.keys() and all(
        found[k].dtype == expected[k].dtype and torch.equal(found[k], expected[k]) for k in found
    )


def method(seed: int = 0) -> nn.Module:
    """A layer and anchors, which have a state beside their parameters."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 2), AnchorSet(4, 2))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A file of `TENSORS`."""
    save_tensors(tmp_path / "w", TENSORS, {"epoch": 1})
    return tmp_path / "w"


def test_tensors_and_header_come_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", TENSORS, {"note": "ü", "history": [{"a": 1e-300}]})
    tensors, header = load_tensors(tmp_path / "w")
    assert equal(tensors, TENSORS)
    assert header == {"format": FORMAT, "note": "ü", "history": [{"a": 1e-300}]}


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_every_type_comes_back(dtype: torch.dtype, tmp_path: Path) -> None:
    tensors = {"a": torch.tensor([[0, 1], [1, 0]]).to(dtype), "none": torch.zeros(0, dtype=dtype)}
    save_tensors(tmp_path / "w", tensors, {})
    assert equal(load_tensors(tmp_path / "w")[0], tensors)


def test_a_type_that_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`a` must be of a type in .*, got torch.complex64\.$"):
        save_tensors(tmp_path / "w", {"a": torch.zeros(3, dtype=torch.complex64)}, {})
    assert not list(tmp_path.iterdir())


def test_no_tensors_come_back(tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", {}, {"a": 1})
    assert load_tensors(tmp_path / "w") == ({}, {"format": FORMAT, "a": 1})


def test_tensors_that_are_not_contiguous_come_back(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T}
    save_tensors(tmp_path / "w", tensors, {})
    assert equal(load_tensors(tmp_path / "w")[0], tensors)


def test_tensors_that_share_memory_come_back(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    tensors = {"whole": whole, "twin": whole, "part": whole[2:5], "view": whole.reshape(2, 3)}
    save_tensors(tmp_path / "w", tensors, {})
    assert equal(load_tensors(tmp_path / "w")[0], tensors)


def test_loaded_tensors_do_not_depend_on_the_file(saved: Path) -> None:
    tensors, _ = load_tensors(saved)
    os.truncate(saved, 0)
    assert equal(tensors, TENSORS)


def test_same_tensors_make_the_same_file(saved: Path, tmp_path: Path) -> None:
    save_tensors(tmp_path / "again", dict(reversed(TENSORS.items())), {"epoch": 1})
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_file_is_plain_safetensors_that_others_may_read(saved: Path) -> None:
    with safe_open(saved, framework="pt") as file:
        assert json.loads(file.metadata()["nebulatent"])["epoch"] == 1
        assert equal({key: file.get_tensor(key) for key in file.keys()}, TENSORS)
    assert saved.stat().st_mode & 0o777 == 0o644


def test_saving_replaces_what_was_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"old")
    save_tensors(tmp_path / "w", TENSORS, {})
    assert equal(load_tensors(tmp_path / "w")[0], TENSORS)
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_file_and_folder_are_on_the_disk_before_and_after_the_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a loss of power leaves is the old file or the new one."""
    calls: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        calls.append(Path(f"/proc/self/fd/{descriptor}").readlink().suffix or "folder")
        sync(descriptor)

    def noted_replace(source: str, target: Path) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    save_tensors(tmp_path / "w", TENSORS, {})
    assert calls == [".part", "replace", "folder"]


def test_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        save_tensors(tmp_path / "nowhere" / "w", TENSORS, {})
    assert not list(tmp_path.iterdir())


def test_place_that_cannot_be_replaced_leaves_no_partial_file(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with pytest.raises(OSError):
        save_tensors(tmp_path / "w", TENSORS, {})
    assert [path.name for path in tmp_path.rglob("*")] == ["w"]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Nobody can write a file of more than `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_is_an_os_error_that_leaves_the_previous_file_alone(saved: Path) -> None:
    with full_disk(2000), pytest.raises(OSError, match=r"`.*/w` could not be written: .*large"):
        save_tensors(saved, {"a": torch.zeros(10_000)}, {"epoch": 2})
    assert load_tensors(saved)[1]["epoch"] == 1
    assert [path.name for path in saved.parent.iterdir()] == ["w"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_header_that_could_not_be_read_again_is_not_written(value: float, saved: Path) -> None:
    with pytest.raises(ValueError, match=r"`header` must hold finite numbers, got NaN or infinity"):
        save_tensors(saved, TENSORS, {"history": [{"total": value}]})
    assert load_tensors(saved)[1]["epoch"] == 1


def test_header_that_is_too_long_to_be_read_again_is_not_written(saved: Path) -> None:
    with pytest.raises(ValueError, match=rf"`header` must take at most {MAX_HEADER} bytes, got mo"):
        save_tensors(saved, TENSORS, {"note": "x" * MAX_HEADER})
    assert load_tensors(saved)[1]["epoch"] == 1
    assert [path.name for path in saved.parent.iterdir()] == ["w"]


def test_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    for name in ("w", "no/w"):
        with pytest.raises(FileNotFoundError, match=r"must be a file with weights, got no such fi"):
            load_tensors(tmp_path / name)


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be a file with weights, got a folder\.$"):
        load_tensors(tmp_path)


def test_pipe_and_device_are_refused_without_waiting_for_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link"):
        with pytest.raises(ValueError, match=r"got something that is no regular file\.$"):
            load_tensors(tmp_path / name)


def test_path_below_a_file_or_too_long_is_refused(saved: Path) -> None:
    for path in (saved / "w", saved.with_name("w" * 300)):
        with pytest.raises(ValueError, match=r"must be a file that can be read, got: .*; check"):
            load_tensors(path)


def framed(head: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A file of this header and data; the header may be anything."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


DAMAGE: list[tuple[str, bytes, str]] = [
    ("empty", b"", "an empty file"),
    ("short", b"1234567", "a file of 7 bytes"),
    ("length alone", bytes(8), "a header that is no JSON: Expecting value"),
    ("no header", framed(b"", length=1), "8 bytes whose header claims 1 "),
    ("length of a lie", framed({}, length=2**63), "10 bytes whose header claims 9223372036854775"),
    ("length of text", b"PK\x03\x04pickled and more", "whose header claims"),
    ("list", framed([]), "a header that is no JSON object"),
    ("null", framed(None), "a header that is no JSON object"),
    ("no UTF-8", framed(b"\xff\xfe"), "a header that is not UTF-8"),
    ("half", framed(b'{"a": '), "a header that is no JSON: Expecting value"),
    ("deep", framed(b"[" * 10**5), "a header that is JSON that is nested too deeply"),
    ("deep entry", framed(b'{"a":' * 10**5), "a header that is JSON that is nested too deeply"),
    ("twice", framed(b'{"a": 1, "a": 1}'), "a header that is JSON with the key 'a' twice"),
    ("NaN", framed(b'{"a": NaN}'), "a header that is JSON with the number NaN"),
    ("long number", framed(b'{"a": ' + b"9" * 5000 + b"}"), "JSON with the number 99999"),
    ("metadata", framed({"__metadata__": {"a": 1}}), "a header whose metadata are not texts"),
    ("no metadata", framed({"__metadata__": None}), "a header whose metadata are not texts"),
    ("no entry", framed({"a": 3}), "wrong entry `a` (it must have dtype, shape and data_offsets)"),
    ("more", framed({"a": entry() | {"b": 1}}, bytes(8)), "wrong entry `a` (it must have dtype"),
    ("type", framed({"a": entry("F7")}, bytes(8)), "wrong entry `a` (its dtype is none of BOOL"),
    ("type list", framed({"a": entry(["F32"])}, bytes(8)), "(its dtype is none of"),
    ("half bytes", framed({"a": entry("F4", [16])}, bytes(8)), "(its dtype is none of"),
    ("shape text", framed({"a": entry(shape="2")}, bytes(8)), "must be lists of sizes)"),
    ("shape float", framed({"a": entry(shape=[2.0])}, bytes(8)), "must be lists of sizes)"),
    ("shape true", framed({"a": entry(shape=[2, True])}, bytes(8)), "must be lists of sizes)"),
    ("negative", framed({"a": entry(shape=[-2])}, bytes(8)), "must be lists of sizes)"),
    ("axes", framed({"a": entry(shape=[1] * 65)}, bytes(4)), "must be lists of sizes)"),
    ("offsets", framed({"a": entry(offsets=[0])}, bytes(8)), "must be lists of sizes)"),
    ("large", framed({"a": entry(shape=[2**62, 2])}, bytes(8)), "(its shape is too large)"),
    ("hidden", framed({"a": entry(shape=[0, 2**62, 4], offsets=[0, 0])}), "(its shape is too lar"),
    ("huge", framed({"a": entry(shape=[0, 2**63], offsets=[0, 0])}), "must be lists of sizes)"),
    ("backwards", framed({"a": entry(offsets=[8, 0])}, bytes(8)), "(its offsets do not agree"),
    ("smaller", framed({"a": entry(shape=[1])}, bytes(8)), "(its offsets do not agree with its"),
    (
        "gap",
        framed({"a": entry(offsets=[8, 16])}, bytes(16)),
        "whose tensors overlap or leave gaps",
    ),
    ("overlap", framed({"a": entry(), "b": entry()}, bytes(8)), "whose tensors overlap or leave"),
    ("cut", framed({"a": entry()}, bytes(7)), "7 bytes of tensors where its header claims 8 (trun"),
    ("longer", framed({"a": entry()}, bytes(9)), "9 bytes of tensors where its header claims 8 (l"),
    ("a tail", framed({}, b"x"), "1 bytes of tensors where its header claims 0 (longer than it"),
    ("a line", framed({"a\n`\x1b[2J": 3}), r"wrong entry `a\n`\x1b[2J` (it must"),
    ("a name", framed({"a" * 10**6: 3}), "wrong entry `" + "a" * 77 + "...` (it must"),
]


@pytest.mark.parametrize(
    ("content", "what"), [case[1:] for case in DAMAGE], ids=[c[0] for c in DAMAGE]
)
def test_damage_is_named_in_one_sentence(content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load_tensors(tmp_path / "w")
    sentence = str(caught.value)
    assert sentence.startswith(f"`{tmp_path / 'w'}` must be an undamaged safetensors file, got ")
    assert sentence.endswith("; restore it from a copy or train again.")
    assert what in sentence and "\n" not in sentence and len(sentence) < 500


def test_a_header_that_claims_more_than_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "w").open("wb") as file:
        file.write((MAX_HEADER + 1).to_bytes(8, "little"))
        file.truncate(2 * MAX_HEADER)
    with pytest.raises(ValueError, match=rf"\(it may take {MAX_HEADER} at most\)"):
        load_tensors(tmp_path / "w")


def rewritten(path: Path, old: bytes, new: bytes) -> None:
    """Change a file in place without changing a length."""
    content = path.read_bytes()
    assert content.count(old) == 1 and len(old) == len(new)
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"empty"', b'"emptz"'),
        (b'"I64"', b'"F64"'),
        (b"[2,3]", b"[3,2]"),
        (b'\\"epoch\\": 1', b'\\"epoch\\": 2'),
        (b'\\"epoch\\": 1', b'\\"epocj\\": 1'),
        (bytes([7, 0, 0, 0, 0, 0, 0, 0]), bytes([6, 0, 0, 0, 0, 0, 0, 0])),
        (b"\0\0\xa0\x40", b"\0\0\xa0\xc0"),
    ],
)
def test_a_changed_name_type_shape_number_or_weight_breaks_the_checksum(
    saved: Path, old: bytes, new: bytes
) -> None:
    rewritten(saved, old, new)
    with pytest.raises(
        ValueError, match=r"got a checksum that does not match its content; restore"
    ):
        load_tensors(saved)


@settings(max_examples=60)
@given(st.integers(0, 2**20), st.integers(1, 255))
def test_any_changed_byte_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    save_tensors(path, TENSORS, {"epoch": 1})
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= change
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"^`.*` must .*\.$"):
        load_tensors(path)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "3",
        "[1]",
        "{}",
        '{"format": null}',
        '{"format": "1"}',
        '{"format": true}',
        '{"format": 0}',
        '{"format": -1}',
        '{"format": 1.0}',
    ],
)
def test_file_of_another_program_is_refused(header: str | None, tmp_path: Path) -> None:
    metadata = None if header is None else {"nebulatent": header}
    save_file({"a": torch.zeros(3)}, tmp_path / "w", metadata=metadata)
    with pytest.raises(ValueError, match=r"must be written by nebulatent, got another program's"):
        load_tensors(tmp_path / "w")


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("", "got no JSON"),
        ('{"format": 1, "loss": NaN}', "got JSON with the number NaN"),
        ('{"format": 1, "loss": 1e999}', "got JSON with the number 1e999"),
        ('{"format": 1, "format": 1}', "got JSON with the key 'format' twice"),
        ('{"format": 1, "a": ' + "[" * 10**5, "got JSON that is nested too deeply"),
        ('{"format": ' + "1" * 5000 + "}", "got JSON with the number 1111"),
    ],
)
def test_header_of_ours_that_is_no_plain_json_is_refused(
    header: str, what: str, tmp_path: Path
) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "w", metadata={"nebulatent": header})
    with pytest.raises(ValueError, match=rf"must be an undamaged safetensors file, {what}"):
        load_tensors(tmp_path / "w")


def test_header_that_is_nested_as_deeply_as_the_parser_can_is_refused_or_read(
    tmp_path: Path,
) -> None:
    """The checksum writes the header again, which may need more depth than reading it."""
    for depth in range(940, 1000):
        text = '{"format": 1, "sha256": "", "a": ' + "[" * depth + "]" * depth + "}"
        save_file({"a": torch.zeros(3)}, tmp_path / "w", metadata={"nebulatent": text})
        with pytest.raises(ValueError, match="must be an undamaged safetensors file"):
            load_tensors(tmp_path / "w")


@pytest.mark.parametrize("checksum", ["", ', "sha256": null', ', "sha256": 3'])
def test_file_without_a_checksum_is_refused(checksum: str, tmp_path: Path) -> None:
    text = f'{{"format": 1{checksum}}}'
    save_file({"a": torch.zeros(3)}, tmp_path / "w", metadata={"nebulatent": text})
    with pytest.raises(
        ValueError, match=r"must carry a checksum, got none; restore it from a copy"
    ):
        load_tensors(tmp_path / "w")


@pytest.mark.parametrize("number", [FORMAT + 1, 10**200])
def test_newer_format_is_refused(number: int, tmp_path: Path) -> None:
    save_tensors(tmp_path / "w", TENSORS, {"format": number})
    what = rf"must be of format {FORMAT} or older, got {str(number)[:20]}; install a newer"
    with pytest.raises(ValueError, match=what):
        load_tensors(tmp_path / "w")


class Trap:
    """An object whose unpickling runs code."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("a file was unpickled",))


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_file_is_refused_and_never_unpickled(zipped: bool, tmp_path: Path) -> None:
    torch.save({"a": Trap()}, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"must be an undamaged safetensors file, got .*\.$"):
        load_tensors(tmp_path / "w")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w.pop("1.positions"), "got `1.positions` missing"),
        (lambda w: w.pop("1._extra_state"), "got `1._extra_state` missing"),
        (lambda w: w.update(more=torch.zeros(1)), "got `more` unknown"),
        (lambda w: w.update({"m\n": torch.zeros(1)}), r"got `m\\n` unknown"),
        (lambda w: w.update({"1.positions": torch.zeros(4, 4)}), "`1.positions` of another shape"),
        (lambda w: w.update({"0.bias": w["0.bias"].double()}), "`0.bias` of another type"),
        (lambda w: w.update({"0.bias": torch.tensor([1, 2])}), "`0.bias` of another type"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(
    change: Callable[[dict], object], sentence: str
) -> None:
    own, other = method(), method(seed=1).state_dict()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    change(other)
    with pytest.raises(ValueError, match=f"The weights in `w` must fit .*{sentence}.*\\.$"):
        load_weights(own, other, "w")
    assert equal(own.state_dict(), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    own, other = method(), method(seed=1).state_dict()
    other["1.positions"][1, 1] = value
    with pytest.raises(ValueError, match=r"in `w` must be finite, .* in `1.positions`; restore"):
        load_weights(own, other, "w")


def test_weights_that_fit_are_loaded_to_the_bit() -> None:
    own, other = method(), method(seed=1)
    load_weights(own, other.state_dict(), "w")
    assert equal(own.state_dict(), other.state_dict())


def test_weights_are_checked_against_a_method_that_takes_no_memory() -> None:
    weights = method().state_dict()
    with torch.device("meta"):
        check_weights(method(), weights, "w")
        large = nn.Sequential(nn.Linear(10**9, 10**9), AnchorSet(4, 2))
    with pytest.raises(ValueError, match=r"`0.bias` of another shape"):
        check_weights(large, weights, "w")
