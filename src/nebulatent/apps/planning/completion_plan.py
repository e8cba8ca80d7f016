"""Networks and length of training for completion, 3D-AE and 3D-RecGAN, by rule.

| choice | rule |
|---|---|
| grids | at most 16 cells along each side (:mod:`nebulatent.data.completion_pairs`) |
| levels | 3, each half as fine as the one before; 4 from 32 cells on |
| channels | of the first level as many as cells along a side, at most 64; then twice as many each |
| code | a quarter of the last level's numbers, at most 5000; none negative |
| likelihood | cross-entropy in which a filled cell weighs 0.85 and an empty one 0.15 |
| learning rate | 0.032 / cells along a side, from 0.0005 to 0.002; the critic's a fifth of it |
| batch | 16 pairs, 8 from 64 cells on |
| epochs | about 1 000 batches, 3 000 from 32 cells on, 6 000 from 64; between 3 and 100 epochs |
| anchors | 5, at most a fifth of the pairs, from a quarter of the epochs on |
| factor of the anchors' terms | 0.001 of 3D-RecGAN's reconstruction |

Source: Yang et al., 3D-RecGAN, ICCVW 2017, and the authors' code, for the sizes at 64 cells, the
rates and the weights there.
Our reading: at 16 cells sizes and length are those of the quick recipe `nvc-table4`, at 64 those of
the full one, and in between what lies between. 3D-AE's reconstruction is a sum over cells,
3D-RecGAN's 95 times their mean, so beside the first the anchors' terms weigh cells / 95 times as
much.

This file is imported to print help, so it must stay free of PyTorch.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

AE, GAN = "rec-ae", "rec-gan"
COMPLETING = (AE, GAN)  # networks that learn from pairs
FILLED_WEIGHT, RECONSTRUCTION, ADVERSARIAL = 0.85, 95.0, 5.0  # of 3D-RecGAN
NEBULA = 0.001  # weight of the latent terms beside 3D-RecGAN's reconstruction
NUM_ANCHORS, WARM_UP = 5, 0.25
CODE, CHANNELS = 5000, 64  # at most
STEPS = {64: 6000, 32: 3000, 1: 1000}  # by the least number of cells along each side
FINE = 32  # such cells, from which on there are four levels
OPTIONS = ("shortcuts", "adversarial_weight")


@dataclass(frozen=True, kw_only=True)
class CompletionConfig:
    """The part of a model that completion has more.

    Arguments:
        shortcuts: Whether the decoder sees the maps of the encoder's levels beside the code.
        adversarial_weight: What the critic's opinion weighs beside 95 times the reconstruction, a
            mean over cells (rec-gan).

    Raises:
        ValueError: If the weight is negative or not finite.
    """

    shortcuts: bool = True
    adversarial_weight: float = ADVERSARIAL

    def __post_init__(self) -> None:
        if not 0 <= self.adversarial_weight < math.inf:
            raise ValueError(
                f"`adversarial_weight` must be 0 or more, got {self.adversarial_weight:g}."
            )


class CompletionChoices(NamedTuple):
    """What a user asked for that matters to completion; as it is if nothing was.

    Arguments:
        network: The method; of methods with anchors, their host.
    """

    network: str
    encoder: str | None = None
    likelihood: str | None = None
    shortcuts: bool = True
    adversarial_weight: float | None = None


def plan_completion(asked: CompletionChoices) -> CompletionConfig | None:
    """What completion has more; None for networks that complete nothing.

    Raises:
        ValueError: If something was asked for that is not for the network.
    """
    if asked.network not in COMPLETING:
        for name in OPTIONS:
            if getattr(asked, name) != getattr(CompletionChoices(asked.network), name):
                option = "no-shortcuts" if name == "shortcuts" else name
                raise ValueError(
                    f"`{option}` must go with {' or '.join(COMPLETING)}, got {asked.network}."
                )
        return None
    if asked.network == AE and asked.adversarial_weight is not None:
        raise ValueError(f"`adversarial_weight` must go with {GAN}, got {AE}, which has no critic.")
    weight = ADVERSARIAL if asked.adversarial_weight is None else asked.adversarial_weight
    return CompletionConfig(shortcuts=asked.shortcuts, adversarial_weight=weight)


def check_completion(shape: tuple[int, ...], asked: CompletionChoices, *, pairs: bool) -> None:
    """Refuse what no network for completion can be built for.

    Arguments:
        shape: Of a sample.
        asked: What was asked for.
        pairs: Whether whole grids are beside the samples.

    Raises:
        ValueError: If something does not fit.
    """
    if not pairs:
        raise ValueError(
            f"`method` {asked.network} must have pairs of partial and whole grids, got samples of "
            f"shape {shape} alone; make pairs by `nebulatent prepare MESHES --scans 1`."
        )
    if asked.encoder is not None:
        raise ValueError(f"`encoder` must be left out with {asked.network}, got {asked.encoder}.")
    if asked.likelihood not in (None, "weighted"):
        raise ValueError(
            f"`likelihood` must be weighted with {asked.network}, got {asked.likelihood}."
        )
    step = 2 ** len(volume_channels(shape[-1]))
    if shape[-1] % step:
        raise ValueError(
            f"`voxels` must be a multiple of {step} with {asked.network}, got {shape[-1]}."
        )


def volume_channels(side: int, width: float = 1.0) -> tuple[int, ...]:
    """Channels of the levels.

    Arguments:
        side: Cells along each side.
        width: Share of the usual channels.

    Raises:
        ValueError: If the width is not positive, or too large.

    Examples:
        >>> volume_channels(16), volume_channels(64)
        ((16, 32, 64), (64, 128, 256, 512))
    """
    if not 0 < width <= 8:
        raise ValueError(f"`voxel_width` must be above 0 and at most 8, got {width:g}.")
    first, levels = min(side, CHANNELS), 3 if side < FINE else 4
    return tuple(max(round(first * 2**level * width), 1) for level in range(levels))


def volume_code(side: int, channels: tuple[int, ...]) -> int:
    """Numbers of a code.

    Examples:
        >>> volume_code(16, (16, 32, 64)), volume_code(64, (64, 128, 256, 512))
        (128, 5000)
    """
    return min(CODE, max(channels[-1] * (side // 2 ** len(channels)) ** 3 // 4, 1))


def completion_lr(side: int) -> float:
    """Learning rate.

    Examples:
        >>> completion_lr(16), completion_lr(32), completion_lr(64)
        (0.002, 0.001, 0.0005)
    """
    return min(2e-3, max(5e-4, 0.032 / side))


def completion_batch_size(side: int) -> int:
    """Pairs of a step."""
    return 8 if side >= 64 else 16


def completion_epochs(count: int, batch_size: int, side: int) -> int:
    """Passes over so many pairs.

    Examples:
        >>> completion_epochs(3200, 16, 16), completion_epochs(3200, 8, 64)
        (5, 15)
    """
    steps = next(number for least, number in STEPS.items() if side >= least)
    return min(100, max(3, round(steps * batch_size / count)))


def completion_warmup(epochs: int) -> int:
    """Epochs before the anchors act."""
    return round(WARM_UP * epochs)


def latent_share(network: str, cells: int, weight: float = NEBULA) -> float:
    """What the anchors' terms are multiplied by, to weigh so much of 3D-RecGAN's reconstruction.

    Examples:
        >>> latent_share("rec-gan", 16**3), round(latent_share("rec-ae", 16**3), 4)
        (0.001, 0.0431)
    """
    return weight * (cells / RECONSTRUCTION if network == AE else 1.0)


def completion_reasons(
    completion: CompletionConfig, host: str, widths: tuple[int, ...], latent_dim: int, side: int
) -> tuple[str, ...]:
    """What was chosen, for people."""
    shortcuts = (
        "the decoder sees their maps beside the code"
        if completion.shortcuts
        else "the decoder sees the code alone"
    )
    network = (
        f"network: {'3D-AE' if host == AE else '3D-RecGAN'} for grids of {side}³, channels "
        f"{'-'.join(map(str, widths))}; {shortcuts}"
    )
    code = f"code: {latent_dim} numbers, none negative"
    if host == AE:
        return network, code
    critic = (
        f"critic: its opinion weighs {completion.adversarial_weight:g} beside {RECONSTRUCTION:g} "
        "times the reconstruction; it learns at a fifth of the rate"
    )
    return network, code, critic
