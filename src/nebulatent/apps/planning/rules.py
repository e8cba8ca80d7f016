"""What is chosen for each kind of samples where nothing was asked for; see `plan` for the table.

One function a kind of data, from what is known of it to the same record of choices. It refuses
what was asked for and is not for such data.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import NamedTuple

from nebulatent.apps.planning import cloud_plan, completion_plan, voxel_plan
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.cloud_plan import CloudChoices, pointnet_widths
from nebulatent.apps.planning.completion_plan import (
    CompletionChoices,
    CompletionConfig,
    plan_completion,
)
from nebulatent.apps.planning.model_config import AnyLikelihood, EncoderKind
from nebulatent.apps.planning.view_plan import ALL as VIEW_OPTIONS
from nebulatent.apps.planning.view_plan import ViewChoices, ViewConfig, plan_views
from nebulatent.apps.planning.voxel_plan import VoxelChoices, voxel_widths
from nebulatent.data.table import Kind

STEPS = 3000
FC_VALUES = 1024
LR = 1e-3
LATENT_WEIGHTS = {"nebula_weight": 1.0, "pair_weight": 0.1, "triplet_weight": 1.0}
OWN: Mapping[str, tuple[Kind, str]] = {  # options for one kind of samples only
    "point_width": ("points", "clouds of points"),
    "components": ("points", "clouds of points"),
    "points_per_step": ("points", "clouds of points"),
    "voxel_width": ("voxels", "grids"),
    "filled_weight": ("voxels", "grids"),
}


class Known(NamedTuple):
    """What is known before anything is chosen.

    Arguments:
        shape: Of a sample.
        num_samples: To train on.
        real: Whether values are scaled real numbers, not in [0, 1].
        choices: What was asked for.
        views: Shape of the pictures of a sample, if there are any.
        pairs: Whether samples are parts of whole grids, which are beside them.
    """

    shape: tuple[int, ...]
    num_samples: int
    real: bool
    choices: Choices
    views: tuple[int, ...] = ()
    pairs: bool = False

    @property
    def values(self) -> int:
        """Numbers of a sample."""
        return prod(self.shape)


class Rules(NamedTuple):
    """What is chosen for one kind of samples; where something was asked for, that."""

    encoder: EncoderKind
    widths: tuple[int, ...]
    latent_dim: int
    likelihood: AnyLikelihood
    beta: float
    lr: float
    batch_size: int
    epochs: int
    latent_weight: float = 1.0  # what the latent terms are multiplied by
    views: ViewConfig | None = None
    completion: CompletionConfig | None = None
    filled_weight: float = voxel_plan.FILLED_WEIGHT
    num_anchors: int = 10  # at most


def rules_for(kind: Kind, known: Known) -> Rules:
    """The rules of one kind of samples.

    Raises:
        ValueError: If something was asked for that is not for such samples.
    """
    usual, choices = Choices(), known.choices
    for name, (own, what) in OWN.items():
        asked = getattr(choices, name)
        if own != kind and asked != getattr(usual, name):
            raise ValueError(
                f"`{name}` must go with {what}, got {asked:g} and samples of shape {known.shape}."
            )
    if kind != "points" and choices.method == "parae":
        raise ValueError(
            f"`method` parae must have clouds of points, got samples of shape {known.shape}."
        )
    completion = plan_completion(_completing(choices))
    rules = RULES[kind](known) if completion is None else _completed(known)
    return rules._replace(views=_views(known, rules), completion=completion)


def _completing(choices: Choices) -> CompletionChoices:
    return CompletionChoices(
        network=choices.network,
        encoder=choices.encoder,
        likelihood=choices.likelihood,
        shortcuts=choices.shortcuts,
        adversarial_weight=choices.adversarial_weight,
    )


def _completed(known: Known) -> Rules:
    """Pairs of partial and whole grids."""
    choices, count, side = known.choices, known.num_samples, known.shape[-1]
    completion_plan.check_completion(known.shape, _completing(choices), pairs=known.pairs)
    widths = completion_plan.volume_channels(side, choices.voxel_width)
    batch_size = given(choices.batch_size, completion_plan.completion_batch_size(side))
    return Rules(
        encoder="volume",
        widths=widths,
        latent_dim=given(choices.latent_dim, completion_plan.volume_code(side, widths)),
        likelihood="weighted",
        beta=0.0,
        lr=completion_plan.completion_lr(side),
        batch_size=batch_size,
        epochs=completion_plan.completion_epochs(count, min(batch_size, count), side),
        latent_weight=completion_plan.latent_share(choices.network, known.values),
        filled_weight=completion_plan.FILLED_WEIGHT,
        num_anchors=completion_plan.NUM_ANCHORS,
    )


def _views(known: Known, rules: Rules) -> ViewConfig | None:
    choices = known.choices
    asked = ViewChoices(
        network=choices.network,
        width=choices.voxel_width,
        **{name: getattr(choices, name) for name in VIEW_OPTIONS},
    )
    return plan_views(known.views, asked, rules.latent_weight)


def given(value: int | None, rule: int) -> int:
    """What was asked for, else the rule."""
    return rule if value is None else value


def _usual(known: Known) -> Rules:
    """Vectors and images."""
    choices, shape, values, count = known.choices, known.shape, known.values, known.num_samples
    by_rule: EncoderKind = "conv" if len(shape) == 3 and values > FC_VALUES else "fc"
    encoder = choices.encoder or by_rule
    likelihood = choices.likelihood or ("gaussian" if known.real else "bernoulli")
    if likelihood == "bernoulli" and known.real:
        raise ValueError(
            "`likelihood` bernoulli must have values in [0, 1], got real vectors; use gaussian."
        )
    by_size = 256 if count >= 10_000 else 128 if count >= 2_000 else 64
    batch_size = given(choices.batch_size, by_size)
    return Rules(
        encoder=encoder,
        widths=usual_widths(encoder, values),
        latent_dim=given(choices.latent_dim, min(10 if encoder == "fc" else 32, values)),
        likelihood=likelihood,
        beta=_beta(likelihood, values),
        lr=LR,
        batch_size=batch_size,
        epochs=min(100, max(6, round(STEPS * min(batch_size, count) / count))),
    )


def _beta(likelihood: AnyLikelihood, values: int) -> float:
    """Small images give the reconstruction little weight against the KL, and codes go unused.

    Our reading: at beta 1 the code of an 8×8 digit keeps 3.4 nats, hardly the 2.3 that ten classes
    need. A learned noise level (Gaussian) finds that balance itself.
    """
    if likelihood != "bernoulli":
        return 1.0
    return round(min(1.0, max(0.1, (values / 784) ** 0.5)), 3)


def usual_widths(encoder: EncoderKind, values: int) -> tuple[int, ...]:
    """Widths of fully connected layers for so many values, or channels of convolutions."""
    if encoder == "conv":
        return (32, 64, 128)
    top = 64
    while top < 512 and top < 4 * values:
        top *= 2
    return (top, top // 2, top // 4, min(64, top // 4))


def _clouds(known: Known) -> Rules:
    """Clouds of points."""
    choices, count = known.choices, known.num_samples
    asked = CloudChoices(
        method=choices.method,
        host=choices.host,
        latent_dim=choices.latent_dim,
        encoder=choices.encoder,
        likelihood=choices.likelihood,
        components=choices.components,
        points_per_step=choices.points_per_step,
    )
    cloud_plan.check_clouds(known.shape, asked)
    widths, parae = pointnet_widths(choices.point_width), choices.method == "parae"
    latent_dim = given(choices.latent_dim, min(cloud_plan.LATENT_DIM, known.values))
    return Rules(
        encoder="pointnet",
        widths=widths,
        latent_dim=widths[-1] if parae else latent_dim,
        likelihood="mixture" if parae else "chamfer",
        beta=1.0,
        lr=LR,
        batch_size=given(choices.batch_size, cloud_plan.cloud_batch_size(count)),
        epochs=cloud_plan.cloud_epochs(count, given(choices.points_per_step, known.shape[0])),
    )


def _grids(known: Known) -> Rules:
    """Occupancy grids."""
    choices, count = known.choices, known.num_samples
    asked = VoxelChoices(choices.method, choices.host, choices.encoder, choices.likelihood)
    voxel_plan.check_voxels(known.shape, asked)
    encoder = choices.encoder or "voxel"
    by_size = voxel_plan.voxel_batch_size(count)
    batch_size = given(choices.batch_size, by_size)
    fc = encoder == "fc"
    return Rules(
        encoder=encoder,
        widths=usual_widths(encoder, known.values) if fc else voxel_widths(choices.voxel_width),
        latent_dim=given(choices.latent_dim, voxel_plan.LATENT_DIM),
        likelihood=choices.likelihood or "weighted",
        beta=voxel_plan.voxel_beta(known.values),
        lr=LR if fc else voxel_plan.LR,
        batch_size=batch_size,
        epochs=voxel_plan.voxel_epochs(count, min(batch_size, count)),
        latent_weight=voxel_plan.voxel_beta(known.values),
    )


RULES: Mapping[Kind, Callable[[Known], Rules]] = {
    "vectors": _usual,
    "images": _usual,
    "points": _clouds,
    "voxels": _grids,
}
