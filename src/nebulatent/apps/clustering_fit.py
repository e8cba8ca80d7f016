"""Rows and the options of `NebulaClustering` → a trained model: in one training, or in stages."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float

from nebulatent.apps.fitting.cluster_stages import (
    VECTORS,
    Likeness,
    find_clusters,
    fix_clusters,
    flat_images,
)
from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.clustering_options import check_options, to_image_shape, to_widths
from nebulatent.apps.planning.consistency_plan import (
    STEPS,
    cluster_widths,
    latent_sizes,
    plan_consistency,
)
from nebulatent.apps.planning.model_config import LikelihoodKind, ModelConfig
from nebulatent.apps.planning.row_plan import (
    Length,
    choose_likelihood,
    fit_row_scaling,
    plan_length,
)
from nebulatent.data.batch import Batches
from nebulatent.data.scaling import Scaling, fit_scaling
from nebulatent.data.table import build_table
from nebulatent.methods.nvc import NVC, NebulaWeights
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import OnEpoch, OnStep, Step, fit
from nebulatent.training.progress import Row
from nebulatent.training.stages import Stage, Stages
from nebulatent.typing import Tensor

DECODER_STEPS = 3000  # that go with the recipe's steps of the clustering stages

Rows = Float[np.ndarray, "samples features"]


class Trained(NamedTuple):
    """What the estimator keeps.

    Arguments:
        model: The trained model, in float32 and for scaled rows.
        scaling: Of the rows.
        history: One row per epoch, of all stages.
        temperature: Variance of the Gaussians around anchors that training assumed; None if it
            assumed none.
    """

    model: NVC
    scaling: Scaling
    history: list[Row]
    temperature: float | None


def train_on_rows(rows: Rows, options: Mapping[str, Any], seed: int) -> Trained:
    """Check the options and train.

    Arguments:
        rows: Training data.
        options: What `NebulaClustering.get_params` returns.
        seed: Fixes everything.

    Raises:
        ValueError: If the data or an option is out of its range.
    """
    check_options(options, len(rows))
    shape = to_image_shape(
        options["image_shape"], rows.shape[1], consistency=options["consistency"]
    )
    scaling, likelihood = _scaling(rows, options, shape)
    length = plan_length(
        len(rows),
        batch_size=options["batch_size"],
        max_iter=options["max_iter"],
        max_steps=options["max_steps"],
        warmup=options["warmup"],
    )
    x = scaling.apply(torch.tensor(rows, dtype=torch.float64)).float()
    config = _describe_model(rows.shape[1], likelihood, length, options)
    batches = Batches(x, batch_size=length.batch_size, seed=seed)
    fitting = FitConfig(epochs=length.epochs, lr=float(options["learning_rate"]), seed=seed)
    if not options["consistency"]:
        model = cast(NVC, build(config, seed))
        return Trained(model, scaling, fit(model, batches, fitting), None)
    likeness = VECTORS if shape is None else flat_images(shape)
    return _train_in_stages(config, likeness, scaling, batches, fitting, options)


def _train_in_stages(
    config: ModelConfig,
    likeness: Likeness,
    scaling: Scaling,
    batches: Batches,
    fitting: FitConfig,
    options: Mapping[str, Any],
) -> Trained:
    """The clusters first, then style and decoder."""
    consistency = plan_consistency(
        len(batches.x),
        options["n_clusters"],
        cluster_dim=config.cluster_dim,
        steps=max(2, round(STEPS * options["max_steps"] / DECODER_STEPS)),
        seed=fitting.seed,
    )
    history: list[Row] = []

    @contextmanager
    def follow(stage: Stage) -> Iterator[tuple[OnStep, OnEpoch]]:
        yield _ignore, history.append

    stages = Stages(follow=follow)
    x, auto = cast(Tensor, batches.x), options["n_clusters"] == "auto"
    found = find_clusters(x, likeness, config, consistency, stages, auto=auto)
    config = replace(config, num_anchors=len(found["positions"]))
    model = cast(NVC, build(config, fitting.seed))
    fix_clusters(model, found)
    stages.fit(Stage("decoder", consistency.members + 1, model, batches, fitting))
    return Trained(model, scaling, history, consistency.temperature)


def _ignore(step: Step) -> None:
    pass


def _scaling(
    rows: Rows, options: Mapping[str, Any], shape: tuple[int, int, int] | None
) -> tuple[Scaling, LikelihoodKind]:
    """Images are brought into [0, 1] as on the command line, other rows as their values ask for."""
    if shape is None:
        likelihood = choose_likelihood(rows, options["likelihood"])
        return fit_row_scaling(rows, options["scaling"], likelihood), likelihood
    images = rows.reshape(-1, *shape).astype(np.float32)
    scaling = fit_scaling(build_table(images, source="X"))
    auto = options["likelihood"] == "auto"
    return scaling, "bernoulli" if auto else options["likelihood"]


def _describe_model(
    features: int, likelihood: LikelihoodKind, length: Length, options: Mapping[str, Any]
) -> ModelConfig:
    consistent, size = options["consistency"], options["n_components"]
    size = None if size == "auto" else size
    if consistent:
        cluster_dim, latent_dim = latent_sizes(size, features)
        weights = NebulaWeights(0.0, 0.0, 0.0)
    else:
        cluster_dim, latent_dim = 0, min(10, features) if size is None else size
        weights = NebulaWeights()
    plain = "nvc-ml" if options["metric"] else "nvc"
    return ModelConfig(
        host="vae",
        method="nvc-consistency" if consistent else plain,
        shape=(features,),
        encoder="fc",
        widths=to_widths(options["hidden_layer_sizes"]),
        latent_dim=latent_dim,
        num_anchors=1 if options["n_clusters"] == "auto" else options["n_clusters"],
        likelihood=likelihood,
        beta=options["beta"],
        form="log1p",
        prior="anchors" if consistent else options["prior"],
        supervised=False,
        num_classes=0,
        warmup_epochs=0 if consistent else length.warmup_epochs,
        nebula_weight=weights.nebula,
        pair_weight=weights.pair,
        triplet_weight=weights.triplet,
        cluster_dim=cluster_dim,
        cluster_widths=cluster_widths(features) if consistent else (),
    )
