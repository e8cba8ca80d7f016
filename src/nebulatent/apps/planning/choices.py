"""What can be asked of a run on the command line, in groups; what is left out is chosen by rule.

This file is imported to print help, so it must stay free of PyTorch.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import arg

from nebulatent.apps.planning.cloud_plan import COMPONENTS, WIDTH
from nebulatent.apps.planning.engine import EngineConfig, Log, Precision
from nebulatent.apps.planning.model_config import (
    AnchorHost,
    EncoderKind,
    GridLikelihood,
    LikelihoodKind,
    Method,
    PriorKind,
    Reading,
)
from nebulatent.apps.planning.options import (
    BY_RULE,
    Number,
    NumberByRule,
    OldFile,
    Whole,
    WholeByRule,
    WholeOrAutoByRule,
)
from nebulatent.apps.planning.view_plan import SHARE, Aggregate, Switch, ViewEncoder
from nebulatent.apps.planning.voxel_plan import WIDTH as VOXEL_WIDTH
from nebulatent.training.config import Schedule

OFF = "(default: off)"
NumberOrOff = Annotated[Number, arg(help_behavior_hint=OFF)]
WholeOrOff = Annotated[Whole, arg(help_behavior_hint=OFF)]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What is left out is chosen by rule, from the data, and printed."""

    method: Method = "nvc-ml"
    """ae, vae, dvae (denoising), cvae (conditional, reads labels), switch-vae (one latent for grids
    and pictures of shapes), image-vae (pictures in, grids out), rec-ae and rec-gan (complete grids
    that one view shows; the second with a critic), nvc, nvc-ml (nvc + metric),
    nvc-consistency (clusters that views of a sample and its neighbours agree on), parae (clouds of
    points as mixtures of Gaussians)."""
    host: AnchorHost = "vae"
    """Network under nvc and nvc-ml; other methods are their own host."""
    latent_dim: WholeByRule = None
    """Dimension of a code."""
    num_anchors: WholeOrAutoByRule = None
    """Number of anchors; without anchors, the number of clusters in evaluation. auto counts the
    clusters that are in the data (nvc-consistency)."""
    epochs: WholeByRule = None
    """Passes over the data."""
    batch_size: WholeByRule = None
    """Samples per step, over all processes."""
    lr: NumberByRule = None
    """Learning rate."""
    seed: int = 0
    """Fixes every random choice."""
    encoder: Annotated[
        EncoderKind | None, arg(metavar="{fc,conv,pointnet,voxel}", help_behavior_hint=BY_RULE)
    ] = None
    """Fully connected or convolutional; PointNet for clouds of points, SwitchVAE's for grids."""
    point_width: float = WIDTH
    """Channels of PointNet, as a share of the paper's (clouds of points)."""
    components: int = COMPONENTS
    """Gaussians of a cloud's mixture (parae)."""
    points_per_step: Annotated[Whole, arg(help_behavior_hint="(default: all)")] = None
    """Points of each cloud that a training step sees, others at each step (clouds of points)."""
    voxel_width: float = VOXEL_WIDTH
    """Channels and features of the networks for grids, as a share of the usual."""
    shortcuts: bool = True
    """Let the decoder see the code alone, not the encoder's maps beside it; codes can then be
    decoded (rec-ae, rec-gan)."""
    adversarial_weight: NumberByRule = None
    """Weight of the critic's opinion beside 95 times the reconstruction (rec-gan)."""
    view_encoder: Annotated[
        ViewEncoder | None, arg(metavar="{conv,resnet18}", help_behavior_hint=BY_RULE)
    ] = None
    """What reads one picture of a shape (switch-vae, image-vae)."""
    view_weights: OldFile = None
    """Local file of torchvision's resnet18 weights, with which what reads a picture begins
    (switch-vae, image-vae with --view-encoder resnet18)."""
    aggregate: Aggregate = "gru"
    """How several pictures become one description (switch-vae, image-vae)."""
    view_share: float = SHARE
    """Probability that the pictures' code is decoded, not the grid's (switch-vae)."""
    switch: Switch = "batch"
    """When it is drawn which of them is (switch-vae)."""
    contrastive_weight: NumberByRule = None
    """Lambda: weight of the distance of the two codes of a shape (switch-vae)."""
    stop_gradient: bool = False
    """Let that distance move only the encoder that was drawn (switch-vae)."""
    total_correlation_weight: float = 0.0
    """Weight of the codes' total correlation, as in SwitchBTCVAE (switch-vae)."""
    likelihood: Annotated[
        LikelihoodKind | GridLikelihood | None,
        arg(metavar="{bernoulli,gaussian,weighted}", help_behavior_hint=BY_RULE),
    ] = None
    """How a reconstruction explains the data; weighted (grids) weighs filled cells otherwise."""
    filled_weight: NumberByRule = None
    """What a filled cell weighs, an empty one the rest of 1 (grids)."""
    beta: NumberByRule = None
    """Weight of the variational constraint."""
    form: Reading = "log1p"
    """Nebula loss: log1p (stable), clamped, literal (diverges), euclidean (no masses), released."""
    prior: PriorKind = "normal"
    """Prior of the codes: N(0, I), or a learned mixture around the anchors."""
    supervised: bool = False
    """Use the labels in place of the nearest anchor (the paper's supervised rows)."""
    warmup_epochs: WholeByRule = None
    """Epochs before the anchors act."""
    nebula_weight: NumberByRule = None
    """Weight of the nebula term."""
    pair_weight: NumberByRule = None
    """Weight of the pair term (nvc-ml)."""
    triplet_weight: NumberByRule = None
    """Weight of the triplet term (nvc-ml)."""
    cluster_steps: WholeByRule = None
    """Steps of one member and the clusters together (nvc-consistency)."""

    @property
    def network(self) -> str:
        """What is trained: of methods with anchors, their host."""
        return self.host if self.method in ("nvc", "nvc-ml") else self.method


