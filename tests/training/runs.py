"""Small runs that the tests of training share."""

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

from laws.cases import FEATURES, host
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.training.checkpoints import Saving
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import Step, fit

CONFIG = FitConfig(epochs=4, lr=1e-2, seed=5)
STEPS = 4  # of an epoch

History = list[dict[str, float]]
State = dict[str, Tensor]


def data() -> Batches:
    """30 vectors in [0, 1] in four batches."""
    x = torch.rand(30, FEATURES, generator=torch.Generator().manual_seed(1))
    return Batches(x, batch_size=8, seed=2)


def nvc_ml(seed: int = 0) -> NVC:
    """NVC-ML that warms up for one epoch, always built with the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        anchors = AnchorSet(3, 4, warmup_epochs=1)
        return NVC(host(), NebulaAnchors(3, 4, metric=True, anchors=anchors))


def whole_run() -> tuple[State, History]:
    """Weights and history of a run that nobody interrupts."""
    method = nvc_ml()
    history = fit(method, data(), CONFIG)
    return method.state_dict(), history


@functools.cache
def reference() -> tuple[State, History]:
    """The whole run, computed once."""
    return whole_run()


class Stop(Exception):
    """Raised by a test in the middle of a run."""


def every(steps: int, folder: Path) -> Saving:
    """A checkpoint every few steps, and none by the clock."""
    return Saving(folder=folder / "checkpoints", every_steps=steps, every_minutes=None)


def interrupt(
    method: nn.Module,
    saving: Saving,
    at: int,
    config: FitConfig = CONFIG,
    validation: Batches | None = None,
) -> None:
    """Run until step `at` is done but not yet saved, then crash."""

    def crash(step: Step) -> None:
        if step.step == at:
            raise Stop

    try:
        fit(method, data(), config, saving=saving, validation=validation, on_step=crash)
    except Stop:
        return
    raise AssertionError(f"the run has no step {at}")


def equal(found: State, expected: State) -> bool:
    """Whether two sets of weights agree in every bit."""
    return found.keys() == expected.keys() and all(
        torch.equal(found[name], expected[name]) for name in found
    )
