"""The whole state of a run between two epochs, in one file that nobody has to unpickle.

A checkpoint is a safetensors file: weights under `method.`, the optimiser's moments under
`optimizer.`, the state of the random generator under `generator`; numbers (epoch, history) are JSON
in the file's header. It is written beside its place and moved there, so that a crash while writing
leaves the previous one.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from nebulatent.typing import Tensor

FORMAT = 1


class Progress(NamedTuple):
    """What a run has behind it: finished epochs, and one row of averaged terms for each."""

    epoch: int = 0
    history: tuple[dict[str, float], ...] = ()


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write tensors and a JSON header atomically.

    Raises:
        OSError: If the place cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(descriptor)
    try:
        # Cloned: layers that share weights would share memory, which the format refuses.
        tensors = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
        header = {"format": FORMAT} | header
        # One entry: the format writes several in an order that changes from file to file.
        text = json.dumps(header | {"sha256": _digest(header, tensors)})
        save_file(tensors, name, metadata={"nebulatent": text})
        os.chmod(name, 0o644)
        os.replace(name, path)
    except SafetensorError as error:
        raise OSError(f"`{path}` could not be written: {error}.") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _digest(header: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    """SHA-256 of all that a file says, so that no flipped byte goes unnoticed."""
    digest = hashlib.sha256(json.dumps(header).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not one of ours, is damaged, or is of a newer format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a file with weights, got no such file.")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("nebulatent", "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise ValueError(
            f"`{path}` must be an undamaged safetensors file, got: {error}; "
            "restore it from a copy or train again."
        ) from error
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise ValueError(f"`{path}` must be written by nebulatent, got another program's file.")
    if header["format"] > FORMAT:
        raise ValueError(
            f"`{path}` must be of format {FORMAT} or older, got {header['format']}; "
            "install a newer nebulatent."
        )
    if header.pop("sha256", None) != _digest(header, tensors):
        raise ValueError(
            f"`{path}` must be undamaged, got a checksum that does not match its content; "
            "restore it from a copy or train again."
        )
    return tensors, header


def load_weights(method: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Put weights into a method, naming what does not fit.

    Raises:
        ValueError: If a tensor is missing, superfluous, of another shape, or not finite.
    """
    own = method.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    wrong = [k for k in own.keys() & tensors.keys() if own[k].shape != tensors[k].shape]
    for what, names in (("missing", missing), ("unknown", extra), ("of another shape", wrong)):
        if names:
            raise ValueError(
                f"The weights in `{source}` must fit the model of its config, got `{names[0]}` "
                f"{what}; the two files do not belong together."
            )
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise ValueError(
                f"The weights in `{source}` must be finite, got NaN or infinity in `{name}`; "
                "restore it from a copy or train again."
            )
    method.load_state_dict(tensors)


def save_checkpoint(
    path: Path, method: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write all that the next epoch depends on."""
    tensors = {f"method.{key}": value for key, value in method.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    tensors["generator"] = torch.get_rng_state()
    save_tensors(path, tensors, progress._asdict())


def load_checkpoint(path: Path, method: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Restore what `save_checkpoint` wrote, the global generator's state included.

    Raises:
        FileNotFoundError: If there is no checkpoint.
        ValueError: If it is damaged or does not fit the method.
    """
    tensors, progress = _load(path, method)
    moments = _moments(tensors, list(method.parameters()), path)
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    torch.set_rng_state(tensors["generator"])
    return progress


def load_method(path: Path, method: nn.Module) -> Progress:
    """Restore only the weights of a checkpoint, for a run that will not go on.

    Raises:
        FileNotFoundError: If there is no checkpoint.
        ValueError: If it is damaged or does not fit the method.
    """
    return _load(path, method)[1]


def _load(path: Path, method: nn.Module) -> tuple[dict[str, Tensor], Progress]:
    tensors, header = load_tensors(path)
    progress, generator = _progress(header, path), tensors.get("generator")
    own = torch.get_rng_state()
    if generator is None or (generator.shape, generator.dtype) != (own.shape, own.dtype):
        raise ValueError(f"`{path}` must be a checkpoint, got a file without a generator's state.")
    weights = {k.removeprefix("method."): v for k, v in tensors.items() if k[:7] == "method."}
    load_weights(method, weights, str(path))
    return tensors, progress


def _progress(header: dict[str, Any], path: Path) -> Progress:
    epoch, history = header.get("epoch"), header.get("history")
    if not isinstance(epoch, int) or not isinstance(history, list) or len(history) != epoch:
        raise ValueError(f"`{path}` must be a checkpoint, got a file without a history.")
    return Progress(epoch, tuple(history))


def _moments(
    tensors: dict[str, Tensor], parameters: list[nn.Parameter], path: Path
) -> dict[int, dict[str, Tensor]]:
    """Adam's state of each parameter; one that has not moved yet has none."""
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(parameters):
        shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
        found = {key: tensors.get(f"optimizer.{index}.{key}") for key in shapes}
        own = {k: v for k, v in found.items() if v is not None and v.shape == shapes[k]}
        if own and len(own) < len(shapes):
            raise ValueError(
                f"`{path}` must hold the optimiser's state, got a wrong one of parameter {index}."
            )
        if own:
            state[index] = own
    return state
