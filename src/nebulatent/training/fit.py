"""The training loop: batches → terms → gradients → Adam, one screen, on Lightning Fabric.

Fabric chooses the device and the precision and could start several processes; the loop itself is
here to be read. A method knows nothing of it. Two things happen around it:

* a module with `begin_epoch` (anchors) is told when an epoch begins and may ask for codes;
* after each epoch the whole state is saved, if `checkpoint` names a place, so that a run that was
  stopped goes on to exactly the numbers it would have reached.
"""

import functools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import torch
from lightning_fabric import Fabric
from torch import nn

from nebulatent.data.batch import Batch, Batches
from nebulatent.latents.anchors import MAX_START_CODES, Snapshot
from nebulatent.latents.posterior import Posterior
from nebulatent.terms import Terms
from nebulatent.training.checkpoints import Progress, load_checkpoint, save_checkpoint
from nebulatent.training.config import FitConfig
from nebulatent.training.schedules import linear_decay
from nebulatent.typing import Tensor

OnStep = Callable[[int, Terms], None]
OnEpoch = Callable[[dict[str, float]], None]


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
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    on_step: OnStep = lambda step, terms: None,
    on_epoch: OnEpoch = lambda row: None,
) -> list[dict[str, float]]:
    """Minimise a method's terms over batches, in place; the method is left in eval mode.

    Arguments:
        method: A `Method` that is a module.
        batches: The data; each epoch has an order and a corruption of its own.
        config: How long and how fast.
        fabric: Device and precision; one CPU process if missing.
        checkpoint: File to continue from, if it exists, and to write after each epoch.
        on_step: Called after each step with its number and its terms.
        on_epoch: Called after each epoch with its row of the history, to which it may add.

    Returns:
        One row per epoch: its number, the average of each unweighted term and of their weighted
        sum ("total").

    Raises:
        FloatingPointError: If a term is no longer finite; the last checkpoint holds good weights.

    Notes:
        The global random state is set inside and restored afterwards.
    """
    fabric = Fabric(accelerator="cpu", devices=1) if fabric is None else fabric
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        method.train().to(fabric.device)
        optimizer = torch.optim.Adam(method.parameters(), lr=config.lr, fused=True)
        progress = Progress()
        if checkpoint is not None and checkpoint.exists():
            progress = load_checkpoint(checkpoint, method, optimizer)
        model, stepper = fabric.setup(method, optimizer)
        history = list(progress.history)
        for epoch in range(progress.epoch, config.epochs):
            begin_epoch(method, batches, epoch, fabric.device, config.seed)
            row = {"epoch": float(epoch)}
            for step, terms in _epoch(model, stepper, batches, epoch, config, fabric):
                on_step(step, terms)
                _accumulate(row, terms)
            row |= {k: v / len(batches) for k, v in row.items() if k != "epoch"}
            if not all(parameter.isfinite().all() for parameter in method.parameters()):
                raise FloatingPointError(_lost(epoch))
            on_epoch(row)
            history.append(row)
            if checkpoint is not None:
                save_checkpoint(checkpoint, method, optimizer, Progress(epoch + 1, tuple(history)))
    method.eval()
    return history


def begin_epoch(
    method: nn.Module, batches: Batches, epoch: int, device: torch.device, seed: int
) -> None:
    """Tell every module that changes between epochs that one begins."""

    @functools.cache
    def codes() -> Snapshot:
        return snapshot(method, batches, device)

    for module in method.modules():
        if isinstance(module, EpochAware):
            module.begin_epoch(epoch, codes, seed)


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


def _epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    epoch: int,
    config: FitConfig,
    fabric: Fabric,
) -> Iterator[tuple[int, Terms]]:
    num_steps = config.epochs * len(batches)
    for step, batch in enumerate(batches.epoch(epoch), start=epoch * len(batches)):
        for group in optimizer.param_groups:
            group["lr"] = config.lr * linear_decay(step, num_steps, config.decay)
        try:
            terms = model(fabric.to_device(batch))
        except FloatingPointError as error:  # a term that guards itself
            raise FloatingPointError(f"At step {step} of epoch {epoch}: {error}") from error
        total = terms.total
        if not math.isfinite(total.item()):
            raise FloatingPointError(_diverged(terms, step, epoch))
        optimizer.zero_grad()
        fabric.backward(total)
        optimizer.step()
        yield step, terms


def _diverged(terms: Terms, step: int, epoch: int) -> str:
    names = [name for name, value in terms.values.items() if not math.isfinite(value.item())]
    return (
        f"The loss must stay finite, got {' and '.join(names) or 'total'} = nan or inf at step "
        f"{step} of epoch {epoch}; {_kept(epoch)}. Lower `lr` or the weight of that term."
    )


def _lost(epoch: int) -> str:
    return (
        f"The weights must stay finite, got nan or inf at the end of epoch {epoch}; "
        f"{_kept(epoch)}. Lower `lr`."
    )


def _kept(epoch: int) -> str:
    return (
        "the weights of the last complete epoch are in the checkpoint, if there is one"
        if epoch
        else "no epoch was complete"
    )


def _accumulate(row: dict[str, float], terms: Terms) -> None:
    """Add a step's terms to the row of its epoch."""
    for name, value in (*terms.values.items(), ("total", terms.total)):
        row[name] = row.get(name, 0.0) + value.item()
