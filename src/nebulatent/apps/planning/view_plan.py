"""Pictures of shapes beside their grids: what SwitchVAE and its image VAE have more, by rule.

| choice | rule |
|---|---|
| pictures | at most 8 of each shape, 32² beside grids of at most 16 cells, else 137² |
| encoder of a picture | ResNet-18 from 64 pixels on, below three convolutions, 16-32-64 |
| features | 1024 behind ResNet-18, 256 behind three convolutions |
| over the pictures | a gated recurrent unit |
| switch | thrown once a batch; the pictures are decoded in 0.2 of them |
| lambda | cells / 32³, at most 1 |

Source: Wu et al. 2023 (SwitchVAE), section 4.1, for ResNet-18, the unit, 0.2 and lambda.
Our reading: as in the recipes of its tables, pictures beside coarse grids are as coarse, and lambda
is multiplied by what multiplies the KL term. The paper throws the switch once an epoch; few epochs
are too few throws.

This file is imported to print help, so it must stay free of PyTorch.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

ViewEncoder = Literal["conv", "resnet18"]
Aggregate = Literal["gru", "max", "mean"]  # of `nebulatent.backbones.views`
Form = Literal["grids", "pictures"]  # in which a shape is given
Switch = Literal["epoch", "batch"]  # of `nebulatent.methods.switch_vae`

SWITCHED, PICTURED = "switch-vae", "image-vae"
HOSTS = (SWITCHED, PICTURED)  # networks that read pictures
SHARE = 0.2
RESNET_SIDE = 64
READING = ("view_encoder", "view_weights", "aggregate")  # options of whatever reads pictures
SWITCHING = (
    "view_share",
    "switch",
    "contrastive_weight",
    "stop_gradient",
    "total_correlation_weight",
)
ALL = (*READING, *SWITCHING)
CONV, RESNET = (16, 32, 64, 256), (64, 128, 256, 512, 1024)  # channels, then features


class ViewChoices(NamedTuple):
    """What a user asked for that matters to pictures of shapes; as it is if nothing was.

    Arguments:
        network: The method; of methods with anchors, their host.
        width: Share of the usual channels and features.
    """

    network: str
    width: float = 1.0
    view_encoder: ViewEncoder | None = None
    view_weights: Path | None = None
    aggregate: Aggregate = "gru"
    view_share: float = SHARE
    switch: Switch = "batch"
    contrastive_weight: float | None = None
    stop_gradient: bool = False
    total_correlation_weight: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """The part of a model that reads pictures, and how it is trained beside the grids.

    Arguments:
        shape: Pictures of a sample, their channels, height and width.
        encoder: Of one picture.
        widths: Its channels, then the features of a sample.
        aggregate: What makes one of several pictures.
        share: Probability that the switch picks the pictures.
        switch: When it is thrown.
        contrastive_weight: Lambda.
        stop_gradient: Whether the contrastive term moves only the picked encoder.
        total_correlation_weight: What SwitchBTCVAE adds.

    Raises:
        ValueError: If a size does not fit or a number is out of its range.
    """

    shape: tuple[int, ...]
    encoder: ViewEncoder
    widths: tuple[int, ...]
    aggregate: Aggregate = "gru"
    share: float = SHARE
    switch: Switch = "batch"
    contrastive_weight: float = 1.0
    stop_gradient: bool = False
    total_correlation_weight: float = 0.0

    def __post_init__(self) -> None:
        if len(self.shape) != 4 or min(self.shape) < 1:
            raise ValueError(
                "`views.shape` must be pictures, channels, height and width, got "
                f"{'×'.join(map(str, self.shape))}."
            )
        usual = RESNET if self.encoder == "resnet18" else CONV
        if len(self.widths) != len(usual) or min(self.widths) < 1:
            raise ValueError(
                f"`views.widths` must be {len(usual) - 1} channels and the features for "
                f"{self.encoder}, got {self.widths}."
            )
        if not 0 <= self.share <= 1:
            raise ValueError(f"`view_share` must lie in 0..1, got {self.share:g}.")
        for name in ("contrastive_weight", "total_correlation_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name):g}.")


def plan_views(shape: tuple[int, ...], asked: ViewChoices, factor: float) -> ViewConfig | None:
    """What reads pictures; None for networks that read none.

    Arguments:
        shape: Pictures of a sample, their channels, height and width; empty if there are none.
        asked: What was asked for.
        factor: What lambda is multiplied by, where nobody chose it.

    Raises:
        ValueError: If the network needs pictures and there are none, or something was asked for
            that is not for it.
    """
    _check_asked(asked)
    if asked.network not in HOSTS:
        return None
    if not shape:
        raise ValueError(
            f"`method` {asked.network} must have pictures of shapes beside their grids, got none; "
            "make both by `nebulatent prepare MESHES --out FOLDER`."
        )
    by_rule: ViewEncoder = "resnet18" if shape[-1] >= RESNET_SIDE else "conv"
    encoder = asked.view_encoder or by_rule
    if asked.view_weights is not None and encoder != "resnet18":
        raise ValueError(
            f"`view_weights` must go with resnet18, got {asked.view_weights} and {encoder}; ask "
            "for --view-encoder resnet18."
        )
    usual = RESNET if encoder == "resnet18" else CONV
    weight = factor if asked.contrastive_weight is None else asked.contrastive_weight
    return ViewConfig(
        shape=shape,
        encoder=encoder,
        widths=tuple(max(round(count * asked.width), 1) for count in usual),
        aggregate=asked.aggregate,
        share=asked.view_share,
        switch=asked.switch,
        contrastive_weight=weight,
        stop_gradient=asked.stop_gradient,
        total_correlation_weight=asked.total_correlation_weight,
    )


def _check_asked(asked: ViewChoices) -> None:
    """Refuse options of another network."""
    usual, known = ViewChoices(asked.network, asked.width), {PICTURED: READING, SWITCHED: ALL}
    for name in ALL:
        value = getattr(asked, name)
        if value != getattr(usual, name) and name not in known.get(asked.network, ()):
            those = " or ".join(HOSTS if name in READING else (SWITCHED,))
            raise ValueError(f"`{name}` must go with {those}, got {value} and {asked.network}.")


def view_reasons(views: ViewConfig, host: str) -> tuple[str, ...]:
    """What was chosen, for people."""
    count, _, height, width = views.shape
    *channels, features = views.widths
    kind = "ResNet-18" if views.encoder == "resnet18" else "convolutional"
    over = "a gated recurrent unit over them" if views.aggregate == "gru" else views.aggregate
    read = (
        f"pictures: {count} of {height}×{width}, each through one encoder ({kind}, channels "
        f"{'-'.join(map(str, channels))}), {over}, {features} features"
    )
    if host == PICTURED:
        return (read, "given: pictures; of the networks for grids only the decoder is used")
    way = ", which moves only the picked encoder" if views.stop_gradient else ""
    both = (
        f"switch: thrown once {'a batch' if views.switch == 'batch' else 'an epoch'}, decodes the "
        f"pictures' code in {100 * views.share:g} % of them",
        f"weight of the distance of both codes (lambda): {views.contrastive_weight:g}{way}",
    )
    if not views.total_correlation_weight:
        return (read, *both)
    return (read, *both, f"weight of the total correlation: {views.total_correlation_weight:g}")
