"""A table and a plan → a run on disk: training, checkpoints, and what sampling will need."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nebulatent.apps.build import build, find_anchors
from nebulatent.apps.plan import Plan
from nebulatent.apps.runs import (
    CHECKPOINT,
    DataRecord,
    Run,
    RunConfig,
    create_folder,
    load_config,
    save_config,
    save_history,
    save_run,
)
from nebulatent.data import views
from nebulatent.data.batch import Batches
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Split, Table
from nebulatent.evaluation.clustering import anchors_in_use, perplexity
from nebulatent.evaluation.encode import Codes, encode
from nebulatent.latents.aggregate import Aggregate, aggregate
from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.vae import VAE
from nebulatent.training.checkpoints import load_method
from nebulatent.training.fit import fit, snapshot

SMALL_STEP = 50_000_000  # weights × samples of a step
OnEpoch = Callable[[dict[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the data came from, for the record."""

    path: str
    split: Split = "train"
    image_size: int | None = None


def start_run(
    path: Path, table: Table, source: Source, scaling: Scaling, plan: Plan, *, overwrite: bool
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
    )
    save_config(path, config)
    return config


def train(path: Path, table: Table, on_epoch: OnEpoch) -> Run:
    """Train the run at `path` to its end, from its checkpoint if there is one.

    Raises:
        ValueError: If the data are not those the run began with.
        FloatingPointError: If a term is no longer finite; the run is then complete as it was after
            its last good epoch, if there was one.
    """
    config = load_config(path)
    if table.fingerprint != config.data.fingerprint:
        raise ValueError(
            f"`DATA` must be what run `{path}` began with, got other values under "
            f"`{config.data.path}`; start a new run."
        )
    model = build(config.model, config.fit.seed)
    choose_threads(model, config.batch_size)
    batches = training_batches(config, table)
    anchors = find_anchors(model)
    checkpoint = path / CHECKPOINT

    def finish_epoch(row: dict[str, float]) -> None:
        row |= _usage(model, anchors, batches)
        on_epoch(row)

    started = time.perf_counter()
    try:
        history = fit(model, batches, config.fit, checkpoint=checkpoint, on_epoch=finish_epoch)
    except FloatingPointError:
        if checkpoint.exists():
            history = list(load_method(checkpoint, model).history)
            with contextlib.suppress(FloatingPointError):  # these weights are no good either
                _complete(path, config, model, batches, history)
        raise
    config = replace(config, seconds=time.perf_counter() - started)
    return _complete(path, config, model, batches, history)


def _complete(
    path: Path,
    config: RunConfig,
    model: VAE | CVAE | NVC,
    batches: Batches,
    history: list[dict[str, float]],
) -> Run:
    codes = encode(model.eval(), batches.x, config.scaling.apply)
    run = Run(path, config, model, _aggregate(codes, find_anchors(model)))
    save_history(path, history)
    save_run(run)
    return run


def choose_threads(model: torch.nn.Module, batch_size: int) -> None:
    """One thread for small models, whose steps are shorter than waking a second one.

    On a machine that does other work, two threads that wait for one another can be 50 times slower.
    """
    weights = sum(parameter.numel() for parameter in model.parameters())
    if weights * batch_size < SMALL_STEP:
        torch.set_num_threads(1)


def training_batches(config: RunConfig, table: Table) -> Batches:
    """The batches a run is trained on; labels are in them only if its method reads labels."""
    label = None
    if config.model.uses_labels and table.label is not None:
        label = torch.from_numpy(table.label)
    return Batches(
        torch.from_numpy(table.x),
        label,
        batch_size=config.batch_size,
        seed=config.fit.seed,
        prepare=config.scaling.apply,
        view=_corruption(config) if config.model.host == "dvae" else None,
    )


def _corruption(config: RunConfig) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor]:
    """Masked values for data in [0, 1], noise for real values."""
    return views.mask if config.model.likelihood == "bernoulli" else views.gaussian


def _usage(
    model: VAE | CVAE | NVC, anchors: AnchorSet | None, batches: Batches
) -> dict[str, float]:
    if anchors is None or not anchors.active:
        return {}
    codes = snapshot(model, batches, torch.device("cpu")).z
    assign = anchors.assign(codes).numpy()
    return {
        "anchors_in_use": float(anchors_in_use(assign, anchors.num_anchors)),
        "perplexity": float(perplexity(assign, anchors.num_anchors)),
    }


def _aggregate(codes: Codes, anchors: AnchorSet | None) -> Aggregate:
    """Group 0 is all codes, group 1 + i those of anchor i."""
    everything = torch.arange(len(codes.mean))
    middle = codes.mean.mean(0, keepdim=True)
    if anchors is None:
        return aggregate(codes.mean, codes.variance, [everything], middle)
    owner = anchors.assign(codes.mean)
    groups = [(owner == i).nonzero().flatten() for i in range(anchors.num_anchors)]
    centres = torch.cat([middle, anchors.positions.detach()])
    try:
        return aggregate(codes.mean, codes.variance, [everything, *groups], centres)
    except torch.linalg.LinAlgError as error:  # pyright: ignore[reportPrivateImportUsage]
        raise FloatingPointError(
            "The codes of the trained model must have a finite covariance, got NaN or infinity; "
            "lower `lr`."
        ) from error
