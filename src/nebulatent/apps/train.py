"""A table and a plan → a run on disk: training, checkpoints, and what sampling will need."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
import torch.distributed as dist
from lightning_fabric import Fabric

from nebulatent.apps.build import build, find_anchors
from nebulatent.apps.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.groups import aggregate_posterior
from nebulatent.apps.plan import Plan
from nebulatent.apps.record import Record, saved_seconds
from nebulatent.apps.run_batches import training_batches, usage
from nebulatent.apps.runs import (
    DataRecord,
    Run,
    RunConfig,
    create_folder,
    load_config,
    save_config,
    save_history,
    save_run,
)
from nebulatent.apps.tensorboard import TensorBoard
from nebulatent.apps.watch import Watch
from nebulatent.data.batch import Batches
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Split, Table
from nebulatent.evaluation.encode import encode
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import BEST, checkpoints, load_method
from nebulatent.training.fit import Step, fit
from nebulatent.training.progress import Row

SMALL_STEP = 50_000_000  # weights × samples of a step


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the data came from, for the record."""

    path: str
    split: Split = "train"
    image_size: int | None = None


class Observer(Protocol):
    """Who follows a training: a progress bar, a log, a report."""

    def step(self, step: Step) -> None:
        """Called after each step."""
        ...

    def epoch(self, row: Row) -> None:
        """Called after each epoch, with its row of the history."""
        ...


def start_run(
    path: Path,
    table: Table,
    source: Source,
    scaling: Scaling,
    plan: Plan,
    *,
    engine: EngineConfig | None = None,
    overwrite: bool,
) -> RunConfig:
    """Create the folder of a run and write its config."""
    create_folder(path, overwrite=overwrite)
    config = RunConfig(
        model=plan.model,
        fit=plan.fit,
        batch_size=plan.batch_size,
        scaling=scaling,
        data=DataRecord(
            path=source.path,
            split=source.split,
            image_size=source.image_size,
            fingerprint=table.fingerprint,
            num_samples=table.num_samples,
            label_names=table.label_names,
            found=table.found,
        ),
        engine=engine or EngineConfig(),
    )
    save_config(path, config)
    return config


def train(path: Path, table: Table, *observers: Observer, fabric: Fabric | None = None) -> None:
    """Train the run at `path` to its end, from its newest checkpoint if there is one.

    Of several processes the first one writes and is observed.

    Arguments:
        path: A run that `start_run` made.
        table: Its data.
        observers: Who follows.
        fabric: Device and processes; by default what the run's config asks for.

    Raises:
        ValueError: If the data are not those the run began with.
        FloatingPointError: If a term is no longer finite; the run is then complete as it was after
            its best epoch, if there was one.
    """
    config = load_config(path)
    if table.fingerprint != config.data.fingerprint:
        raise ValueError(
            f"`DATA` must be what run `{path}` began with, got other values under "
            f"`{config.data.path}`; start a new run."
        )
    fabric = config.engine.fabric() if fabric is None else fabric
    model = build(config.model, config.fit.seed)
    choose_threads(model, config.batch_size)
    batches, held_out = training_batches(config, table)
    record = Record(path)
    followers = [record, *_logs(path, config, model, table), *observers]
    leads = fabric.global_rank == 0
    try:
        history = fit(
            model,
            batches,
            config.fit,
            fabric=fabric,
            saving=config.engine.saving(path),
            validation=held_out,
            on_step=_on_step(followers if leads else ()),
            on_epoch=_on_epoch(model, batches, followers if leads else ()),
        )
    except FloatingPointError:
        if leads:
            _complete_from_best(path, config, model.cpu(), batches)
        raise
    finally:
        if leads:
            record.save_seconds()
    if fabric.world_size > 1:
        dist.destroy_process_group()
    if leads:
        config = replace(config, seconds=record.seconds)
        _complete(path, config, model.cpu(), batches, history)


def _complete_from_best(
    path: Path, config: RunConfig, model: VAE | CVAE | NVC, batches: Batches
) -> None:
    """Make a run that diverged usable as it was after its best epoch, or at a checkpoint."""
    folder = path / CHECKPOINTS
    for file in (folder / BEST, *checkpoints(folder)):
        with contextlib.suppress(ValueError, FileNotFoundError, FloatingPointError):
            history = load_method(file, model).history
            config = replace(config, seconds=saved_seconds(path))
            _complete(path, config, model, batches, history)
            return


def _logs(path: Path, config: RunConfig, model: VAE | CVAE | NVC, table: Table) -> list[Observer]:
    logs: list[Observer] = []
    if "tensorboard" in config.engine.log:
        logs.append(TensorBoard(path))
    if config.engine.watch:
        logs.append(Watch(path, config, model, table))
    return logs


def _on_step(followers: Sequence[Observer]) -> Callable[[Step], None]:
    def tell(step: Step) -> None:
        for follower in followers:
            follower.step(step)

    return tell


def _on_epoch(
    model: VAE | CVAE | NVC, batches: Batches, followers: Sequence[Observer]
) -> Callable[[Row], None]:
    def tell(row: Row) -> None:
        row |= usage(model, batches)
        for follower in followers:
            follower.epoch(row)

    return tell


def _complete(
    path: Path,
    config: RunConfig,
    model: VAE | CVAE | NVC,
    batches: Batches,
    history: Sequence[Row],
) -> None:
    codes = encode(model.eval(), batches.x, config.scaling.apply)
    save_history(path, history)
    save_run(Run(path, config, model, aggregate_posterior(codes, find_anchors(model))))


def choose_threads(model: torch.nn.Module, batch_size: int) -> None:
    """One thread for small models, whose steps are shorter than waking a second one.

    On a machine that does other work, two threads that wait for one another can be 50 times slower.
    """
    weights = sum(parameter.numel() for parameter in model.parameters())
    if weights * batch_size < SMALL_STEP:
        torch.set_num_threads(1)
