"""Plain JSON values → frozen dataclasses, each value checked against its field's annotation.

A config on disk may be damaged or edited by hand. What is read here has the types that the rest of
the code trusts; ranges are checked by the dataclasses themselves.
"""

import math
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def from_plain(kind: type[T], saved: object, name: str) -> T:
    """Build a dataclass of plain fields from a JSON object.

    Arguments:
        kind: A dataclass whose fields are numbers, text, literals, optional or tuples of these.
        saved: What `json.loads` gave.
        name: What the object is called in messages.

    Raises:
        ValueError: If a field is missing, unknown or of another type.

    Examples:
        >>> from nebulatent.training.config import FitConfig
        >>> from_plain(FitConfig, {"epochs": 3, "lr": 1, "decay": 0.4, "seed": 0}, "fit").lr
        1.0
    """
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType]
    if not isinstance(saved, dict) or sorted(saved) != sorted(names):
        raise ValueError(f"`{name}` must have the fields {', '.join(names)}")
    return kind(**{key: to_type(hints[key], saved[key], f"{name}.{key}") for key in names})


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
    if kind is float and type(value) in (int, float) and math.isfinite(value):  # pyright: ignore[reportArgumentType]
        return float(value)  # pyright: ignore[reportArgumentType]
    if kind in (int, str, bool, NoneType) and type(value) is kind:
        return value
    raise ValueError(f"`{name}` must be {_described(kind)}, got {value!r:.40}")


def _first_fit(kinds: tuple[Any, ...], value: object, name: str) -> Any:  # noqa: ANN401
    for kind in kinds:
        try:
            return to_type(kind, value, name)
        except ValueError:
            continue
    expected = " or ".join(map(_described, kinds))
    raise ValueError(f"`{name}` must be {expected}, got {value!r:.40}")


def _described(kind: Any) -> str:  # noqa: ANN401
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"a list, each item {_described(get_args(kind)[0])}"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return words.get(kind, "null")
