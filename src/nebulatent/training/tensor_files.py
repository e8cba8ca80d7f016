"""Tensors and a JSON header in one safetensors file, written at once or not at all.

Nothing is unpickled. The header carries a format number and a checksum over everything, so that a
newer file, another program's file and a flipped byte are each refused with a sentence.

Written by the safetensors package, read by `tensor_frame` and plain reads: the package maps the
file, and a disk error or a file cut short under a mapping kills the process without a word.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from nebulatent.training.strict_json import parse_json
from nebulatent.training.tensor_frame import DTYPES, MAX_HEADER, Place, read_frame, shown
from nebulatent.typing import Tensor

FORMAT = 1


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a JSON header atomically; a loss of power leaves the old file or the new.

    Raises:
        OSError: If the place cannot be written.
        ValueError: If what is to be saved could not be read again.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(descriptor)
    try:
        tensors = _apart(tensors)
        header = {"format": FORMAT} | header
        # One entry: the format writes several in an order that changes from file to file.
        text = json.dumps(header | {"sha256": _digest(header, tensors)})
        save_file(tensors, name, metadata={"nebulatent": text})
        os.chmod(name, 0o644)
        _flush(Path(name), path)
        os.replace(name, path)
        _flush_folder(path.parent)
    except SafetensorError as error:
        raise OSError(f"`{path}` could not be written: {error}.") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors on the CPU of which no two share memory, which the format refuses."""
    result, storages = {}, set()
    for name, value in tensors.items():
        if value.dtype not in DTYPES.values():
            raise ValueError(f"`{name}` must be of a type in {[*DTYPES]}, got {value.dtype}.")
        value = value.detach().cpu().contiguous()
        storage = value.untyped_storage().data_ptr()
        result[name] = value.clone() if storage in storages else value
        storages.add(storage)
    return result


def _digest(header: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """SHA-256 of all that a file says, so that no flipped byte goes unnoticed."""
    try:
        digest = hashlib.sha256(json.dumps(header, allow_nan=False).encode())
    except ValueError as error:
        raise ValueError(
            "`header` must hold finite numbers, got NaN or infinity; such a state is not saved."
        ) from error
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(_bytes(value))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    """The memory of a contiguous tensor."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def _flush(part: Path, path: Path) -> None:
    """Wait until the disk has the file; refuse a header that nobody would read."""
    with part.open("rb+") as file:
        if int.from_bytes(file.read(8), "little") > MAX_HEADER:
            raise ValueError(f"`header` must take at most {MAX_HEADER} bytes, got more; save less.")
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error


def _flush_folder(folder: Path) -> None:
    """Wait until the disk has the file's new name; Windows has no such call."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not one of ours, is damaged, or is of a newer format.
    """
    with _opened(path) as file:
        with _damage_named(path):
            frame = read_frame(file)
            header = parse_json(frame.metadata.get("nebulatent", "null"))
        checksum = _checked_header(header, path)
        with _damage_named(path):
            tensors = {place.name: _read(file, place) for place in frame.places}
            if checksum != _digest(header, tensors):
                raise ValueError("a checksum that does not match its content")
    return tensors, header


def _opened(path: Path) -> BufferedReader:
    """The file, if it is one: opening a pipe would wait for ever."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "something that is no regular file"
            raise ValueError(f"`{path}` must be a file with weights, got {what}.")
        return path.open("rb")
    except FileNotFoundError as error:
        message = f"`{path}` must be a file with weights, got no such file."
        raise FileNotFoundError(message) from error
    except OSError as error:
        raise ValueError(
            f"`{path}` must be a file that can be read, got: {error.strerror}; check its rights."
        ) from error


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Make whole sentences of what is found wrong inside."""
    try:
        yield
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"`{path}` must be an undamaged safetensors file, got {error}; "
            "restore it from a copy or train again."
        ) from error


def _checked_header(header: object, path: Path) -> str:
    """The checksum, taken out of a header that is ours and not of a newer format."""
    number = header.get("format") if isinstance(header, dict) else None
    if not isinstance(header, dict) or type(number) is not int or number < 1:
        raise ValueError(f"`{path}` must be written by nebulatent, got another program's file.")
    if number > FORMAT:
        raise ValueError(
            f"`{path}` must be of format {FORMAT} or older, got {number!r:.20}; "
            "install a newer nebulatent."
        )
    checksum = header.pop("sha256", None)
    if not isinstance(checksum, str):
        raise ValueError(
            f"`{path}` must carry a checksum, got none; restore it from a copy or train again."
        )
    return checksum


def _read(file: BufferedReader, place: Place) -> Tensor:
    """The next tensor of the file."""
    try:
        tensor = torch.empty(place.shape, dtype=place.dtype)
    except RuntimeError as error:  # PyTorch's MemoryError has no class of its own
        raise ValueError(f"{place.end - place.start} bytes that do not fit in memory") from error
    if file.readinto(_bytes(tensor)) != place.end - place.start:
        raise ValueError("a file that became shorter while it was read")
    return tensor


def load_weights(method: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Put weights into a method, naming what does not fit.

    Raises:
        ValueError: If a tensor is missing, superfluous, of another shape or type, or not finite.
    """
    check_weights(method, tensors, source)
    method.load_state_dict(tensors)


def check_weights(method: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Refuse weights that do not fit a method, which may be on the device `meta`.

    Raises:
        ValueError: If a tensor is missing, superfluous, of another shape or type, or not finite.
    """
    own = method.state_dict()
    found = {
        "missing": own.keys() - tensors.keys(),
        "unknown": tensors.keys() - own.keys(),
        "of another shape": {k for k in own.keys() & tensors if own[k].shape != tensors[k].shape},
        "of another type": {k for k in own.keys() & tensors if own[k].dtype != tensors[k].dtype},
    }
    for what, names in found.items():
        if names:
            raise ValueError(
                f"The weights in `{source}` must fit the model of its config, got "
                f"`{shown(min(names))}` {what}; the two files do not belong together."
            )
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise ValueError(
                f"The weights in `{source}` must be finite, got NaN or infinity in `{name}`; "
                "restore it from a copy or train again."
            )
