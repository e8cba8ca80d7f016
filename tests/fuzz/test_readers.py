"""A few seconds of `tests/fuzz/run.py`, and files drawn by hypothesis."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.guard import TooSlow, fault_of, within_memory, within_time
from fuzz.mutations import damaged_json
from fuzz.readers import GROUPS, Group
from fuzz.trial import OTHER, REFUSED, UNCHANGED, Fault, Trials, counted

COUNT = 200
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.fixture(scope="module", params=GROUPS, ids=lambda group: group.name)
def trials(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trials:
    """Each group with its valid files."""
    group: Group = request.param
    return Trials(group, tmp_path_factory.mktemp("fuzz"))


def test_undamaged_files_are_read(trials: Trials) -> None:
    assert trials.read(trials.content, "undamaged", may_differ=False) == UNCHANGED


def test_damaged_files_are_read_or_refused_with_one_sentence(trials: Trials) -> None:
    with within_memory():
        outcomes, faults = counted(trials, COUNT, seed=0)
    assert not faults, "\n".join(map(str, faults[:5]))
    assert outcomes[REFUSED] > COUNT / 2
    assert outcomes[OTHER] > 0, "no forgery got past the checksum: the code behind is not tested"


@settings(max_examples=50)
@given(seed=st.integers(0, 2**64))
def test_any_seed_is_read_or_refused_with_one_sentence(trials: Trials, seed: int) -> None:
    trials.run(seed)


@settings(max_examples=50)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_with_one_sentence(trials: Trials, content: bytes) -> None:
    blank = not content.strip()  # a history without rows
    outcome = trials.read(content, repr(content), may_differ=blank or not trials.group.sealed)
    assert outcome == REFUSED or blank


@settings(max_examples=50)
@given(value=JSON, framed=st.booleans())
def test_any_json_is_refused_with_one_sentence(trials: Trials, value: object, framed: bool) -> None:
    text = json.dumps(value).encode()
    content = len(text).to_bytes(8, "little") + text if framed else text
    trials.read(content, repr(value), may_differ=not trials.group.sealed)


class Tampered(Exception):
    """An error that is none of ours."""


def test_the_judge_knows_a_sentence() -> None:
    assert fault_of(ValueError("`w` must be whole, got half; restore it.")) is None
    assert fault_of(FileNotFoundError("`w` must be a file, got none.")) is None
    for error in (
        Tampered("`w` must be whole."),
        json.JSONDecodeError("`w` must be whole.", "", 0),
        MemoryError(),
        ValueError("`w` must be whole"),
        ValueError("`w` must be\nwhole."),
        ValueError("`w` must be \x1b[2J."),
        ValueError("w must be whole."),
        ValueError("`w` must be " + "w" * 800 + "."),
    ):
        assert fault_of(error), error


def test_a_reader_that_hangs_takes_memory_or_reads_other_numbers_is_a_fault(tmp_path: Path) -> None:
    def read(folder: Path) -> object:
        content = (folder / "file").read_bytes()
        while content == b"hang":
            pass
        return bytearray(2**31) if content == b"take" else content

    def make(folder: Path) -> None:
        (folder / "file").write_bytes(b"good")

    group = Group(
        name="bad",
        file="file",
        make=make,
        damage=lambda rng, content, folder: (damaged_json(rng, "[]").encode(), False),
        read=read,
        sealed=True,
    )
    trials = Trials(group, tmp_path)
    with within_memory(), pytest.raises(Fault, match="MemoryError instead of ValueError"):
        trials.read(b"take", "test", may_differ=True)
    with pytest.raises(Fault, match="other values were read"):
        trials.read(b"evil", "test", may_differ=False)
    with pytest.raises(TooSlow, match=r"not read after 0\.1 s"), within_time(0.1):
        read_forever(read, tmp_path)


def read_forever(read: object, folder: Path) -> None:
    (folder / "file").write_bytes(b"hang")
    assert callable(read)
    read(folder)
