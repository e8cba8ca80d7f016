"""The whole state of a run between two steps, in one file that nobody has to unpickle.

A checkpoint is a safetensors file: weights under `method.`, the optimiser's moments under
`optimizer.`, an average of the weights under `average.`; numbers (where the run stands, its
history) are JSON in the file's header. No generator's state is in it: the order of the data and the
noise of a step are functions of the seed and of the number of the epoch and the step.

A folder holds the newest few, `step-00000123.safetensors`, and the weights of the best epoch,
`best.safetensors`.
"""

import re
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from nebulatent.ops.processes import own_rank
from nebulatent.training.progress import Progress
from nebulatent.training.tensor_files import load_tensors, load_weights, save_tensors
from nebulatent.typing import Tensor

BEST = "best.safetensors"
NAME = re.compile(r"step-(\d{8,})\.safetensors")


@dataclass(frozen=True, kw_only=True)
class Saving:
    """Where and how often a run is saved.

    Raises:
        ValueError: If a number is not positive.
    """

    folder: Path
    """Folder of the checkpoints; made if missing. A run goes on from the newest one in it."""
    every_steps: int | None = None
    """Steps between two checkpoints."""
    every_minutes: float | None = 1.0
    """Minutes between two checkpoints."""
    keep: int = 2
    """How many to keep; more than one, in case the disk damages the newest."""

    def __post_init__(self) -> None:
        for name in ("every_steps", "every_minutes", "keep"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive, got {value}.")


class Weights(NamedTuple):
    """All tensors of a run that change."""

    method: nn.Module
    optimizer: torch.optim.Optimizer
    average: Mapping[str, Tensor]


class Keeper:
    """Writes the checkpoints of a run when they are due, and drops the old ones.

    Arguments:
        saving: Where and how often; None keeps nothing.
    """

    def __init__(self, saving: Saving | None) -> None:
        self.saving = saving
        self.best: dict[str, Tensor] | None = None
        self.best_is_written = False
        self.best_header: dict[str, Any] = {}
        self.last = time.monotonic()
        if saving is not None:
            saving.folder.mkdir(parents=True, exist_ok=True)
            if own_rank() == 0:
                for part in saving.folder.glob("*.safetensors*.part"):  # of a killed process
                    part.unlink(missing_ok=True)

    def is_due(self, step: int) -> bool:
        """Whether to save after this step."""
        if self.saving is None:
            return False
        steps, minutes = self.saving.every_steps, self.saving.every_minutes
        late = minutes is not None and time.monotonic() - self.last >= 60 * minutes
        return late or (steps is not None and step % steps == 0)

    def note_best(self, weights: Mapping[str, Tensor], progress: Progress) -> None:
        """Keep the weights of the best epoch so far; the next checkpoint writes them."""
        self.best = {name: value.detach().cpu().clone() for name, value in weights.items()}
        self.best_header, self.best_is_written = progress.to_json(), False

    def save_best(self) -> None:
        """Write the weights of the best epoch, if they were not yet."""
        if self.best_is_written or self.saving is None or self.best is None or own_rank() > 0:
            return
        tensors = {f"method.{name}": value for name, value in self.best.items()}
        save_tensors(self.saving.folder / BEST, tensors, self.best_header)
        self.best_is_written = True

    def save(self, weights: Weights, progress: Progress) -> None:
        """Write a checkpoint and the best weights; every process calls it, the first one writes."""
        self.last = time.monotonic()
        header = progress.to_json()
        if self.saving is None or own_rank() > 0:
            return
        folder = self.saving.folder
        self.save_best()
        save_checkpoint(folder / f"step-{progress.step:08d}.safetensors", weights, header)
        for old in checkpoints(folder)[self.saving.keep :]:
            old.unlink(missing_ok=True)

    def best_weights(self, progress: Progress) -> dict[str, Tensor] | None:
        """The weights of the best epoch, from memory or from disk.

        Raises:
            ValueError: If the file is damaged.
        """
        if self.best is not None or self.saving is None or progress.best_epoch < 0:
            return self.best
        return _part(load_tensors(self.saving.folder / BEST)[0], "method.")


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first."""
    found = {path: NAME.fullmatch(path.name) for path in folder.glob("step-*.safetensors")}
    steps = {path: int(match[1]) for path, match in found.items() if match}
    return sorted(steps, key=lambda path: steps[path], reverse=True)


def latest(folder: Path) -> Path | None:
    """The newest checkpoint in a folder."""
    return next(iter(checkpoints(folder)), None)


def resume(folder: Path, weights: Weights) -> Progress:
    """Restore the newest checkpoint that is undamaged; without any, a run's beginning.

    Raises:
        ValueError: If there are checkpoints but none can be used.
    """
    problem = None
    for path in checkpoints(folder):
        try:
            progress = load_checkpoint(path, weights)
        except ValueError as error:
            problem = problem or error
            continue
        if problem:
            warnings.warn(f"{problem} Going on from `{path.name}`, the one before.", stacklevel=2)
        return progress
    if problem:
        raise problem
    return Progress()


def save_checkpoint(path: Path, weights: Weights, header: dict[str, Any]) -> None:
    """Write all that the next step depends on; `header` is the progress in plain values."""
    method, optimizer, average = weights
    tensors = {f"method.{key}": value for key, value in method.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    tensors |= {f"average.{key}": value for key, value in average.items()}
    save_tensors(path, tensors, header)


def load_checkpoint(path: Path, weights: Weights) -> Progress:
    """Restore what `save_checkpoint` wrote.

    Raises:
        FileNotFoundError: If there is no checkpoint.
        ValueError: If it is damaged or does not fit the method.
    """
    method, optimizer, average = weights
    tensors, header = load_tensors(path)
    progress = _progress(header, path)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments = _moments(tensors, parameters, path)
    averaged = _part(tensors, "average.")
    if {k: _kind(v) for k, v in averaged.items()} != {k: _kind(v) for k, v in average.items()}:
        raise ValueError(
            f"`{path}` must hold the average of the weights that `ema` asks for, got another; "
            "go on with the `ema` that the run began with."
        )
    if not all(value.isfinite().all() for value in averaged.values()):
        raise ValueError(f"`{path}` must hold a finite average, got NaN or infinity; train again.")
    load_weights(method, _part(tensors, "method."), str(path))
    optimizer.load_state_dict(optimizer.state_dict() | {"state": moments})
    for name, value in averaged.items():
        average[name].copy_(value)
    return progress


def load_method(path: Path, method: nn.Module) -> Progress:
    """Restore only the weights of a checkpoint or of the best epoch.

    Raises:
        FileNotFoundError: If there is no checkpoint.
        ValueError: If it is damaged or does not fit the method.
    """
    tensors, header = load_tensors(path)
    progress = _progress(header, path)
    load_weights(method, _part(tensors, "method."), str(path))
    return progress


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = {name: value for name, value in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in found.items()}


def _progress(header: dict[str, Any], path: Path) -> Progress:
    try:
        return Progress.from_json(header)
    except ValueError as error:
        raise ValueError(f"`{path}` must be a checkpoint, got another file: {error}.") from error


def _moments(
    tensors: Mapping[str, Tensor], parameters: list[nn.Parameter], path: Path
) -> dict[int, dict[str, Tensor]]:
    """Adam's state of each parameter; one that has not moved yet has none."""
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(parameters):
        kinds = {
            "step": (torch.Size(), torch.float32),
            "exp_avg": _kind(parameter),
            "exp_avg_sq": _kind(parameter),
        }
        found = _part(tensors, f"optimizer.{index}.")
        if not found:
            continue
        finite = all(value.isfinite().all() for value in found.values())
        if {k: _kind(v) for k, v in found.items()} != kinds or not finite:
            raise ValueError(
                f"`{path}` must hold the optimiser's state, got a wrong one of parameter {index}; "
                "restore it from a copy or train again."
            )
        state[index] = found
    if 3 * len(state) != len(_part(tensors, "optimizer.")):
        raise ValueError(
            f"`{path}` must hold the optimiser's state of this model, got more of it; "
            "restore it from a copy or train again."
        )
    return state


def _kind(tensor: Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype
