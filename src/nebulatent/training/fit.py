"""The training loop: batches → terms → gradients → Adam, on Lightning Fabric.

Fabric chooses the device, the precision and the processes; the loop itself is here to be read. A
method knows nothing of it. Around a step:

* the noise of step s on process r is seeded with (seed, s, r), the order of an epoch's data with
  (seed, epoch): a run that was stopped goes on to exactly the numbers it would have reached;
* a module with `begin_epoch` (anchors) is told when an epoch begins and may ask for codes;
* the whole state is saved when it is due, and when someone asks the run to stop.
"""

import functools
import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast, runtime_checkable

import torch
from torch import nn

from nebulatent.data.batch import Batch, Batches
from nebulatent.latents.anchors import MAX_START_CODES, Snapshot
from nebulatent.latents.posterior import Posterior
from nebulatent.ops.processes import any_process, gather_rows, own_rank, share_first
from nebulatent.terms import Terms
from nebulatent.training.average import Average
from nebulatent.training.checkpoints import Keeper, Saving, Weights, resume
from nebulatent.training.config import FitConfig
from nebulatent.training.interrupt import Interrupt
from nebulatent.training.paces import parameter_groups
from nebulatent.training.progress import WEIGHT, Progress, Row, score
from nebulatent.training.schedules import lr_factor
from nebulatent.training.tensor_files import load_weights
from nebulatent.typing import Tensor

if TYPE_CHECKING:  # importing Fabric takes as long as importing torch: only training waits for it
    from lightning_fabric import Fabric

NORM_EVERY = 20  # steps between two measurements of the gradient's length, if nothing clips it


class Step(NamedTuple):
    """What `on_step` is told.

    Arguments:
        step: Steps of the optimiser so far, over the whole run.
        epoch: Finished epochs.
        position: Batches used of this epoch.
        samples: Samples of this step, over all processes.
        terms: Detached terms of the step's last batch, on this process.
        lr: Learning rate of the step.
    """

    step: int
    epoch: int
    position: int
    samples: int
    terms: Terms
    lr: float


OnStep = Callable[[Step], None]
OnEpoch = Callable[[Row], None]


@runtime_checkable
class Method(Protocol):
    """All that `fit` and `encode` need of a method."""

    def __call__(self, batch: Batch, /) -> Terms:
        """The terms of one batch."""
        ...

    def encode(self, x: Tensor, /) -> Posterior:
        """q(z|x)."""
        ...


@runtime_checkable
class EpochAware(Protocol):
    """A module that changes between epochs."""

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int) -> None:
        """Called before each epoch."""
        ...


def fit(
    method: nn.Module,
    batches: Batches,
    config: FitConfig = FitConfig(),
    *,
    fabric: "Fabric | None" = None,
    saving: Saving | None = None,
    validation: Batches | None = None,
    on_step: OnStep = lambda step: None,
    on_epoch: OnEpoch = lambda row: None,
) -> list[Row]:
    """Minimise a method's terms over batches, in place; the method is left in eval mode.

    With several processes (a launched `fabric`) each takes its share of every batch, and only the
    first one writes.

    Arguments:
        method: A `Method` that is a module.
        batches: The data; each epoch has an order and a corruption of its own.
        config: How long, how fast, with how much care.
        fabric: Device, precision and processes; one CPU process if missing.
        saving: Folder to continue from, if it has a checkpoint, and to save in.
        validation: Other data for the score that `patience` watches; no label is read.
        on_step: Called after each step.
        on_epoch: Called after each epoch with its row of the history, to which it may add.

    Returns:
        One row per epoch: its number, the average of each unweighted term and its weight, their
        weighted sum ("total"), the learning rate, the mean length of the gradient, the score.

    Raises:
        FloatingPointError: If a term is no longer finite; the weights of the best epoch are saved.
        KeyboardInterrupt: If Ctrl-C or SIGTERM asked to stop; the step was finished and saved.

    Notes:
        The global random state is set inside and restored afterwards.
    """
    fabric = _one_process() if fabric is None else fabric
    with torch.random.fork_rng(), _deterministic(config.deterministic), Interrupt() as interrupt:
        run = _start(method, batches, validation, config, fabric, saving)
        try:
            while not run.is_over():
                for step in run.epoch():
                    on_step(step)
                    run.save_if_due(stop=interrupt.requested)
                row = run.row()
                on_epoch(row)
                run.finish_epoch(row)
        except FloatingPointError:
            run.keeper.save_best()
            raise
        run.save()
        run.leave_weights()
    method.eval()
    return run.progress.history


