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

What nvc-consistency has beside that is chosen in `consistency_plan`, what clouds of points have
instead in `cloud_plan`.
"""

from dataclasses import dataclass
from math import ceil, prod

from nebulatent.apps.planning.choices import NO_CARE, Care, Choices
from nebulatent.apps.planning.cloud_plan import (
    WIDTH,
    CloudChoices,
    check_clouds,
    cloud_batch_size,
    cloud_epochs,
    pointnet_widths,
)
from nebulatent.apps.planning.consistency_plan import cluster_widths, latent_sizes, plan_consistency
from nebulatent.apps.planning.model_config import (
    CloudLikelihood,
    EncoderKind,
    Host,
    LikelihoodKind,
    ModelConfig,
)
from nebulatent.apps.planning.options import MAX_SEED
from nebulatent.apps.planning.reasons import model_reasons, training_reasons
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Table
from nebulatent.training.config import FitConfig
from nebulatent.training.consistent import ConsistencyConfig

STEPS = 3000
FC_VALUES = 1024


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be trained, and why."""

    model: ModelConfig
    fit: FitConfig
    batch_size: int
    reasons: tuple[str, ...]
    consistency: ConsistencyConfig | None = None
    auto_anchors: bool = False


def plan(table: Table, scaling: Scaling, choices: Choices, care: Care = NO_CARE) -> Plan:
    """Fill in what the user left open.

    Raises:
        ValueError: If a choice does not fit the data.
    """
    shape = table.sample_shape
    count = table.num_samples - num_held_out(table.num_samples, care.hold_out)
    values = prod(shape)
    _check(choices, shape)
    wanted = _given(choices.batch_size, _batch_size(count, shape))
    if wanted < 3:  # of 2, an odd number of samples leaves a batch of 1, which cannot be normalised
        raise ValueError(f"`batch_size` must be at least 3, got {wanted}.")
    batch_size = min(wanted, count)
    epochs = _given(choices.epochs, _epochs(count, batch_size, shape))
    fit = _fit(choices, care, epochs)
    encoder = choices.encoder or _encoder(shape)
    likelihood = _likelihood(choices, table, scaling)
    consistent = choices.method == "nvc-consistency"
    cluster_dim, latent_dim = _sizes(choices, encoder, values)
    num_anchors = _num_anchors(choices, count)
    model = ModelConfig(
        host=_host(choices),
        method=choices.method,
        shape=shape,
        encoder=encoder,
        widths=_widths(encoder, values, choices.point_width),
        latent_dim=latent_dim,
        num_anchors=num_anchors,
        likelihood=likelihood,
        beta=_beta(likelihood, values) if choices.beta is None else choices.beta,
        form=choices.form,
        prior="anchors" if consistent else choices.prior,
        supervised=choices.supervised,
        num_classes=len(table.label_names),
        warmup_epochs=_warmup(choices, epochs),
        nebula_weight=0.0 if consistent else choices.nebula_weight,
        pair_weight=0.0 if consistent else choices.pair_weight,
        triplet_weight=0.0 if consistent else choices.triplet_weight,
        cluster_dim=cluster_dim,
        cluster_widths=_cluster_widths(encoder, values) if consistent else (),
    )
    consistency = _consistency(choices, model, count)
    auto = choices.num_anchors == "auto"
    reasons = (
        *model_reasons(model, values),
        *training_reasons(model, fit, batch_size, consistency, auto),
    )
    if count < table.num_samples:
        reasons += (f"score: on {table.num_samples - count} samples kept from training",)
    return Plan(
        model=model,
        fit=fit,
        batch_size=batch_size,
        reasons=reasons,
        consistency=consistency,
        auto_anchors=auto,
    )


def _sizes(choices: Choices, encoder: EncoderKind, values: int) -> tuple[int, int]:
    """Dimensions of the cluster part, 0 if there is none, and of the whole code."""
    if choices.method == "nvc-consistency":
        return latent_sizes(choices.latent_dim, values)
    if choices.method == "parae":
        return 0, pointnet_widths(choices.point_width)[-1]
    return 0, _given(choices.latent_dim, min(10 if encoder == "fc" else 32, values))


