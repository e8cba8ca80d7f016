"""A table and a plan → a run on disk: training, checkpoints, and what sampling will need."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import torch
import torch.distributed as dist

from nebulatent.apps.fitting.cluster_stages import IMAGES, VECTORS, find_clusters, fix_clusters
from nebulatent.apps.fitting.groups import aggregate_posterior
from nebulatent.apps.fitting.some_points import OnSomePoints
from nebulatent.apps.fitting.tensorboard import TensorBoard
from nebulatent.apps.fitting.watch import Watch
from nebulatent.apps.planning.build import Trained, build, find_anchors
from nebulatent.apps.planning.build_views import begin_views
from nebulatent.apps.planning.engine import CHECKPOINTS, EngineConfig
from nebulatent.apps.planning.model_config import Poses
from nebulatent.apps.planning.plan import Plan
from nebulatent.apps.runs.record import Record, saved_seconds
from nebulatent.apps.runs.run_batches import training_batches, usage
from nebulatent.apps.runs.runs import (
    DataRecord,
    Run,
    RunConfig,
    create_folder,
    has_checkpoint,
    load_config,
    save_config,
    save_history,
    save_run,
)
from nebulatent.data.batch import Batches
from nebulatent.data.limits import check_memory
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Split, Table
from nebulatent.evaluation.encode import encode
from nebulatent.methods.nvc import NVC
from nebulatent.training.checkpoints import BEST, checkpoints, load_method
from nebulatent.training.fit import OnEpoch, OnStep, Step, fit
from nebulatent.training.progress import Row
from nebulatent.training.stages import STAGE, Stage, Stages

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SMALL_STEP = 50_000_000  # weights × samples of a step


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the data came from, for the record."""

    path: str
    split: Split = "train"
    image_size: int | None = None
    num_points: int | None = None
    voxels: int | None = None
    poses: Poses = "as-stored"
    views: int | None = 0
    pairs: bool = False


class Observer(Protocol):
    """Who follows a training: a progress bar, a log, a report."""

    def step(self, step: Step) -> None:
        """Called after each step."""
        ...

    def epoch(self, row: Row) -> None:
        """Called after each epoch, with its row of the history."""
        ...


@runtime_checkable
class StageObserver(Protocol):
    """An observer that tells stages apart."""

    def stage(self, stage: Stage) -> None:
        """Called before each stage of a training that has several."""
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
    """Create the folder of a run and write its config.

    Raises:
        FileNotFoundError, ValueError: If it is to begin with weights that are not in their file.
    """
    digest = None
    if plan.view_weights is not None:
        digest = begin_views(build(plan.model, plan.fit.seed), plan.view_weights)
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
            num_points=source.num_points,
            voxels=source.voxels,
            poses=source.poses,
            views=source.views,
            pairs=source.pairs,
        ),
        engine=engine or EngineConfig(),
        consistency=plan.consistency,
        auto_anchors=plan.auto_anchors,
        points_per_step=plan.points_per_step,
        view_weights=plan.view_weights,
        view_weights_digest=digest,
    )
    save_config(path, config)
    return config