def _one_process() -> "Fabric":
    from lightning_fabric import Fabric

    return Fabric(accelerator="cpu", devices=1)


def _start(
    method: nn.Module,
    batches: Batches,
    validation: Batches | None,
    config: FitConfig,
    fabric: "Fabric",
    saving: Saving | None,
) -> "_Run":
    from lightning_fabric.plugins.precision import Precision
    from lightning_fabric.strategies.ddp import DDPStrategy
    from lightning_fabric.strategies.single_device import SingleDeviceStrategy

    if not isinstance(fabric.strategy, SingleDeviceStrategy | DDPStrategy):
        raise ValueError(
            "`fabric` must keep all weights on each device (one device, or DDP), got "
            f"{type(fabric.strategy).__name__}; pass one with another strategy."
        )
    rank, count = fabric.global_rank, fabric.world_size
    method.train().to(fabric.device)
    optimizer = torch.optim.Adam(parameter_groups(method), lr=config.lr, fused=True)
    average, keeper = Average(method, config.ema), Keeper(saving)
    weights = Weights(method, optimizer, average.values)
    progress = Progress() if saving is None else resume(saving.folder, weights)
    _check_together(progress, fabric.device)
    compiled = _compiled(method) if config.compile else method
    model, stepper = fabric.setup(compiled, optimizer)
    plain = isinstance(fabric.strategy, SingleDeviceStrategy)
    plain = plain and type(fabric.strategy.precision) is Precision
    return _Run(
        weights=weights,
        model=model,
        # Fabric's wrappers change nothing here, and take a tenth of a small model's step.
        forward=compiled if plain else model,
        stepper=optimizer if plain else stepper,
        batches=batches.share(rank, count),
        validation=None if validation is None else validation.share(rank, count),
        config=config,
        fabric=fabric,
        average=average,
        keeper=keeper,
        progress=progress,
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The parts of one training, and what happens to them."""

    weights: Weights
    model: nn.Module
    forward: nn.Module
    stepper: torch.optim.Optimizer
    batches: Batches
    validation: Batches | None
    config: FitConfig
    fabric: "Fabric"
    average: Average
    keeper: Keeper
    progress: Progress

    @property
    def method(self) -> nn.Module:
        """The method without what Fabric wraps around it."""
        return self.weights.method

    def is_over(self) -> bool:
        """Whether all epochs are done, or the score has not improved for too long."""
        patience = self.config.patience
        tired = patience is not None and self.progress.waited() >= patience
        return self.progress.epoch >= self.config.epochs or tired

    def epoch(self) -> Iterator[Step]:
        """The steps of an epoch, from where the run stands."""
        progress, config = self.progress, self.config
        if progress.index == 0:
            moved = begin_epoch(
                self.method, self.batches, progress.epoch, self.fabric.device, config.seed
            )
            self.average.follow(moved)
        group: list[Batch] = []
        for batch in self.batches.epoch(progress.epoch, progress.index):
            group.append(_moved(batch, self.fabric.device))
            if len(group) == config.accumulate:
                yield self._step(group)
                group = []
        if group:
            yield self._step(group)

    def _step(self, group: list[Batch]) -> Step:
        """One step of the optimiser on the mean gradient of a group of batches."""
        progress, config = self.progress, self.config
        steps = math.ceil(len(self.batches) / config.accumulate) * config.epochs
        lr = config.lr * lr_factor(progress.step, steps, config)
        for part in self.stepper.param_groups:
            part["lr"] = lr * part["pace"]
        self.stepper.zero_grad()
        terms = Terms({})
        for number, batch in enumerate(group, start=1):
            waits = number < len(group)  # the last batch exchanges what all have added
            with self.fabric.no_backward_sync(self.model) if waits else nullcontext():  # pyright: ignore[reportArgumentType]
                terms = self._backward(batch, share=len(group))
        self._watch_gradient()
        self.stepper.step()
        self.average.update()
        progress.step += 1
        progress.keep(lr=lr)
        samples = sum(len(batch.x) for batch in group) * self.fabric.world_size
        return Step(progress.step, progress.epoch, progress.index, samples, terms, lr)

    def _backward(self, batch: Batch, share: int) -> Terms:
        """Add the gradient of one batch; its detached terms."""
        progress = self.progress
        number = progress.epoch * len(self.batches) + progress.index
        seed_noise(self.config.seed, number, self.fabric.device)
        try:
            terms = self.forward(batch)
        except FloatingPointError as error:  # a term that guards itself
            raise FloatingPointError(f"{_where(progress)}: {error}") from error
        total = terms.total
        value = total.item()
        if not math.isfinite(value):
            raise FloatingPointError(_diverged(terms, progress))
        self.fabric.backward(total if share == 1 else total / share)
        terms = Terms({name: term.detach() for name, term in terms.values.items()}, terms.weights)
        progress.add(terms, value)
        return terms

    def _watch_gradient(self) -> None:
        """Clip the gradient if asked to; measure its length now and then."""
        if self.config.clip is not None:
            norm = self.fabric.clip_gradients(
                self.model, self.stepper, max_norm=self.config.clip, error_if_nonfinite=False
            )
        elif self.progress.step % NORM_EVERY == 0:
            gradients = [p.grad for p in self.method.parameters() if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
        else:
            return
        self.progress.note(gradient_norm=float(cast(Tensor, norm)), gradients=1.0)

    def save_if_due(self, *, stop: bool) -> None:
        """Save when it is time to; when any process was asked to stop, save and stop.

        Raises:
            KeyboardInterrupt: If it was asked to stop.
        """
        due = self.keeper.is_due(self.progress.step)
        stop, due = any_process((stop, due), self.fabric.device)
        if stop or due:
            self.save()
        if stop:
            raise KeyboardInterrupt

    def save(self) -> None:
        """Save now, but never weights that are lost.

        Raises:
            FloatingPointError: If a weight is no longer finite.
        """
        self._check_weights()
        self.keeper.save(self.weights, self.progress)

    def row(self) -> Row:
        """The row of the epoch that ends, its score included.

        Raises:
            FloatingPointError: If a weight is no longer finite.
        """
        self._check_weights()
        row = {"epoch": float(self.progress.epoch)} | self.progress.averages()
        held_out = {} if self.validation is None else self._validate(self.validation)
        row["score"] = score(held_out or row)
        weights = {name for name in held_out if name.startswith(WEIGHT)}
        return row | {f"validation_{k}": v for k, v in held_out.items() if k not in weights}

    def _check_weights(self) -> None:
        if not all(parameter.isfinite().all() for parameter in self.method.parameters()):
            raise FloatingPointError(_lost(self.progress))

    @torch.no_grad()
    def _validate(self, batches: Batches) -> Row:
        """Averages over other data, of the weights that training would leave now."""
        averages = Progress()
        self.model.eval()
        with self.average.applied():
            for index, batch in enumerate(batches.epoch(0)):
                seed_noise(self.config.seed, -1 - index, self.fabric.device)
                terms = self.forward(_moved(batch, self.fabric.device))
                averages.add(terms, terms.total.item())
        self.model.train()
        return averages.averages()

    def finish_epoch(self, row: Row) -> None:
        """Go on to the next epoch, and keep the weights if they are the best so far."""
        better = self.progress.finish_epoch(row)
        if better and (self.keeper.saving or self.config.patience):
            self.keeper.note_best(self.average.weights(self.method), self.progress)

    def leave_weights(self) -> None:
        """Put the best weights into the method if it stops early, else the average, if any."""
        weights = self.average.weights(self.method)
        if self.config.patience is not None:
            weights = self.keeper.best_weights(self.progress) or weights
        load_weights(self.method, weights, "best.safetensors")


def _compiled(method: nn.Module) -> nn.Module:
    """The method compiled so that a resumed run has the same bits, and the noise is eager's.

    A graph for any size of batch would depend on the size of the first batch it sees.
    """
    compiled = torch.compile(method, dynamic=False, options={"fallback_random": True})
    return cast(nn.Module, compiled)


def _check_together(progress: Progress, device: torch.device) -> None:
    """Processes that begin at different steps would wait for one another for ever."""
    steps = set(gather_rows(torch.tensor([progress.step], device=device)).tolist())
    if len(steps) > 1:
        raise ValueError(
            "`saving.folder` must be one that every process sees, got checkpoints of the steps "
            f"{sorted(steps)}; put it on a disk that all machines share."
        )


def seed_noise(seed: int, batch: int, device: torch.device) -> None:
    """Make the noise of a batch a function of the run's seed, its number and the process."""
    name = f"{seed} {batch} {own_rank()}".encode()
    number = int.from_bytes(hashlib.blake2b(name, digest_size=7).digest(), "big")
    # `torch.manual_seed` also tells devices that are not there, a fifth of a small model's step.
    on_cpu = device.type == "cpu"
    (torch.default_generator.manual_seed if on_cpu else torch.manual_seed)(number)


def _moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device; `Fabric.to_device` would look for tensors recursively."""
    return batch.apply(lambda part: part.to(device, non_blocking=True))


def begin_epoch(
    method: nn.Module, batches: Batches, epoch: int, device: torch.device, seed: int
) -> set[Tensor]:
    """Tell every module that changes between epochs that one begins; returns what it moved."""

    @functools.cache
    def codes() -> Snapshot:
        return snapshot(method, batches, device)

    moved: set[Tensor] = set()
    for module in method.modules():
        if isinstance(module, EpochAware):
            before = {parameter: parameter.detach().clone() for parameter in module.parameters()}
            module.begin_epoch(epoch, codes, seed)
            share_first(before)
            moved |= {now for now, then in before.items() if not torch.equal(now, then)}
    return moved


@torch.no_grad()
def snapshot(method: nn.Module, batches: Batches, device: torch.device) -> Snapshot:
    """Codes of at most 10 000 training samples, the same samples each time."""
    batch = batches.sample(MAX_START_CODES)
    training = method.training
    method.eval()
    encode, dtype = cast(Method, method).encode, next(method.parameters()).dtype
    parts = [
        encode(part.to(device, dtype)).mean.flatten(0, -2)
        for part in batch.x.split(batches.batch_size)
    ]
    method.train(training)
    return Snapshot(torch.cat(parts), batch.label)


@contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(wanted or before)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _where(progress: Progress) -> str:
    return f"At step {progress.step} in epoch {progress.epoch}"


def _diverged(terms: Terms, progress: Progress) -> str:
    names = [name for name, value in terms.values.items() if not math.isfinite(value.item())]
    return (
        f"The loss must stay finite, got {' and '.join(names) or 'total'} = nan or inf at step "
        f"{progress.step} in epoch {progress.epoch}; {_kept(progress)}. "
        "Lower `lr` or the weight of that term."
    )


def _lost(progress: Progress) -> str:
    return (
        f"The weights must stay finite, got nan or inf after step {progress.step} in epoch "
        f"{progress.epoch}; {_kept(progress)}. Lower `lr`."
    )


def _kept(progress: Progress) -> str:
    if progress.best_epoch < 0:
        return "no epoch was complete"
    return f"the weights after epoch {progress.best_epoch} are kept, if there is a folder for them"
