"""JSON from files that others may have damaged or forged, read without the parser's leniences.

Python's parser takes NaN, takes `1e999` for infinity and keeps the last of two equal keys. Here
each of them is an error, and so is everything that would end in another exception than ValueError.
"""

import json
from math import isfinite
from typing import Any, NoReturn

MAX_DIGITS = 300  # of one number: a whole one then fits in a float


def parse_json(text: str) -> Any:  # noqa: ANN401
    """The value of a JSON text: finite numbers, no key twice.

    Raises:
        ValueError: If it is anything else; the message is half a sentence that says what.

    Examples:
        >>> parse_json('{"epoch": 1, "total": [0.5, null]}')
        {'epoch': 1, 'total': [0.5, None]}
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("JSON that is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"JSON with the key {key!r:.40} twice")
        values[key] = value
    return values


def _finite(digits: str) -> float:
    if len(digits) > MAX_DIGITS or not isfinite(value := float(digits)):
        _refuse(digits)
    return value


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse(digits)
    return int(digits)


def _refuse(number: str) -> NoReturn:
    raise ValueError(f"JSON with the number {number:.20}, which is too long or not finite")
