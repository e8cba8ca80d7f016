"""Networks and length of training for clouds of points, by rule.

| choice | rule |
|---|---|
| encoder | PointNet without transform nets, a quarter of the paper's channels |
| code | 32 numbers |
| decoder | fully connected, as many points as a cloud has, at most 2 048 |
| likelihood | a Chamfer distance with a learned noise level; a cloud counts as 64 points |
| batch | 32 clouds, 64 from 10 000 clouds on |
| epochs | about 50 million points, that is 1 500 batches of 32 clouds of 1 024; between 6 and 200 |

Our reading: the points of a cloud repeat one another, and a likelihood of all of them grows with
how finely a surface was sampled, until the KL term and the anchors weigh nothing beside it. So a
cloud counts as a fixed number of points, and a latent space is the same at any resolution.

This file is imported to print help, so it must stay free of PyTorch.
"""

from typing import NamedTuple

CHANNELS = (64, 64, 64, 128, 1024)  # of PointNet's layers; the last is the feature of a cloud
HIDDEN = (256, 256)  # of the decoder
WIDTH = 0.25
LATENT_DIM = 32
COUNTED = 64
MAX_DECODED = 2048
POINTS = 50_000_000
COMPONENTS = 32  # Gaussians of ParAE's mixtures, as in the paper
MOST_COMPONENTS = 512  # of which a report can still show each
TUNING_STEPS = 1500  # of a classifier that begins with a run's encoder
METHODS = ("ae", "vae", "nvc", "nvc-ml", "parae")


class CloudChoices(NamedTuple):
    """What a user asked for that matters to clouds."""

    method: str
    host: str
    latent_dim: int | None
    encoder: str | None
    likelihood: str | None
    components: int = COMPONENTS
    points_per_step: int | None = None


def pointnet_widths(width: float) -> tuple[int, ...]:
    """Channels of PointNet's layers.

    Arguments:
        width: Their share of the paper's.

    Raises:
        ValueError: If the width is not positive or leaves no whole numbers.

    Examples:
        >>> pointnet_widths(0.25)
        (16, 16, 16, 32, 256)
    """
    if not 0 < width <= 4:
        raise ValueError(f"`point_width` must be above 0 and at most 4, got {width:g}.")
    width = max(round(CHANNELS[-1] * width), 1) / CHANNELS[-1]
    return tuple(max(round(count * width), 1) for count in CHANNELS)


def decoded_points(num_points: int) -> int:
    """Points that a decoder makes of a code; they need not be as many as a cloud has.

    Examples:
        >>> decoded_points(1024), decoded_points(100_000)
        (1024, 2048)
    """
    return min(num_points, MAX_DECODED)


def cloud_batch_size(count: int) -> int:
    """Clouds of a step."""
    return 64 if count >= 10_000 else 32


def cloud_epochs(count: int, num_points: int) -> int:
    """Passes over so many clouds of so many points.

    Examples:
        >>> cloud_epochs(1600, 1024), cloud_epochs(100, 1024), cloud_epochs(100_000, 2048)
        (31, 200, 6)
    """
    return min(200, max(6, round(POINTS / (count * num_points))))


def check_clouds(shape: tuple[int, ...], asked: CloudChoices) -> None:
    """Refuse what is not for clouds.

    Raises:
        ValueError: If points have other than three coordinates, or a choice is for other data.
    """
    if shape[1] != 3:
        raise ValueError(
            f"`data` must be clouds of 3 coordinates to be rebuilt, got {shape[1]} numbers per "
            "point; save the first three as an .npz."
        )
    if asked.method not in METHODS or asked.host not in METHODS:
        got = asked.method if asked.method not in METHODS else f"host {asked.host}"
        raise ValueError(
            f"`method` must be one of {', '.join(METHODS)} for clouds of points, with host ae or "
            f"vae, got {got}."
        )
    if asked.method == "parae" and asked.latent_dim is not None:
        raise ValueError(
            "`latent_dim` must be left out for parae, whose code is PointNet's last layer, got "
            f"{asked.latent_dim}; set `point_width`."
        )
    if asked.method != "parae" and asked.components != COMPONENTS:
        raise ValueError(
            f"`components` must go with parae, got {asked.components} and method {asked.method}."
        )
    if asked.points_per_step is not None and not 1 <= asked.points_per_step <= shape[0]:
        raise ValueError(
            f"`points_per_step` must lie in 1..{shape[0]}, the points of a cloud, got "
            f"{asked.points_per_step}."
        )
    if asked.encoder not in (None, "pointnet"):
        raise ValueError(f"`encoder` must be pointnet for clouds of points, got {asked.encoder}.")
    if asked.likelihood is not None:
        raise ValueError(
            "`likelihood` must be left out for clouds of points, which have a Chamfer distance, "
            f"got {asked.likelihood}."
        )


def cloud_reasons(widths: tuple[int, ...], latent_dim: int, num_points: int) -> tuple[str, ...]:
    """What was chosen, for people."""
    return (
        *_encoder(widths, latent_dim),
        f"decoder: {'-'.join(map(str, HIDDEN))} units, {decoded_points(num_points)} points",
        f"likelihood: Chamfer distance with a learned noise level, a cloud counts as {COUNTED} "
        "points; not the likelihood of a density, so an ELBO compares runs on the same data only",
    )


def parae_reasons(widths: tuple[int, ...], latent_dim: int, components: int) -> tuple[str, ...]:
    """What was chosen for ParAE, for people."""
    return (
        *_encoder(widths, latent_dim),
        f"task: to divide each cloud among {components} Gaussians, whose likelihood is exact",
    )


def _encoder(widths: tuple[int, ...], latent_dim: int) -> tuple[str, str]:
    return (
        f"encoder: PointNet without transform nets, channels {'-'.join(map(str, widths))}",
        f"code: {latent_dim} numbers",
    )
