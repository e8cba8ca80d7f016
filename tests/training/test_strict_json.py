"""JSON without leniences: one ValueError for all that is not a plain, finite value."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.training.strict_json import parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_was_written_is_read_back(value: object) -> None:
    found = parse_json(json.dumps(value))
    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no JSON: Expecting value"),
        ("{", "no JSON: Expecting property name"),
        ("[1] 2", "no JSON: Extra data"),
        ("NaN", "the number NaN, which is too long or not finite"),
        ('{"a": -Infinity}', "the number -Infinity"),
        ("[1e999]", "the number 1e999"),
        ("-1e999", "the number -1e999"),
        ("1" * 301, "the number 11111111111111111111, which is too long"),
        ("1" * 5000, "the number 1{20}, which is too long"),
        ("0." + "1" * 10**6, "the number 0.1{18}, which is too long"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "the key 'c' twice"),
        ('{"a\\n": 1, "a\\n": 2}', r"the key 'a\\n' twice"),
        ("[" * 10**5, "nested too deeply"),
        ('{"a":' * 10**5, "nested too deeply"),
        ("[" * 10**5 + "]" * 10**5, "nested too deeply"),
    ],
)
def test_anything_else_is_refused_in_half_a_sentence(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as caught:
        parse_json(text)
    assert type(caught.value) is ValueError
    assert re.fullmatch(r"(no )?JSON.{1,80}", str(caught.value))


def test_many_keys_with_one_twice_are_refused_at_once() -> None:
    """A search for the key among all others would take an hour."""
    keys = [f'"{number}": 0' for number in range(10**5)]
    with pytest.raises(ValueError, match="the key '99999' twice"):
        parse_json("{" + ", ".join([*keys, keys[-1]]) + "}")
