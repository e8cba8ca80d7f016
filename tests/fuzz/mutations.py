"""Damage of files, drawn from a seed: to bytes, to JSON values, to a header, to tensors.

Damage to bytes mostly ends at the first check. The others keep the file whole around one lie,
lengths and checksum included, so that what comes after the first check is reached.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nebulatent.training.tensor_files import load_tensors, save_tensors

Damage = Callable[[random.Random, bytes], bytes]
RAW = {  # texts that no Python value makes, put in place of a value after it was written
    "@long": "9" * 5000,
    "@deep": "[" * 3000 + "]" * 3000,
    "@infinite": "1e999",
    "@open": "{",
    "@nan": "NaN",
}
NUMBERS = (
    0,
    -1,
    1,
    2,
    7,
    10**5,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
    10**290,
    10**390,
    -(10**30),
)
FLOATS = (0.0, -0.5, 0.5, 1e-320, 1e308, -1e308, 3.0)
LISTS = ([], {}, [[]], [0, 1.5, "x"], [10**5, 10**5], [1] * 20_000, [[0.5, 1], [2]])
TEXTS = ("", "x", "F32", "F4", "I64", "BOOL", "\n", "`", "\ud800", "\0", "é" * 3, "x" * 5000, "1")
EDGES = (b"\0", b"\xff", b"{", b"}", b'"', b"[", b",", b"9", b"-", b"e", b"\n", b"\xef\xbb\xbf")


def damaged_bytes(rng: random.Random, content: bytes) -> bytes:
    """A file after one to four accidents."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(ACCIDENTS)(rng, content)
    return content


def _flip(rng: random.Random, content: bytes) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    # Half of the hits at the beginning, where the structure is.
    place = rng.randrange(len(content) if rng.random() < 0.5 else min(len(content), 600))
    changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _insert(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    new = rng.choice(EDGES) if rng.random() < 0.5 else rng.randbytes(rng.randrange(1, 20))
    return content[:place] + new + content[place:]


def _overwrite(rng: random.Random, content: bytes) -> bytes:
    place, new = rng.randrange(len(content) + 1), rng.choice(EDGES) * rng.choice((1, 1, 8))
    return content[:place] + new + content[place + len(new) :]


def _remove(rng: random.Random, content: bytes) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + content[place + rng.choice((1, 4, 8, 100)) :]


def _repeat(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content) + 1)
    part = content[start : start + rng.randrange(1, 200)]
    return content[:start] + part * rng.choice((2, 3)) + content[start + len(part) :]


def _splice(rng: random.Random, content: bytes) -> bytes:
    """One part of the file continues with another one, as after a mix-up of blocks."""
    return content[: rng.randrange(len(content) + 1)] + content[rng.randrange(len(content) + 1) :]


def _lie_about_length(rng: random.Random, content: bytes) -> bytes:
    length = rng.choice((0, 1, 7, 2**26, 2**26 + 1, 2**63, 2**64 - 1, len(content) - 8))
    return max(length, 0).to_bytes(8, "little") + content[8:]


def _replace(rng: random.Random, content: bytes) -> bytes:
    return rng.randbytes(rng.choice((0, 3, 8, 9, 40, 400)))


ACCIDENTS: tuple[Damage, ...] = (
    _flip,
    _flip,
    _cut,
    _insert,
    _overwrite,
    _remove,
    _repeat,
    _splice,
    _lie_about_length,
    _replace,
)


def damaged_json(rng: random.Random, text: str) -> str:
    """A JSON text with some values or keys changed, by type, and some that no value makes."""
    written = json.dumps(_damaged_value(rng, json.loads(text)))
    for mark, raw in RAW.items():
        written = written.replace(f'"{mark}"', raw)
    if rng.random() < 0.05:  # a key twice
        written = written.replace('{"', '{"format": 1, "format": 1, "', 1)
    return written


def _damaged_value(rng: random.Random, value: Any) -> Any:  # noqa: ANN401
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _changed(rng, value)
    return value


def _changed(rng: random.Random, value: Any) -> Any:  # noqa: ANN401
    """The value with one place in it changed, each place as likely at each depth."""
    if isinstance(value, dict | list) and value and rng.random() < 0.9:
        key = rng.choice([*value]) if isinstance(value, dict) else rng.randrange(len(value))
        how = rng.random()
        value = value.copy()
        if how < 0.8:
            value[key] = _changed(rng, value[key])
        elif how < 0.9:
            del value[key]
        elif isinstance(value, dict):
            value[rng.choice(TEXTS)] = value.pop(key) if how < 0.95 else _drawn(rng)
        else:
            value.insert(key, _drawn(rng) if how < 0.95 else value[key])
        return value
    return _near(rng, value) if rng.random() < 0.5 else _drawn(rng)