def _num_anchors(choices: Choices, count: int) -> int:
    if choices.num_anchors == "auto":
        if choices.method != "nvc-consistency":
            raise ValueError(
                f"`num_anchors` auto must go with nvc-consistency, got method {choices.method}."
            )
        return 1  # until they are counted
    num_anchors = _given(choices.num_anchors, min(10, max(1, count // 5)))
    if num_anchors > count:
        raise ValueError(
            f"`num_anchors` must not exceed the number of samples, got {num_anchors} anchors "
            f"and {count} samples; ask for fewer anchors."
        )
    return num_anchors


def _cluster_widths(encoder: EncoderKind, values: int) -> tuple[int, ...]:
    return cluster_widths(values) if encoder == "fc" else _widths(encoder, values, 1.0)


def _consistency(choices: Choices, model: ModelConfig, count: int) -> ConsistencyConfig | None:
    if not model.is_consistent:
        if choices.cluster_steps is not None:
            raise ValueError(
                f"`cluster_steps` must go with nvc-consistency, got method {choices.method}."
            )
        return None
    if len(model.shape) == 2:
        raise ValueError(
            "`method` nvc-consistency must have images or vectors, got clouds of points; use "
            "another method."
        )
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


def _fit(choices: Choices, care: Care, epochs: int) -> FitConfig:
    return FitConfig(
        epochs=epochs,
        lr=choices.lr,
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


def _check(choices: Choices, shape: tuple[int, ...]) -> None:
    if not choices.seed < MAX_SEED:
        raise ValueError(f"`seed` must be below {MAX_SEED}, got {choices.seed}.")
    if len(shape) == 2:
        check_clouds(
            shape,
            CloudChoices(
                method=choices.method,
                host=choices.host,
                latent_dim=choices.latent_dim,
                encoder=choices.encoder,
                likelihood=choices.likelihood,
            ),
        )
    elif choices.method == "parae":
        raise ValueError(
            f"`method` parae must have clouds of points, got samples of shape {shape}."
        )
    elif choices.point_width != WIDTH:
        raise ValueError(
            f"`point_width` must go with clouds of points, got {choices.point_width:g} and samples "
            f"of shape {shape}."
        )


def _given(value: int | None, rule: int) -> int:
    return rule if value is None else value


def _host(choices: Choices) -> Host:
    if choices.method == "nvc" or choices.method == "nvc-ml":
        return choices.host
    if choices.host not in ("vae", choices.method):
        raise ValueError(f"`host` must go with nvc or nvc-ml, got method {choices.method}.")
    if choices.method == "parae":  # one code for each sample, without noise
        return "ae"
    return "vae" if choices.method == "nvc-consistency" else choices.method


def _batch_size(count: int, shape: tuple[int, ...]) -> int:
    if len(shape) == 2:
        return cloud_batch_size(count)
    return 256 if count >= 10_000 else 128 if count >= 2_000 else 64


def _epochs(count: int, batch_size: int, shape: tuple[int, ...]) -> int:
    if len(shape) == 2:
        return cloud_epochs(count, shape[0])
    return min(100, max(6, round(STEPS * batch_size / count)))


def _encoder(shape: tuple[int, ...]) -> EncoderKind:
    if len(shape) == 2:
        return "pointnet"
    return "conv" if len(shape) == 3 and prod(shape) > FC_VALUES else "fc"


def _likelihood(
    choices: Choices, table: Table, scaling: Scaling
) -> LikelihoodKind | CloudLikelihood:
    if table.kind == "points":
        return "mixture" if choices.method == "parae" else "chamfer"
    likelihood = choices.likelihood or ("gaussian" if scaling.rule == "standard" else "bernoulli")
    if likelihood == "bernoulli" and scaling.rule == "standard":
        raise ValueError(
            "`likelihood` bernoulli must have values in [0, 1], got real vectors; use gaussian."
        )
    return likelihood


def _beta(likelihood: LikelihoodKind | CloudLikelihood, values: int) -> float:
    """Small images give the reconstruction little weight against the KL, and codes go unused.

    Our reading: at beta 1 the code of an 8×8 digit keeps 3.4 nats, hardly the 2.3 that ten classes
    need. A learned noise level (Gaussian) finds that balance itself.
    """
    if likelihood != "bernoulli":
        return 1.0
    return round(min(1.0, max(0.1, (values / 784) ** 0.5)), 3)


def _widths(encoder: EncoderKind, values: int, point_width: float) -> tuple[int, ...]:
    if encoder == "pointnet":
        return pointnet_widths(point_width)
    if encoder == "conv":
        return (32, 64, 128)
    top = 64
    while top < 512 and top < 4 * values:
        top *= 2
    return (top, top // 2, top // 4, min(64, top // 4))


def _warmup(choices: Choices, epochs: int) -> int:
    if choices.method == "nvc-consistency":  # the anchors are there from the beginning
        return 0
    # Labels say from the first step where a code belongs; codes that were trained without them have
    # classes on top of one another (MNIST: 0.976 with two epochs of warm-up, 0.983 without).
    late = 0 if choices.supervised or epochs == 1 else ceil(epochs / 3)
    warmup = _given(choices.warmup_epochs, late)
    if choices.method in ("nvc", "nvc-ml") and warmup >= epochs:
        raise ValueError(
            f"`warmup_epochs` must be below `epochs` ({epochs}), got {warmup}: the anchors would "
            "never act."
        )
    return warmup
