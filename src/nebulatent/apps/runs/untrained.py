"""A run's network before training: what the architecture alone makes of the data.

For clouds of points, and for grids, whose network is of the same kind, its batch statistics are
those of the samples (:mod:`nebulatent.evaluation.settling`).
"""

from torch import nn

from nebulatent.apps.planning.build import Trained, build
from nebulatent.apps.runs.inputs import encoder_input
from nebulatent.apps.runs.runs import Run
from nebulatent.data.table import Table
from nebulatent.evaluation import settling

SETTLED = ("points", "voxels")
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
FAST = 0.1  # of an average that a batch replaces; with less, so few batches leave most of the start


def untrained_encoder(run: Run, table: Table) -> Trained:
    """The model of a run with its weights as drawn, in eval mode.

    Arguments:
        run: The run.
        table: Samples of its kind, on which the statistics of clouds and grids are measured.
    """
    model = build(run.config.model, run.config.fit.seed)
    if table.kind in SETTLED:
        settle(model, run, table)
    return model.eval()


def settle(model: Trained, run: Run, table: Table) -> None:
    """Move the statistics of a model's batch normalisations to those of the data."""
    _average(model)
    config, clouds = run.config, table.kind == "points"
    settling.settle(
        model,
        model.encode,
        encoder_input(config.model, table),
        prepare=config.scaling.apply,
        batch_size=config.batch_size,
        num_points=(config.points_per_step or table.sample_shape[0]) if clouds else None,
        seed=config.fit.seed,
    )


def _average(model: nn.Module) -> None:
    """Make slow statistics plain averages over the batches."""
    for module in model.modules():
        if isinstance(module, NORMS) and module.momentum is not None and module.momentum < FAST:
            module.momentum = None