def train(path: Path, table: Table, *observers: Observer, fabric: "Fabric | None" = None) -> None:
    """Train the run at `path` to its end, from its newest checkpoint if there is one.

    Of several processes the first one writes and is observed.

    Arguments:
        path: A run that `start_run` made.
        table: Its data.
        observers: Who follows.
        fabric: Device and processes; by default what the run's config asks for.

    Raises:
        ValueError: If the data, or the file of weights, are not those the run began with.
        FloatingPointError: If a term is no longer finite; the run is then complete as it was after
            its best epoch, if there was one.
    """
    config = load_config(path)
    if table.fingerprint != config.data.fingerprint:
        raise ValueError(
            f"`DATA` must be what run `{path}` began with, got other values under "
            f"`{config.data.path}`; start a new run."
        )
    given, fabric = fabric, config.engine.fabric() if fabric is None else fabric
    model = build(config.model, config.fit.seed)
    if not has_checkpoint(path):
        _begin_views(path, config, model)
    choose_threads(model, _pass_size(config))
    batches, held_out = training_batches(config, table)
    record = Record(path)
    leads = fabric.global_rank == 0
    try:
        config, model = _cluster(path, config, model, batches, (record, *observers), given)
        followers = [record, *_logs(path, config, model, table), *observers]
        history = fit(
            _learner(config, model),
            batches,
            config.fit,
            fabric=fabric,
            saving=config.engine.saving(path),
            validation=held_out,
            on_step=_on_step(followers if leads else ()),
            on_epoch=_on_epoch(model, batches, followers if leads else (), config.last_stage),
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
        rows = [*record.rows_before(config.last_stage), *history]
        _complete(path, config, model.cpu(), batches, rows)


def _begin_views(path: Path, config: RunConfig, model: Trained) -> None:
    """Let what reads pictures begin with the weights of a file that is still the same.

    Raises:
        FileNotFoundError, ValueError: If it is not.
    """
    weights = config.view_weights
    if weights is not None and begin_views(model, weights) != config.view_weights_digest:
        raise ValueError(
            f"`view_weights` must be the file that run `{path}` was to begin with, got another "
            f"one under `{weights}`; start a new run."
        )


def _cluster(
    path: Path,
    config: RunConfig,
    model: Trained,
    batches: Batches,
    observers: Sequence[Observer],
    fabric: "Fabric | None",
) -> tuple[RunConfig, Trained]:
    """The stages of nvc-consistency that come before `fit`; other methods have none.

    Returns:
        The run with as many anchors as were counted, if they were to be, and its model.
    """
    if config.consistency is None:
        return config, model
    check_memory(4 * config.data.num_samples * prod(config.model.shape), config.data.path)

    @contextlib.contextmanager
    def follow(stage: Stage) -> Iterator[tuple[OnStep, OnEpoch]]:
        _begin(stage, observers)

        def tell(row: Row) -> None:
            for observer in observers:
                observer.epoch(row)

        yield _on_step(observers), tell

    fabric = config.engine.cluster_fabric() if fabric is None else fabric
    stages = Stages(fabric=fabric, saving=config.engine.saving(path), follow=follow)
    x = config.scaling.apply(torch.as_tensor(batches.x[:]))
    likeness = IMAGES if len(config.model.shape) == 3 else VECTORS
    found = find_clusters(
        x, likeness, config.model, config.consistency, stages, auto=config.auto_anchors
    )
    if config.auto_anchors:
        count = len(found["positions"])
        config = replace(config, model=replace(config.model, num_anchors=count))
        save_config(path, config)
        model = build(config.model, config.fit.seed)
    fix_clusters(cast(NVC, model), found)
    _begin(Stage("decoder", config.last_stage, model, batches, config.fit), observers)
    return config, model


def _begin(stage: Stage, observers: Sequence[Observer]) -> None:
    for observer in observers:
        if isinstance(observer, StageObserver):
            observer.stage(stage)


def _learner(config: RunConfig, model: Trained) -> torch.nn.Module:
    """The model as it is trained: on all points of a cloud, or on some."""
    count = config.points_per_step
    return model if count is None else OnSomePoints(model, count)


def _pass_size(config: RunConfig) -> int:
    """Samples of one pass: pairs have two, clouds one for each point, shapes for each picture."""
    pairs = 0 if config.consistency is None else 2 * config.consistency.batch_size
    parts = config.model.shape[0] if len(config.model.shape) == 2 else 1
    if config.model.views is not None:
        parts = config.model.views.shape[0]
    return (config.points_per_step or parts) * max(config.batch_size, pairs)


def _complete_from_best(path: Path, config: RunConfig, model: Trained, batches: Batches) -> None:
    """Make a run that diverged usable as it was after its best epoch, or at a checkpoint."""
    folder = path / CHECKPOINTS
    for file in (folder / BEST, *checkpoints(folder)):
        with contextlib.suppress(ValueError, FileNotFoundError, FloatingPointError):
            history = load_method(file, _learner(config, model)).history
            history = [*Record(path).rows_before(config.last_stage), *history]
            config = replace(config, seconds=saved_seconds(path))
            _complete(path, config, model, batches, history)
            return


def _logs(path: Path, config: RunConfig, model: Trained, table: Table) -> list[Observer]:
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
    model: Trained, batches: Batches, followers: Sequence[Observer], stage: int
) -> Callable[[Row], None]:
    def tell(row: Row) -> None:
        row |= usage(model, batches)
        if stage:
            row[STAGE] = float(stage)
        for follower in followers:
            follower.epoch(row)

    return tell


def _complete(
    path: Path,
    config: RunConfig,
    model: Trained,
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
