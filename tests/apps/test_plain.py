"""What a config on disk may hold: every type that a field has, and nothing else."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.apps.runs.plain import from_plain, to_type


@dataclass(frozen=True, kw_only=True)
class Options:
    """One field of each kind; the first two have no default."""

    count: int
    share: float
    name: str = "a"
    on: bool = False
    choice: Literal["32", "bf16"] = "32"
    size: int | None = None
    widths: tuple[int, ...] = (1, 2)
    table: tuple[tuple[float, ...], ...] = ()
    log: tuple[Literal["tensorboard"], ...] = field(default_factory=tuple)


WHOLE: dict[str, Any] = {
    "count": 3,
    "share": 0.5,
    "name": "ü",
    "on": True,
    "choice": "bf16",
    "size": 7,
    "widths": [4, 5],
    "table": [[1, 2.5], []],
    "log": ["tensorboard"],
}


def test_every_kind_of_field_is_read() -> None:
    assert from_plain(Options, WHOLE, "options") == Options(
        count=3,
        share=0.5,
        name="ü",
        on=True,
        choice="bf16",
        size=7,
        widths=(4, 5),
        table=((1.0, 2.5), ()),
        log=("tensorboard",),
    )


def test_an_older_config_gets_the_defaults_of_fields_it_lacks() -> None:
    assert from_plain(Options, {"count": 3, "share": 1}, "options") == Options(count=3, share=1.0)


@pytest.mark.parametrize("missing", ["count", "share"])
def test_a_missing_field_without_a_default_is_named(missing: str) -> None:
    saved = {key: value for key, value in WHOLE.items() if key != missing}
    with pytest.raises(ValueError, match=f"`options` must have the fields .*, got no {missing}$"):
        from_plain(Options, saved, "options")


@pytest.mark.parametrize("unknown", ["", "Count", "a\nb", "x" * 1000])
def test_an_unknown_field_is_refused_on_one_short_line(unknown: str) -> None:
    with pytest.raises(ValueError, match=r"must have the fields .*, got the unknown '") as caught:
        from_plain(Options, WHOLE | {unknown: 1}, "options")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 160


@pytest.mark.parametrize("saved", [None, [], [["count", 3]], "count", 3, True])
def test_what_is_no_object_is_refused(saved: object) -> None:
    with pytest.raises(ValueError, match=r"`options` must have the fields count, share, .*, got "):
        from_plain(Options, saved, "options")


WRONG: list[tuple[str, object, str]] = [
    ("count", True, "a whole number, got True"),
    ("count", 3.0, "a whole number, got 3.0"),
    ("count", None, "a whole number, got None"),
    ("share", False, "a number, got False"),
    ("share", "1", "a number, got '1'"),
    ("share", float("nan"), "a number, got nan"),
    ("share", json.loads("1e999"), "a number, got inf"),
    ("share", 10**400, "a number, got 10000"),
    ("name", 3, "text, got 3"),
    ("on", 0, "true or false, got 0"),
    ("choice", "64", "32 or bf16, got '64'"),
    ("choice", ["32"], "32 or bf16, got ['32']"),
    ("choice", {"a": 1}, "32 or bf16, got {'a': 1}"),
    ("size", 1.5, "a whole number or null, got 1.5"),
    ("size", True, "a whole number or null, got True"),
    ("widths", 4, "a list, each item a whole number, got 4"),
    ("widths", [4, [5]], "a whole number, got [5]"),
    ("widths", {"0": 4}, "a list, each item a whole number, got {'0': 4}"),
    ("table", [1.0], "a list, each item a number, got 1.0"),
    ("log", ["stdout"], "tensorboard, got 'stdout'"),
]


@pytest.mark.parametrize(("name", "value", "what"), WRONG)
def test_a_value_of_another_type_is_refused_naming_its_field(
    name: str, value: object, what: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"`options.{name}` must be {what}")):
        from_plain(Options, WHOLE | {name: value}, "options")


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "value", [nested(10**4), [[[0] * 1000] * 1000] * 1000, "x" * 10**6, {"a": nested(10**4)}]
)
def test_a_huge_or_deep_value_is_refused_on_one_short_line(name: str, value: object) -> None:
    if (name, type(value)) == ("name", str):
        return
    with pytest.raises(ValueError, match=f"`options.{name}` must be ") as caught:
        from_plain(Options, WHOLE | {name: value}, "options")
    assert len(str(caught.value)) < 120


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_finite_number_is_a_float(value: float) -> None:
    if abs(value) < 2.0**1023:
        found = to_type(float, value, "x")
        assert type(found) is float and found == float(value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*WHOLE, "other"]), PLAIN))
def test_any_object_gives_options_or_a_message_about_them(saved: dict[str, Any]) -> None:
    try:
        found = from_plain(Options, saved, "options")
    except ValueError as error:
        assert str(error).startswith("`options")
        assert "\n" not in str(error)
    else:
        assert from_plain(Options, json.loads(json.dumps(vars(found))), "options") == found
