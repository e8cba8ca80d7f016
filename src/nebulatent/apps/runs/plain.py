"""Plain JSON values → frozen dataclasses, each value checked against its field's annotation.

A config on disk may be damaged or edited by hand. What is read here has the types that the rest of
the code trusts; ranges are checked by the dataclasses themselves. A config of an older version may
lack fields that have a default; a field that nobody knows would change the meaning of the others.
"""

import math
from dataclasses import MISSING, fields, is_dataclass
from reprlib import Repr
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

MAX_DEPTH, MAX_SHOWN = 2, 40  # of a wrong value in a message
MAX_SAID = 300  # of a message inside another


def from_plain(kind: type[T], saved: object, name: str) -> T:
    """Build a dataclass of plain fields from a JSON object.

    Arguments:
        kind: A dataclass whose fields are numbers, text, literals or dataclasses like it, optional
            or tuples of these.
        saved: What `json.loads` gave.
        name: What the object is called in messages.

    Raises:
        ValueError: If a field without a default is missing, or one is unknown or of another type.

    Examples:
        >>> from nebulatent.training.config import FitConfig
        >>> from_plain(FitConfig, {"epochs": 3, "lr": 1}, "fit").lr
        1.0
    """
    hints = get_type_hints(kind)
    found = {field.name: field for field in fields(kind)}  # pyright: ignore[reportArgumentType]
    needed = [
        key
        for key, field in found.items()
        if field.default is MISSING and field.default_factory is MISSING
    ]
    names = f"`{name}` must have the fields {', '.join(found)}, got"
    if not isinstance(saved, dict):
        raise ValueError(f"{names} {_shown(saved)}")
    for key in needed:
        if key not in saved:
            raise ValueError(f"{names} no {key}")
    for key in saved:
        if key not in found:
            raise ValueError(f"{names} the unknown {_shown(key)}")
    return kind(**{key: to_type(hints[key], saved[key], f"{name}.{key}") for key in saved})


def to_type(kind: Any, value: object, name: str) -> Any:  # noqa: ANN401
    """A JSON value as what an annotation asks for: lists become tuples, whole numbers floats.

    Raises:
        ValueError: If it is something else.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(value, list):
        return tuple(to_type(inner[0], item, name) for item in value)
    if origin in (Union, UnionType):
        return _first_fit(inner, value, name)
    if origin is Literal and isinstance(value, str) and value in inner:
        return value
    if kind is float and isinstance(value, int | float) and _is_finite(value):
        return float(value)
    if kind in (int, str, bool, NoneType) and type(value) is kind:
        return value
    raise ValueError(f"`{name}` must be {_described(kind)}, got {_shown(value)}")


def _first_fit(kinds: tuple[Any, ...], value: object, name: str) -> Any:  # noqa: ANN401
    for kind in kinds:
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
            return from_plain(kind, value, name)  # its own message says more than "or"
    for kind in kinds:
        try:
            return to_type(kind, value, name)
        except ValueError:
            continue
    expected = " or ".join(map(_described, kinds))
    raise ValueError(f"`{name}` must be {expected}, got {_shown(value)}")


def _described(kind: Any) -> str:  # noqa: ANN401
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if is_dataclass(kind):
        return "an object"
    if get_origin(kind) is tuple:
        return f"a list, each item {_described(get_args(kind)[0])}"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words.get(kind, "null")


def _is_finite(value: float) -> bool:
    """Whether a number, which may be a whole one of any length, is a finite float; no boolean."""
    try:
        return not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _shown(value: object) -> str:
    """The beginning of a value, however large or deep it is."""
    shorten = Repr()
    shorten.maxlevel = MAX_DEPTH
    return shorten.repr(value)[:MAX_SHOWN]


def in_short(error: Exception) -> str:
    """What an error says, as part of another sentence: one line, not long, without a full stop."""
    text = " ".join(str(error).split()).rstrip(".")
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= MAX_SAID else f"{text[: MAX_SAID - 3]}..."