@dataclass(frozen=True, kw_only=True)
class Care:
    """How a long training is kept stable, and when it stops."""

    schedule: Schedule = "linear"
    """How the learning rate falls over the last two fifths of the steps."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises from zero."""
    clip: NumberOrOff = None
    """Longest gradient; a longer one is scaled down."""
    accumulate: int = 1
    """Batches whose gradients are averaged for one step."""
    ema: NumberOrOff = None
    """Decay of an average of the weights, which is then what training leaves (0.999, say)."""
    hold_out: float = 0.0
    """Share of the samples kept from training, on which the score of an epoch is measured."""
    patience: WholeOrOff = None
    """Epochs without a better score (-ELBO, no labels) after which training stops."""
    compile: bool = False
    """Compile the model with torch.compile."""
    deterministic: bool = False
    """Refuse operations whose result is not the same each time."""


NO_CARE = Care()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """On what a run is trained, and how often it is saved."""

    devices: int = 1
    """Processes that share each batch: one per GPU, or on the CPU if there is none."""
    precision: Precision = "32"
    """32 bits, or bfloat16 for the passes through the networks."""
    workers: int = 0
    """Processes that read batches ahead, for data that are not in memory."""
    save_minutes: float = 1.0
    """Minutes between two checkpoints, from which a run that was killed goes on."""
    save_steps: WholeOrOff = None
    """Steps between two checkpoints, beside the minutes."""
    keep: int = 2
    """Checkpoints that are kept, beside the best weights."""


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What can be looked at while a run is trained; metrics.jsonl and metrics.csv always can."""

    log: Annotated[
        Log | Literal["none"],
        arg(metavar="{tensorboard}", help_behavior_hint="(default: files only)"),
    ] = "none"
    """Write RUN/tensorboard too, for `tensorboard --logdir RUN`."""
    watch: bool = False
    """Keep RUN/report.html fresh, epoch by epoch."""


def engine_config(care: Care, machine: Machine, watching: Watching) -> EngineConfig:
    """The part of the choices that says how, not what.

    Raises:
        ValueError: If a value is out of its range.
    """
    return EngineConfig(
        devices=machine.devices,
        precision=machine.precision,
        num_workers=machine.workers,
        save_minutes=machine.save_minutes,
        save_steps=machine.save_steps,
        keep=machine.keep,
        hold_out=care.hold_out,
        log=() if watching.log == "none" else (watching.log,),
        watch=watching.watch,
    )
