"""Networks and length of training for occupancy grids, by rule.

| choice | rule |
|---|---|
| grids | at most 16 cells along each side (:mod:`nebulatent.data.grids`) |
| encoder, decoder | SwitchVAE's: four convolutions and 343 features, and back |
| code | 128 numbers, normalised over the batch for variational hosts |
| likelihood | cross-entropy in which a filled cell weighs 0.8 and an empty one 0.2 |
| beta, factor of the anchors' terms | cells / 32³, at most 1 |
| learning rate | 0.005 |
| batch | 32 grids, 64 from 10 000 grids on |
| epochs | about 2 000 batches, between 6 and 100 epochs |

Source: Wu et al. 2023 (SwitchVAE), section 4.1, for the sizes and weights.
Our reading: a coarse cell stands for the fine ones that it covers, and the KL and the terms of the
anchors keep the weight that they have beside a cross-entropy summed over 32³ cells. Logits are
normalised over the batch, and their scale grows by no more than the learning rate a step, so it is
a large one. Both as in the recipes of SwitchVAE's tables, which weigh the KL by a tenth of this.

This file is imported to print help, so it must stay free of PyTorch.
"""

from typing import NamedTuple

CHANNELS, FEATURES = (8, 16, 32, 64), 343
WIDTH = 1.0
FILLED_WEIGHT = 0.8
LATENT_DIM = 128
PAPER_CELLS = 32**3
LR = 5e-3
STEPS = 2000
LEAST, STEP = 12, 4  # sides that the strides of the encoder lead back to
METHODS = ("ae", "vae", "dvae", "cvae", "switch-vae", "image-vae", "nvc", "nvc-ml")


class VoxelChoices(NamedTuple):
    """What a user asked for that matters to grids."""

    method: str
    host: str
    encoder: str | None
    likelihood: str | None


def voxel_widths(width: float) -> tuple[int, ...]:
    """Channels of the convolutions, and features.

    Arguments:
        width: Their share of the paper's.

    Raises:
        ValueError: If the width is not positive, or too large.

    Examples:
        >>> voxel_widths(1.0), voxel_widths(0.25)
        ((8, 16, 32, 64, 343), (2, 4, 8, 16, 86))
    """
    if not 0 < width <= 8:
        raise ValueError(f"`voxel_width` must be above 0 and at most 8, got {width:g}.")
    return tuple(max(round(count * width), 1) for count in (*CHANNELS, FEATURES))


def voxel_batch_size(count: int) -> int:
    """Grids of a step."""
    return 64 if count >= 10_000 else 32


def voxel_epochs(count: int, batch_size: int) -> int:
    """Passes over so many grids.

    Examples:
        >>> voxel_epochs(3991, 32), voxel_epochs(100, 32), voxel_epochs(100_000, 64)
        (16, 100, 6)
    """
    return min(100, max(6, round(STEPS * batch_size / count)))


def voxel_beta(cells: int) -> float:
    """Weight of the KL term.

    Examples:
        >>> voxel_beta(16**3), voxel_beta(64**3)
        (0.125, 1.0)
    """
    return min(1.0, cells / PAPER_CELLS)


def check_voxels(shape: tuple[int, ...], asked: VoxelChoices) -> None:
    """Refuse what is not for grids.

    Raises:
        ValueError: If the network has no such grids, or a choice is for other data.
    """
    for name in (asked.method, asked.host):
        if name not in METHODS:
            raise ValueError(f"`method` must be one of {', '.join(METHODS)} for grids, got {name}.")
    if asked.encoder not in (None, "voxel", "fc"):
        raise ValueError(f"`encoder` must be voxel or fc for grids, got {asked.encoder}.")
    if asked.likelihood not in (None, "weighted", "bernoulli"):
        raise ValueError(
            f"`likelihood` must be weighted or bernoulli for grids, got {asked.likelihood}."
        )
    if asked.encoder != "fc" and (shape[-1] < LEAST or shape[-1] % STEP):
        raise ValueError(
            f"`voxels` must be a multiple of {STEP} and at least {LEAST}, which the convolutions "
            f"need, got {shape[-1]}; or ask for --encoder fc."
        )


def voxel_reasons(widths: tuple[int, ...], latent_dim: int, side: int) -> tuple[str, ...]:
    """What was chosen, for people."""
    *channels, features = widths
    return (
        f"encoder: SwitchVAE's for grids of {side}³, channels {'-'.join(map(str, channels))}, "
        f"{features} features; the decoder mirrors it",
        f"code: {latent_dim} numbers",
    )


def weighted_reason(filled_weight: float) -> str:
    """The likelihood, for people."""
    return (
        f"likelihood: cross-entropy, a filled cell weighing {filled_weight:g} and an empty one "
        f"{1 - filled_weight:g}; not a normalised one, so an ELBO compares runs with the same "
        "weights on the same data only"
    )
