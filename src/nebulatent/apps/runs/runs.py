"""A run as a folder: what is in it, and how it is written and read.

| file | what |
|---|---|
| config.json | everything needed to rebuild the model: sizes, scaling, options, versions, data |
| weights.safetensors | weights, and the aggregate posterior that sampling uses |
| metrics.jsonl | one line per epoch: the average of each term, and how the anchors are used; \
of a training in several stages also the number of the stage |
| metrics.csv | the same as a table |
| checkpoints/ | while training is not complete: what it goes on from |
| tensorboard/ | events, if they were asked for |
| report.html | the report |
"""

import csv
import io
import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

import nebulatent
from nebulatent.apps.planning.build import Trained, build
from nebulatent.apps.planning.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.planning.model_config import ModelConfig, Poses
from nebulatent.apps.runs.plain import from_plain, in_short, to_type
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Split
from nebulatent.latents.aggregate import Aggregate
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.parae import ParAE
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import latest
from nebulatent.training.config import FitConfig
from nebulatent.training.consistent import ConsistencyConfig
from nebulatent.training.strict_json import parse_json
from nebulatent.training.tensor_files import FORMAT, check_weights, load_tensors, save_tensors

CONFIG, WEIGHTS, REPORT = "config.json", "weights.safetensors", "report.html"
METRICS, METRICS_TABLE = "metrics.jsonl", "metrics.csv"
TENSORBOARD = "tensorboard"


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
    num_points: int | None = None
    """Points drawn from each file of a mesh or cloud; None is the reader's rule."""
    voxels: int | None = None
    """Cells along each side that grids were brought to; None is the reader's rule."""
    poses: Poses = "as-stored"
    """Poses of clouds of points that the model is given, whatever those in a file are."""
    views: int | None = 0
    """Pictures read beside each grid; None is the reader's rule."""
    pairs: bool = False
    """Whether samples are partial grids, read with the whole ones beside them."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All of a run but its weights."""

    model: ModelConfig
    fit: FitConfig
    batch_size: int
    scaling: Scaling
    data: DataRecord
    engine: EngineConfig = field(default_factory=EngineConfig)
    consistency: ConsistencyConfig | None = None
    """The clustering stages of nvc-consistency, which come before `fit`."""
    auto_anchors: bool = False
    """Whether the anchors of `model` are counted in these stages; until then, it has one."""
    points_per_step: int | None = None
    """Points of each cloud that a training step sees; None for all."""
    view_weights: str | None = None
    """File of the weights with which the encoder of a picture began; None for drawn ones."""
    view_weights_digest: str | None = None
    """SHA-256 of that file."""
    seconds: float = 0.0
    """Training time, over all its parts; 0 until training is complete."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1, got {self.batch_size}.")
        if (self.consistency is not None) != self.model.is_consistent:
            raise ValueError(
                "`consistency` must be given with nvc-consistency and with no other method, got "
                f"{'some' if self.consistency else 'none'} with {self.model.method}."
            )
        if self.auto_anchors and self.consistency is None:
            raise ValueError("`auto_anchors` must go with nvc-consistency, got another method.")
        if self.points_per_step is not None and (
            len(self.model.shape) != 2 or not 1 <= self.points_per_step <= self.model.shape[0]
        ):
            raise ValueError(
                "`points_per_step` must be some of the points of a cloud, got "
                f"{self.points_per_step} for samples of shape {self.model.shape}."
            )

    @property
    def last_stage(self) -> int:
        """Number of the last stage: each member and the clusters are a stage before it."""
        return 0 if self.consistency is None else self.consistency.members + 1

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
            "engine": asdict(self.engine),
            "consistency": None if self.consistency is None else asdict(self.consistency),
            "auto_anchors": self.auto_anchors,
            "points_per_step": self.points_per_step,
            "view_weights": self.view_weights,
            "view_weights_digest": self.view_weights_digest,
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
        if unknown := saved.keys() - {"versions", "format", *(part.name for part in fields(cls))}:
            raise ValueError(f"it has the unknown {min(unknown)!r:.40}")
        model = from_plain(ModelConfig, saved["model"], "model")
        return cls(
            model=model,
            fit=from_plain(FitConfig, saved["fit"], "fit"),
            batch_size=to_type(int, saved["batch_size"], "batch_size"),
            scaling=_scaling(saved["scaling"], model.shape),
            data=from_plain(DataRecord, saved["data"], "data"),
            engine=from_plain(EngineConfig, saved.get("engine", {}), "engine"),
            consistency=_consistency(saved.get("consistency")),
            auto_anchors=to_type(bool, saved.get("auto_anchors", False), "auto_anchors"),
            points_per_step=to_type(int | None, saved.get("points_per_step"), "points_per_step"),
            **{
                name: to_type(str | None, saved.get(name), name)
                for name in ("view_weights", "view_weights_digest")
            },
            seconds=to_type(float, saved["seconds"], "seconds"),
        )


class Run(NamedTuple):
    """A trained model with what it needs to be used."""

    path: Path
    config: RunConfig
    model: Trained
    aggregate: Aggregate


def decoding(run: Run) -> VAE | CVAE | NVC | SwitchVAE | RecGAN:
    """The model of a run, if it turns codes alone back into samples.

    Raises:
        ValueError: If it does not.
    """
    if run.config.model.completion is not None and not run.config.model.decodes:
        raise ValueError(
            f"`RUN` must be of a method that decodes codes, got {run.config.model.host}, whose "
            "decoder also sees the grid that is completed; use complete, embed, search or "
            "evaluate, or train with --no-shortcuts."
        )
    if isinstance(run.model, ParAE):
        raise ValueError(
            f"`RUN` must be of a method that decodes codes, got {run.config.model.method}, whose "
            "codes only describe samples; use embed or evaluate."
        )
    return run.model


def _consistency(saved: object) -> ConsistencyConfig | None:
    return None if saved is None else from_plain(ConsistencyConfig, saved, "consistency")


def _scaling(saved: dict[str, Any], shape: tuple[int, ...]) -> Scaling:
    scaling = Scaling.from_json(saved)
    for name in ("shift", "scale"):
        values: torch.Tensor = getattr(scaling, name)
        own = ((), shape) if scaling.rule == "standard" else ((),)
        if values.shape not in own or not values.isfinite().all():
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
        _remove(path, CHECKPOINTS, TENSORBOARD, WEIGHTS, METRICS, METRICS_TABLE, REPORT, CONFIG)
    path.mkdir(parents=True, exist_ok=True)


def _remove(path: Path, *names: str) -> None:
    """Remove parts of a run: files, and folders that only a run writes into."""
    for name in names:
        if (path / name).is_dir():
            shutil.rmtree(path / name)
        else:
            (path / name).unlink(missing_ok=True)


def has_checkpoint(path: Path) -> bool:
    """Whether a run can go on, in its last stage or in one before."""
    folders = [path / CHECKPOINTS, *(path / CHECKPOINTS).glob("*/")]
    return any(latest(folder) is not None for folder in folders)


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
    if (path / WEIGHTS).exists() or has_checkpoint(path) or not _is_run(path):
        return
    _remove(path, CHECKPOINTS, TENSORBOARD, METRICS, METRICS_TABLE, CONFIG)
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
        return RunConfig.from_json(parse_json(file.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else in_short(error)
        raise ValueError(
            f"`{file}` must be a config that this version of nebulatent wrote, got one it cannot "
            f"read ({what}); restore it from a copy or train again."
        ) from error


def save_run(run: Run) -> None:
    """Write weights and config, and drop the checkpoints: the run is complete."""
    tensors = dict(run.model.state_dict())
    tensors |= {f"aggregate.{key}": value for key, value in run.aggregate._asdict().items()}
    save_tensors(run.path / WEIGHTS, tensors, {})
    save_config(run.path, run.config)
    _remove(run.path, CHECKPOINTS)


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
    source = str(path / WEIGHTS)
    tensors, _ = load_tensors(path / WEIGHTS)
    try:
        aggregate = Aggregate(*(tensors.pop(f"aggregate.{name}") for name in Aggregate._fields))
    except KeyError as error:
        raise ValueError(f"`{source}` must hold {error}, got a file without it.") from error
    _check_aggregate(aggregate, config.model, source)
    _check_model(config.model, tensors, source)
    model = build(config.model, seed=0)
    model.load_state_dict(tensors)
    return Run(path, config, model.eval(), aggregate)


class _Undrawn(TorchFunctionMode):
    """Draws no normal numbers: on the device `meta` that would import PyTorch's compiler."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is torch.Tensor.normal_:
            return args[0]
        options = dict(kwargs or {})
        if func is torch.randn:
            options.pop("generator", None)
            return torch.empty(*args, **options)
        return func(*args, **options)


