"""What is in a run's folder: every file is read and checked, no model is built."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nebulatent.apps.planning.engine import CHECKPOINTS
from nebulatent.apps.reports.portrait import display_name
from nebulatent.apps.runs.record import saved_seconds
from nebulatent.apps.runs.runs import CONFIG, METRICS, WEIGHTS, RunConfig, load_config, load_history
from nebulatent.training.checkpoints import BEST, checkpoints
from nebulatent.training.tensor_files import load_tensors

State = Literal["complete", "unfinished", "not begun", "damaged"]
OTHERS = ("aggregate.", "optimizer.", "average.")  # tensors that are not the model's
COUNTS = ("step", "epoch", "index", "best_epoch")


@dataclass(frozen=True, kw_only=True)
class TensorFile:
    """A file of weights or of a checkpoint.

    Arguments:
        file: Its place inside the run.
        size: Bytes.
        numbers: How many numbers the model has; 0 if the file is damaged.
        counts: Where the run stood: "step", "epoch" (finished ones), "index" (batches used of the
            next one), "best_epoch"; empty for weights.
        best: Best score until then.
        problem: Why it cannot be used.
    """

    file: str
    size: int
    numbers: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    best: float | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """All that is known of a run."""

    path: Path
    config: RunConfig
    versions: dict[str, str]
    state: State
    seconds: float
    weights: TensorFile | None
    checkpoints: tuple[TensorFile, ...]
    best: TensorFile | None
    rows: int
    last_row: dict[str, float]
    problems: tuple[str, ...]

    @property
    def newest(self) -> TensorFile | None:
        """The weights, or else the checkpoint that the run would go on from."""
        files = (self.weights, *self.checkpoints)
        return next((file for file in files if file and not file.problem), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        newest = self.newest
        return {
            "run": str(self.path),
            "state": self.state,
            "method": display_name(self.config),
            "numbers": newest.numbers if newest else None,
            "config": self.config.to_json()
            | {"versions": self.versions, "seconds": round(self.seconds, 3)},
            "weights": asdict(self.weights) if self.weights else None,
            "checkpoints": [asdict(file) for file in self.checkpoints],
            "best": asdict(self.best) if self.best else None,
            "rows": self.rows,
            "last_row": self.last_row,
            "problems": list(self.problems),
        }


def inspect_run(path: Path) -> Inspection:
    """Read all of a run.

    Raises:
        FileNotFoundError: If there is no run.
        ValueError: If its config cannot be read; any other damage is in the result.
    """
    config = load_config(path)
    weights = _read(path, path / WEIGHTS) if (path / WEIGHTS).exists() else None
    folder = path / CHECKPOINTS
    saved = tuple(_read(path, file) for file in checkpoints(folder))
    best = _read(path, folder / BEST) if (folder / BEST).exists() else None
    history, problem = _history(path)
    files = [file for file in (weights, *saved, best) if file]
    return Inspection(
        path=path,
        config=config,
        versions=json.loads((path / CONFIG).read_text(encoding="utf-8")).get("versions", {}),
        state=_state(weights, saved),
        seconds=config.seconds or saved_seconds(path),
        weights=weights,
        checkpoints=saved,
        best=best,
        rows=len(history),
        last_row=history[-1] if history else {},
        problems=tuple(text for text in (*(file.problem for file in files), problem) if text),
    )


def _state(weights: TensorFile | None, saved: tuple[TensorFile, ...]) -> State:
    if weights is not None:
        return "damaged" if weights.problem else "complete"
    if not saved:
        return "not begun"
    return "damaged" if all(file.problem for file in saved) else "unfinished"


def _read(path: Path, file: Path) -> TensorFile:
    name, size = str(file.relative_to(path)), file.stat().st_size
    try:
        tensors, header = load_tensors(file)
        counts = {key: header[key] for key in COUNTS if isinstance(header.get(key), int)}
        if file.name.startswith("step-") and len(counts) < len(COUNTS):
            raise ValueError(f"`{file}` must be a checkpoint, got another file.")
        weights = {key: value for key, value in tensors.items() if not key.startswith(OTHERS)}
        bad = next((key for key, value in weights.items() if not value.isfinite().all()), None)
        if bad:
            raise ValueError(f"`{file}` must be finite, got NaN or infinity in `{bad}`.")
    except (ValueError, OSError) as error:
        return TensorFile(file=name, size=size, problem=str(error))
    best = header.get("best")
    return TensorFile(
        file=name,
        size=size,
        numbers=sum(value.numel() for value in weights.values()),
        counts=counts,
        best=float(best) if isinstance(best, int | float) else None,
    )


def _history(path: Path) -> tuple[list[dict[str, float]], str | None]:
    if not (path / METRICS).exists():
        return [], None
    try:
        return load_history(path), None
    except ValueError as error:
        return [], str(error)
