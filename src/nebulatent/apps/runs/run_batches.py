"""What a run is trained on, what is held out of it, and what its samples say of the anchors."""

from collections.abc import Callable

import numpy as np
import torch

from nebulatent.apps.planning.build import VIEWS, Trained, find_anchors
from nebulatent.apps.planning.plan import num_held_out
from nebulatent.apps.planning.view_plan import SWITCHED
from nebulatent.apps.runs.inputs import encoder_input, pictures_of, target
from nebulatent.apps.runs.runs import RunConfig
from nebulatent.data import views
from nebulatent.data.batch import Batches
from nebulatent.data.rows import take_rows
from nebulatent.data.table import Table
from nebulatent.evaluation.clustering import anchors_in_use, perplexity
from nebulatent.evaluation.encode import encode
from nebulatent.training.progress import Row

MEASURED = 2000  # samples that say how the anchors are used; the placement of anchors sees more


def training_batches(config: RunConfig, table: Table) -> tuple[Batches, Batches | None]:
    """What a run is trained on, and what is held out for its score.

    Labels are in them only if the method reads labels.
    """
    held = num_held_out(table.num_samples, config.engine.hold_out)
    if not held:
        return _batches(config, table), None
    order = np.random.default_rng(config.fit.seed).permutation(table.num_samples)
    parts = np.sort(order[held:]), np.sort(order[:held])
    kept, held_out = (_batches(config, _rows_of(table, rows)) for rows in parts)
    return kept, held_out


def _rows_of(table: Table, rows: np.ndarray) -> Table:
    """Some rows to train on; `Table.take` would also look at all of them once more."""
    label, views, whole = table.label, table.views, table.whole
    return table._replace(
        x=take_rows(table.x, rows),
        label=None if label is None else label[rows],
        views=None if views is None else take_rows(views, rows),
        whole=None if whole is None else take_rows(whole, rows),
    )


def _batches(config: RunConfig, table: Table) -> Batches:
    model, label = config.model, table.label
    known = model.uses_labels and label is not None
    return Batches(
        encoder_input(model, table),
        torch.from_numpy(label) if known else None,
        batch_size=config.batch_size,
        seed=config.fit.seed,
        prepare=config.scaling.apply,
        view=_corruption(config) if config.model.host == "dvae" else None,
        num_workers=config.engine.num_workers,
        y=target(model, table),
        also={VIEWS: pictures_of(table)} if model.host == SWITCHED else {},
    )


def _corruption(config: RunConfig) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor]:
    """Masked values for data in [0, 1], noise for real values."""
    masked = config.model.likelihood in ("bernoulli", "weighted")
    return views.mask if masked else views.gaussian


def usage(model: Trained, batches: Batches) -> Row:
    """How many anchors at most 2 000 training samples use, and how evenly, once they act."""
    anchors = find_anchors(model)
    if anchors is None or not anchors.active:
        return {}
    x = batches.sample(MEASURED).x.to(anchors.positions.device)
    training = model.training
    codes = encode(model.eval(), x, lambda x: x).mean
    model.train(training)
    assign = anchors.assign(codes).cpu().numpy()
    return {
        "anchors_in_use": float(anchors_in_use(assign, anchors.num_anchors)),
        "perplexity": float(perplexity(assign, anchors.num_anchors)),
    }