def _check_model(config: ModelConfig, tensors: dict[str, torch.Tensor], source: str) -> None:
    """Refuse weights of another model before memory for a model of that size is taken."""
    try:
        if len(config.widths) > len(tensors):
            raise OverflowError("more layers than weights")
        with torch.device("meta"), _Undrawn():
            model = build(config, seed=0)
    except (RuntimeError, TypeError, OverflowError) as error:  # a size that no tensor can have
        raise ValueError(
            f"The weights in `{source}` must fit the model of its config, got a config of a far "
            "larger model; the two files do not belong together."
        ) from error
    check_weights(model, tensors, source)


def _check_aggregate(aggregate: Aggregate, model: ModelConfig, source: str) -> None:
    groups, size = 1 + (model.num_anchors if model.has_anchors else 0), model.latent_dim
    shapes = tuple(tuple(value.shape) for value in aggregate)
    if shapes != ((groups, size), (groups, size, size), (groups,)):
        raise ValueError(
            f"The aggregate posterior in `{source}` must fit the model of its config, got shapes "
            f"{shapes!s:.200}; the two files do not belong together."
        )
    mean, factor, count = aggregate
    if any(v.dtype != torch.float32 or not v.isfinite().all() for v in (mean, factor)):
        raise ValueError(
            f"The aggregate posterior in `{source}` must hold finite numbers, got others; "
            "restore it from a copy or train again."
        )
    if count.dtype != torch.int64 or (count < 0).any():
        raise ValueError(
            f"The aggregate posterior in `{source}` must count its codes, got something else; "
            "restore it from a copy or train again."
        )


def load_history(path: Path) -> list[dict[str, float]]:
    """Read metrics.jsonl.

    Raises:
        ValueError: If there is none, or a line is damaged.
    """
    file = path / METRICS
    try:
        if not file.is_file():  # opening a pipe would wait for ever
            raise ValueError("there is no such file")
        lines = file.read_text(encoding="utf-8").splitlines()
        return [_row(parse_json(line)) for line in lines]
    except (OSError, ValueError) as error:
        raise ValueError(
            f"`{file}` must hold one JSON object of numbers a line, got another file "
            f"({in_short(error)}); restore it from a copy or train again."
        ) from error


def _row(saved: object) -> dict[str, float]:
    if not isinstance(saved, dict):
        raise ValueError("a line is no JSON object")
    return {key: to_type(float, value, key) for key, value in saved.items()}


def save_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write metrics.jsonl, and metrics.csv with a column for each name in any row."""
    write_text(path / METRICS, "".join(json.dumps(row) + "\n" for row in history))
    table = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in history for name in row))
    writer = csv.DictWriter(table, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path / METRICS_TABLE, table.getvalue())
