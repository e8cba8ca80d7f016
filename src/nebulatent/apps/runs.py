"""A run as a folder: what is in it, and how it is written and read.

| file | what |
|---|---|
| config.json | everything needed to rebuild the model: sizes, scaling, options, versions, data |
| weights.safetensors | weights, and the aggregate posterior that sampling uses |
| metrics.jsonl | one line per epoch: the average of each term, and how the anchors are used |
| checkpoint.safetensors | while training is not complete: the state after the last epoch |
| report.html | the report |
"""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch

import nebulatent
from nebulatent.apps.build import build
from nebulatent.apps.model_config import ModelConfig
from nebulatent.apps.plain import from_plain, to_type
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Split
from nebulatent.latents.aggregate import Aggregate
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import FORMAT, load_tensors, load_weights, save_tensors
from nebulatent.training.config import FitConfig

CONFIG, WEIGHTS, METRICS = "config.json", "weights.safetensors", "metrics.jsonl"
CHECKPOINT, REPORT = "checkpoint.safetensors", "report.html"


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """Which data a run was trained on."""

    path: str
    split: Split
    image_size: int | None
    fingerprint: str
    num_samples: int
    label_names: tuple[str, ...]
    found: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All of a run but its weights."""

    model: ModelConfig
    fit: FitConfig
    batch_size: int
    scaling: Scaling
    data: DataRecord
    seconds: float = 0.0
    """Training time so far; 0 until training is complete."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the versions of what made them."""
        return {
            "format": FORMAT,
            "versions": {
                "nebulatent": nebulatent.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "model": asdict(self.model),
            "fit": asdict(self.fit),
            "batch_size": self.batch_size,
            "scaling": self.scaling.to_json(),
            "data": asdict(self.data),
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """What `to_json` wrote.

        Raises:
            ValueError: If the format is newer.
            KeyError, TypeError: If it is something else.
        """
        if not isinstance(saved, dict):
            raise ValueError("it is not a JSON object")
        if to_type(int, saved["format"], "format") > FORMAT:
            raise ValueError(f"format {saved['format']} needs a newer nebulatent")
        model = from_plain(ModelConfig, saved["model"], "model")
        return cls(
            model=model,
            fit=from_plain(FitConfig, saved["fit"], "fit"),
            batch_size=to_type(int, saved["batch_size"], "batch_size"),
            scaling=_scaling(saved["scaling"], model.shape),
            data=from_plain(DataRecord, saved["data"], "data"),
            seconds=to_type(float, saved["seconds"], "seconds"),
        )


class Run(NamedTuple):
    """A trained model with what it needs to be used."""

    path: Path
    config: RunConfig
    model: VAE | CVAE | NVC
    aggregate: Aggregate


def _scaling(saved: dict[str, Any], shape: tuple[int, ...]) -> Scaling:
    scaling = Scaling.from_json(saved)
    for name in ("shift", "scale"):
        values: torch.Tensor = getattr(scaling, name)
        if values.shape not in ((), shape) or not values.isfinite().all():
            raise ValueError(f"`scaling.{name}` must be a finite number, or one per feature")
    if not scaling.scale.all():
        raise ValueError("`scaling.scale` must not be zero")
    return scaling


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a crash leaves the old one."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def create_folder(path: Path, *, overwrite: bool) -> None:
    """Make the folder of a new run; of an old one only the files of a run are removed.

    Raises:
        FileExistsError: If it holds something already and `overwrite` is not set.
        OSError: If it cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"`--out` must be a folder, got the file `{path}`.")
    if path.is_dir() and any(path.iterdir()):
        if not _is_run(path):
            raise FileExistsError(
                f"`--out` must be a new folder or a run, got `{path}` with other files in it; "
                "choose another folder."
            )
        if not overwrite:
            raise FileExistsError(
                f"`--out` must be a new folder, got the existing run `{path}`; "
                "pass --overwrite to replace it, or --resume to go on with it."
            )
        for name in (WEIGHTS, METRICS, CHECKPOINT, REPORT, CONFIG):
            (path / name).unlink(missing_ok=True)
    path.mkdir(parents=True, exist_ok=True)


def _is_run(path: Path) -> bool:
    """Whether the folder has a config of ours, be it damaged; others have a config.json too."""
    config = path / CONFIG
    return config.is_file() and b'"nebulatent"' in config.read_bytes()


def discard_empty_run(path: Path, *, folder: bool) -> None:
    """Remove a run of which nothing is worth keeping: neither weights nor a checkpoint.

    Arguments:
        path: Folder of the run.
        folder: Whether to remove the folder too, if nothing else is in it.
    """
    if (path / WEIGHTS).exists() or (path / CHECKPOINT).exists() or not _is_run(path):
        return
    for name in (CONFIG, METRICS):
        (path / name).unlink(missing_ok=True)
    if folder and not any(path.iterdir()):
        path.rmdir()


def save_config(path: Path, config: RunConfig) -> None:
    """Write config.json."""
    write_text(path / CONFIG, json.dumps(config.to_json(), indent=2) + "\n")


def load_config(path: Path) -> RunConfig:
    """Read config.json.

    Raises:
        FileNotFoundError: If there is no run at this path.
        ValueError: If the config is damaged or newer.
    """
    file = path / CONFIG
    if not file.is_file():
        raise FileNotFoundError(
            f"`RUN` must be a folder written by `nebulatent fit`, got `{path}` without {CONFIG}."
        )
    try:
        return RunConfig.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise ValueError(
            f"`{file}` must be a config that this version of nebulatent wrote, got one it cannot "
            f"read ({what}); restore it from a copy or train again."
        ) from error


def save_run(run: Run) -> None:
    """Write weights and config, and drop the checkpoint: the run is complete."""
    tensors = dict(run.model.state_dict())
    tensors |= {f"aggregate.{key}": value for key, value in run.aggregate._asdict().items()}
    save_tensors(run.path / WEIGHTS, tensors, {})
    save_config(run.path, run.config)
    (run.path / CHECKPOINT).unlink(missing_ok=True)


def load_run(path: Path) -> Run:
    """Read a complete run.

    Raises:
        FileNotFoundError: If there is no run, or it is not complete.
        ValueError: If a file is damaged.
    """
    config = load_config(path)
    if not (path / WEIGHTS).is_file():
        raise FileNotFoundError(
            f"`RUN` must be a complete run, got `{path}` without weights; "
            f"finish it with `nebulatent fit --resume {path}`."
        )
    tensors, _ = load_tensors(path / WEIGHTS)
    try:
        aggregate = Aggregate(*(tensors.pop(f"aggregate.{name}") for name in Aggregate._fields))
    except KeyError as error:
        raise ValueError(f"`{path / WEIGHTS}` must hold {error}, got a file without it.") from error
    _check_aggregate(aggregate, config.model, str(path / WEIGHTS))
    model = build(config.model, seed=0)
    load_weights(model, tensors, str(path / WEIGHTS))
    return Run(path, config, model.eval(), aggregate)


def _check_aggregate(aggregate: Aggregate, model: ModelConfig, source: str) -> None:
    groups, size = 1 + (model.num_anchors if model.has_anchors else 0), model.latent_dim
    shapes = tuple(tuple(value.shape) for value in aggregate)
    if shapes != ((groups, size), (groups, size, size), (groups,)):
        raise ValueError(
            f"The aggregate posterior in `{source}` must fit the model of its config, got shapes "
            f"{shapes}; the two files do not belong together."
        )


def load_history(path: Path) -> list[dict[str, float]]:
    """Read metrics.jsonl.

    Raises:
        ValueError: If a line is damaged.
    """
    try:
        lines = (path / METRICS).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return [{key: to_type(float, row[key], key) for key in row} for row in rows]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"`{path / METRICS}` must hold one JSON object of numbers a line, got another file "
            f"({error}); restore it from a copy or train again."
        ) from error


def save_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write metrics.jsonl."""
    write_text(path / METRICS, "".join(json.dumps(row) + "\n" for row in history))
