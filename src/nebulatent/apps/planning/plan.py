"""Data → model and training options by rule, every one of which can be overridden.

| choice | rule |
|---|---|
| encoder | fully connected for vectors and images of at most 1 024 values, else convolutional |
| widths | the paper's 512-256-128-64, narrower for fewer than 128 inputs |
| likelihood | Bernoulli for images and for vectors of zeros and ones, else Gaussian |
| latent size | 10 (the paper's MNIST runs), 32 for convolutional encoders, never above the input |
| anchors | 10, at most a fifth of the samples |
| batch | 256 from 10 000 samples on, 128 from 2 000 on, else 64 |
| beta | 1; for Bernoulli data of fewer than 784 values the root of values / 784, at least 0.1 |
| epochs | about 3 000 steps, between 6 and 100 epochs |
| warm-up | a third of the epochs without anchors (the spec's 2 of 6); none when supervised |

What nvc-consistency has beside that is chosen in `consistency_plan`; what clouds of points and
occupancy grids have instead is said in `cloud_plan` and `voxel_plan`, what pictures of shapes have
in `view_plan`, and what pairs of partial and whole grids have in `completion_plan`.
"""

import os
from dataclasses import dataclass
from math import ceil

from nebulatent.apps.planning.choices import NO_CARE, Care, Choices
from nebulatent.apps.planning.completion_plan import COMPLETING, GAN, completion_warmup
from nebulatent.apps.planning.consistency_plan import cluster_widths, latent_sizes, plan_consistency
from nebulatent.apps.planning.model_config import EncoderKind, Host, ModelConfig
from nebulatent.apps.planning.options import MAX_SEED
from nebulatent.apps.planning.reasons import model_reasons, training_reasons
from nebulatent.apps.planning.rules import (
    LATENT_WEIGHTS,
    Known,
    Rules,
    given,
    rules_for,
    usual_widths,
)
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Table
from nebulatent.training.config import FitConfig
from nebulatent.training.consistent import ConsistencyConfig


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be trained, and why."""

    model: ModelConfig
    fit: FitConfig
    batch_size: int
    reasons: tuple[str, ...]
    consistency: ConsistencyConfig | None = None
    auto_anchors: bool = False
    points_per_step: int | None = None
    view_weights: str | None = None


def plan(table: Table, scaling: Scaling, choices: Choices, care: Care = NO_CARE) -> Plan:
    """Fill in what the user left open.

    Raises:
        ValueError: If a choice does not fit the data.
    """
    shape = table.sample_shape
    count = table.num_samples - num_held_out(table.num_samples, care.hold_out)
    if not choices.seed < MAX_SEED:
        raise ValueError(f"`seed` must be below {MAX_SEED}, got {choices.seed}.")
    views = () if table.views is None else table.views.shape[1:]
    pairs = table.whole is not None
    known = Known(shape, count, scaling.rule == "standard", choices, views, pairs)
    rules = rules_for(table.kind, known)
    if rules.batch_size < 3:  # of 2, an odd number of samples leaves a batch of 1: no normalisation
        raise ValueError(f"`batch_size` must be at least 3, got {rules.batch_size}.")
    batch_size = min(rules.batch_size, count)
    epochs = given(choices.epochs, rules.epochs)
    fit = _fit(choices, care, epochs, rules.lr)
    model = _model(known, rules, epochs, len(table.label_names))
    consistency = _consistency(choices, model, count)
    auto = choices.num_anchors == "auto"
    reasons = (
        *model_reasons(model, known.values),
        *training_reasons(model, fit, batch_size, consistency, auto),
    )
    if choices.points_per_step is not None:
        seen = f"{choices.points_per_step} of {shape[0]} points of each cloud"
        reasons += (f"a step sees {seen}, others each time",)
    weights = None if choices.view_weights is None else os.path.abspath(choices.view_weights)
    if weights is not None:
        reasons += (f"what reads a picture begins with the weights in {weights}",)
    if count < table.num_samples:
        reasons += (f"score: on {table.num_samples - count} samples kept from training",)
    return Plan(
        model=model,
        fit=fit,
        batch_size=batch_size,
        reasons=reasons,
        consistency=consistency,
        auto_anchors=auto,
        points_per_step=choices.points_per_step,
        view_weights=weights,
    )


def _model(known: Known, rules: Rules, epochs: int, num_classes: int) -> ModelConfig:
    choices = known.choices
    consistent = choices.method == "nvc-consistency"
    cluster_dim, latent_dim = 0, rules.latent_dim
    if consistent:
        cluster_dim, latent_dim = latent_sizes(choices.latent_dim, known.values)
    return ModelConfig(
        host=_host(choices),
        method=choices.method,
        shape=known.shape,
        encoder=rules.encoder,
        widths=rules.widths,
        latent_dim=latent_dim,
        num_anchors=_num_anchors(choices, known.num_samples, rules.num_anchors),
        likelihood=rules.likelihood,
        beta=rules.beta if choices.beta is None else choices.beta,
        form=choices.form,
        prior="anchors" if consistent else choices.prior,
        supervised=choices.supervised,
        num_classes=num_classes,
        warmup_epochs=_warmup(choices, epochs),
        **_weights(choices, 0.0 if consistent else rules.latent_weight),
        cluster_dim=cluster_dim,
        cluster_widths=_cluster_widths(rules.encoder, known.values) if consistent else (),
        components=choices.components,
        filled_weight=rules.filled_weight
        if choices.filled_weight is None
        else choices.filled_weight,
        views=rules.views,
        completion=rules.completion,
    )


def _num_anchors(choices: Choices, count: int, most: int) -> int:
    if choices.num_anchors == "auto":
        if choices.method != "nvc-consistency":
            raise ValueError(
                f"`num_anchors` auto must go with nvc-consistency, got method {choices.method}."
            )
        return 1  # until they are counted
    num_anchors = given(choices.num_anchors, min(most, max(1, count // 5)))
    if num_anchors > count:
        raise ValueError(
            f"`num_anchors` must not exceed the number of samples, got {num_anchors} anchors "
            f"and {count} samples; ask for fewer anchors."
        )
    return num_anchors


def _cluster_widths(encoder: EncoderKind, values: int) -> tuple[int, ...]:
    return cluster_widths(values) if encoder == "fc" else usual_widths(encoder, values)


def _consistency(choices: Choices, model: ModelConfig, count: int) -> ConsistencyConfig | None:
    if not model.is_consistent:
        if choices.cluster_steps is not None:
            raise ValueError(
                f"`cluster_steps` must go with nvc-consistency, got method {choices.method}."
            )
        return None
    return plan_consistency(
        count,
        "auto" if choices.num_anchors == "auto" else model.num_anchors,
        cluster_dim=model.cluster_dim,
        steps=choices.cluster_steps,
        seed=choices.seed,
    )


def num_held_out(count: int, share: float) -> int:
    """How many of `count` samples are kept from training: at least 1 if any share is."""
    return min(max(1, round(share * count)), count - 1) if share > 0 else 0


def _fit(choices: Choices, care: Care, epochs: int, lr: float) -> FitConfig:
    if care.compile and choices.network == GAN:
        raise ValueError(
            f"`compile` must be left out with {GAN}, whose critic needs a gradient of a gradient, "
            "which torch.compile does not give."
        )
    return FitConfig(
        epochs=epochs,
        lr=lr if choices.lr is None else choices.lr,
        warmup_steps=care.warmup_steps,
        schedule=care.schedule,
        clip=care.clip,
        accumulate=care.accumulate,
        ema=care.ema,
        patience=care.patience,
        compile=care.compile,
        deterministic=care.deterministic,
        seed=choices.seed,
    )


def _weights(choices: Choices, scale: float) -> dict[str, float]:
    """Weights of the latent terms; with scale 0 there are none, whatever was asked for."""
    asked = {name: getattr(choices, name) for name in LATENT_WEIGHTS}
    return {
        name: scale * rule if asked[name] is None or scale == 0 else asked[name]
        for name, rule in LATENT_WEIGHTS.items()
    }


def _host(choices: Choices) -> Host:
    if choices.method == "nvc" or choices.method == "nvc-ml":
        return choices.host
    if choices.host not in ("vae", choices.method):
        raise ValueError(f"`host` must go with nvc or nvc-ml, got method {choices.method}.")
    if choices.method == "parae":  # one code for each sample, without noise
        return "ae"
    return "vae" if choices.method == "nvc-consistency" else choices.method


def _warmup(choices: Choices, epochs: int) -> int:
    if choices.method == "nvc-consistency":  # the anchors are there from the beginning
        return 0
    # Labels say from the first step where a code belongs; codes that were trained without them have
    # classes on top of one another (MNIST: 0.976 with two epochs of warm-up, 0.983 without).
    late = 0 if choices.supervised or epochs == 1 else ceil(epochs / 3)
    if choices.network in COMPLETING:
        late = completion_warmup(epochs)
    warmup = given(choices.warmup_epochs, late)
    if choices.method in ("nvc", "nvc-ml") and warmup >= epochs:
        raise ValueError(
            f"`warmup_epochs` must be below `epochs` ({epochs}), got {warmup}: the anchors would "
            "never act."
        )
    return warmup