def _near(rng: random.Random, value: Any) -> Any:  # noqa: ANN401
    """Another value of the same type or shape."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return rng.choice((-value, value + 1, value * 10, value * 1000, value // 2, str(value)))
    if isinstance(value, str):
        return rng.choice((value + "x", value[:-1], [value], value.upper()))
    return rng.choice(([value], {"a": value}, [*value], type(value)()))


def _drawn(rng: random.Random) -> Any:  # noqa: ANN401
    kinds = ((None, True, False), NUMBERS, FLOATS, TEXTS, LISTS, (*RAW,))
    return rng.choice(rng.choice(kinds))


def damaged_header(rng: random.Random, content: bytes) -> bytes:
    """A safetensors file with a changed header and a length that agrees with it."""
    length = int.from_bytes(content[:8], "little")
    text, data = content[8 : 8 + length].decode(), content[8 + length :]
    if rng.random() < 0.3:  # our own JSON, inside the metadata
        header = json.loads(text)
        inner = damaged_json(rng, header["__metadata__"]["nebulatent"])
        text = json.dumps(header | {"__metadata__": {"nebulatent": inner}})
    else:
        text = damaged_json(rng, text)
    if rng.random() < 0.2:
        data = data[: rng.randrange(len(data) + 1)]
    encoded = text.encode(errors="surrogatepass")
    return len(encoded).to_bytes(8, "little") + encoded + data


def forged(rng: random.Random, content: bytes, place: Path) -> bytes:
    """A file whose checksum is right but whose tensors or header are not what they were."""
    place.write_bytes(content)
    tensors, header = load_tensors(place)
    if rng.random() < 0.3:
        header = _damaged_value(rng, header)
    for _ in range(rng.choice((0, 1, 1, 2))):
        tensors = rng.choice(FORGERIES)(rng, tensors)
    try:
        save_tensors(place, tensors, header if isinstance(header, dict) else {"header": header})
    except ValueError:  # a header that is not saved
        return damaged_header(rng, content)
    return place.read_bytes()


Tensors = dict[str, Tensor]


def _drop(rng: random.Random, tensors: Tensors) -> Tensors:
    gone = rng.choice([*tensors, ""])
    return {name: value for name, value in tensors.items() if name != gone}


def _rename(rng: random.Random, tensors: Tensors) -> Tensors:
    old = rng.choice([*tensors, ""])
    new = rng.choice((old + "x", "", "a\nb", "`", "x" * 3000, old.replace("0", "1"), "aggregate."))
    return {new if name == old else name: value for name, value in tensors.items()}


def _add(rng: random.Random, tensors: Tensors) -> Tensors:
    names = ("more", "method.x", "optimizer.0.x", "optimizer.99.step", "average.x", "optimizer.-1.")
    return tensors | {rng.choice(names): torch.zeros(rng.choice(((), (3,), (0, 2))))}


def _reshape(rng: random.Random, tensors: Tensors) -> Tensors:
    name, value = rng.choice([*tensors.items()] or [("a", torch.zeros(2))])
    shapes = [
        value.reshape(-1),
        value.unsqueeze(0),
        value.flatten()[:-1],
        value.mT.contiguous() if value.ndim > 1 else value[None, None],
        torch.zeros(0),
        torch.zeros(1, *[1] * 40),
    ]
    return tensors | {name: rng.choice(shapes)}


def _retype(rng: random.Random, tensors: Tensors) -> Tensors:
    types = (torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool, torch.bfloat16)
    name = rng.choice([*tensors] or ["a"])
    return tensors | {name: tensors.get(name, torch.zeros(2)).to(rng.choice(types))}


def _revalue(rng: random.Random, tensors: Tensors) -> Tensors:
    name, value = rng.choice([*tensors.items()] or [("a", torch.zeros(2))])
    new = value.clone()
    fill = rng.choice((0.0, -1.0, 1e30, float("nan"), float("inf"), 2.0**62))
    if not new.dtype.is_floating_point:
        fill = rng.choice((0, -1, 1, 127))
    if new.numel():
        new.view(-1)[rng.randrange(new.numel())] = fill
    return tensors | {name: new}


def _swap(rng: random.Random, tensors: Tensors) -> Tensors:
    names = [*tensors]
    if len(names) < 2:
        return tensors
    one, two = rng.sample(names, 2)
    return tensors | {one: tensors[two], two: tensors[one]}


FORGERIES = (_drop, _rename, _add, _reshape, _retype, _revalue, _swap)
