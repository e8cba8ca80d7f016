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
| warm-up | a third of the epochs without anchors (the spec's 2 of 6) |
"""

from dataclasses import dataclass
from math import ceil, prod

from nebulatent.apps.choices import NO_CARE, Care, Choices
from nebulatent.apps.model_config import EncoderKind, Host, LikelihoodKind, ModelConfig
from nebulatent.apps.options import MAX_SEED
from nebulatent.data.scaling import Scaling
from nebulatent.data.table import Table
from nebulatent.training.config import FitConfig

STEPS = 3000
FC_VALUES = 1024


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be trained, and why."""

    model: ModelConfig
    fit: FitConfig
    batch_size: int
    reasons: tuple[str, ...]


def plan(table: Table, scaling: Scaling, choices: Choices, care: Care = NO_CARE) -> Plan:
    """Fill in what the user left open.

    Raises:
        ValueError: If a choice does not fit the data.
    """
    shape = table.sample_shape
    count = table.num_samples - num_held_out(table.num_samples, care.hold_out)
    values = prod(shape)
    wanted = _given(choices.batch_size, _batch_size(count))
    if wanted < 3:  # of 2, an odd number of samples leaves a batch of 1, which cannot be normalised
        raise ValueError(f"`batch_size` must be at least 3, got {wanted}.")
    batch_size = min(wanted, count)
    _check(choices)
    epochs = _given(choices.epochs, min(100, max(6, round(STEPS * batch_size / count))))
    fit = _fit(choices, care, epochs)
    encoder = choices.encoder or ("conv" if table.kind == "images" and values > FC_VALUES else "fc")
    likelihood = choices.likelihood or ("gaussian" if scaling.rule == "standard" else "bernoulli")
    if likelihood == "bernoulli" and scaling.rule == "standard":
        raise ValueError(
            "`likelihood` bernoulli must have values in [0, 1], got real vectors; use gaussian."
        )
    latent_dim = _given(choices.latent_dim, min(10 if encoder == "fc" else 32, values))
    num_anchors = _given(choices.num_anchors, min(10, max(1, count // 5)))
    if num_anchors > count:
        raise ValueError(
            f"`num_anchors` must not exceed the number of samples, got {num_anchors} anchors "
            f"and {count} samples; ask for fewer anchors."
        )
    model = ModelConfig(
        host=_host(choices),
        method=choices.method,
        shape=shape,
        encoder=encoder,
        widths=_widths(encoder, values),
        latent_dim=latent_dim,
        num_anchors=num_anchors,
        likelihood=likelihood,
        beta=_beta(likelihood, values) if choices.beta is None else choices.beta,
        form=choices.form,
        prior=choices.prior,
        supervised=choices.supervised,
        num_classes=len(table.label_names),
        warmup_epochs=_warmup(choices, epochs),
        nebula_weight=choices.nebula_weight,
        pair_weight=choices.pair_weight,
        triplet_weight=choices.triplet_weight,
    )
    reasons = (*_reasons(model, values), *_training(model, fit, batch_size))
    if count < table.num_samples:
        reasons += (f"score: on {table.num_samples - count} samples kept from training",)
    return Plan(model=model, fit=fit, batch_size=batch_size, reasons=reasons)


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


def _check(choices: Choices) -> None:
    if not choices.seed < MAX_SEED:
        raise ValueError(f"`seed` must be below {MAX_SEED}, got {choices.seed}.")


def _given(value: int | None, rule: int) -> int:
    return rule if value is None else value


def _host(choices: Choices) -> Host:
    if choices.method == "nvc" or choices.method == "nvc-ml":
        return choices.host
    if choices.host not in ("vae", choices.method):
        raise ValueError(f"`host` must go with nvc or nvc-ml, got method {choices.method}.")
    return choices.method


def _batch_size(count: int) -> int:
    return 256 if count >= 10_000 else 128 if count >= 2_000 else 64


def _beta(likelihood: LikelihoodKind, values: int) -> float:
    """Small images give the reconstruction little weight against the KL, and codes go unused.

    Our reading: at beta 1 the code of an 8×8 digit keeps 3.4 nats, hardly the 2.3 that ten classes
    need. A learned noise level (Gaussian) finds that balance itself.
    """
    if likelihood == "gaussian":
        return 1.0
    return round(min(1.0, max(0.1, (values / 784) ** 0.5)), 3)


def _widths(encoder: EncoderKind, values: int) -> tuple[int, ...]:
    if encoder == "conv":
        return (32, 64, 128)
    top = 64
    while top < 512 and top < 4 * values:
        top *= 2
    return (top, top // 2, top // 4, min(64, top // 4))


def _warmup(choices: Choices, epochs: int) -> int:
    warmup = _given(choices.warmup_epochs, ceil(epochs / 3) if epochs > 1 else 0)
    if choices.method in ("nvc", "nvc-ml") and warmup >= epochs:
        raise ValueError(
            f"`warmup_epochs` must be below `epochs` ({epochs}), got {warmup}: the anchors would "
            "never act."
        )
    return warmup


def _reasons(model: ModelConfig, values: int) -> tuple[str, ...]:
    encoder = "fully connected" if model.encoder == "fc" else "convolutional"
    likelihood = (
        "Gaussian with a learned noise level (real values)"
        if model.likelihood == "gaussian"
        else "Bernoulli (values in [0, 1])"
    )
    labels = "read in training" if model.uses_labels else "never read in training"
    return (
        f"encoder: {encoder}, widths {'-'.join(map(str, model.widths))}, for {values} values",
        f"code: {model.latent_dim} numbers",
        f"likelihood: {likelihood}, beta {model.beta:g}",
        f"labels: {labels}",
    )


def _training(model: ModelConfig, fit: FitConfig, batch_size: int) -> tuple[str, ...]:
    most = "" if fit.patience is None else "at most "
    epochs = f"training: {model.method}, {most}{fit.epochs} epochs, batches of {batch_size}"
    if not model.has_anchors:
        return (epochs,)
    return (f"anchors: {model.num_anchors}, acting from epoch {model.warmup_epochs + 1}", epochs)
