"""What a model is made of, as plain values: enough to build it again, and nothing else."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nebulatent.apps.planning.cloud_plan import COMPONENTS, MOST_COMPONENTS
from nebulatent.apps.planning.completion_plan import COMPLETING, CompletionConfig
from nebulatent.apps.planning.view_plan import HOSTS, PICTURED, SWITCHED, ViewConfig

Method = Literal[
    "ae",
    "vae",
    "dvae",
    "cvae",
    "switch-vae",
    "image-vae",
    "rec-ae",
    "rec-gan",
    "nvc",
    "nvc-ml",
    "nvc-consistency",
    "parae",
]
AnchorHost = Literal[  # under nvc and nvc-ml
    "ae", "vae", "dvae", "cvae", "switch-vae", "rec-ae", "rec-gan"
]
Host = AnchorHost | Literal["image-vae"]
EncoderKind = Literal["fc", "conv", "pointnet", "voxel", "volume"]
LikelihoodKind = Literal["bernoulli", "gaussian"]
CloudLikelihood = Literal["chamfer", "mixture"]
GridLikelihood = Literal["weighted"]
AnyLikelihood = LikelihoodKind | CloudLikelihood | GridLikelihood
PriorKind = Literal["normal", "anchors"]
Poses = Literal["as-stored", "principal-axes"]  # in which a model is given clouds of points
# The forms of `nebulatent.methods.nvc`, which needs PyTorch, and the released code's.
Reading = Literal["log1p", "clamped", "literal", "euclidean", "released"]

# By the number of axes of a sample.
ENCODERS: Mapping[int, tuple[EncoderKind, ...]] = {
    1: ("fc",),
    2: ("pointnet",),
    3: ("fc", "conv"),
    4: ("fc", "voxel", "volume"),
}
LIKELIHOODS: Mapping[int, tuple[AnyLikelihood, ...]] = {
    1: ("bernoulli", "gaussian"),
    2: ("chamfer", "mixture"),
    3: ("bernoulli", "gaussian"),
    4: ("weighted", "bernoulli"),
}
WHAT = {1: "vectors", 2: "clouds of points", 3: "images", 4: "grids"}


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Architecture and objective of a run.

    Raises:
        ValueError: If a size is not positive or two choices exclude each other.
    """

    host: Host
    method: Method
    shape: tuple[int, ...]
    encoder: EncoderKind
    widths: tuple[int, ...]
    latent_dim: int
    num_anchors: int
    likelihood: AnyLikelihood
    beta: float
    form: Reading
    prior: PriorKind
    supervised: bool
    num_classes: int
    warmup_epochs: int
    nebula_weight: float
    pair_weight: float
    triplet_weight: float
    cluster_dim: int = 0
    """The first so many numbers of a code are the cluster part (nvc-consistency)."""
    cluster_widths: tuple[int, ...] = ()
    """Widths of the encoder of that part."""
    components: int = COMPONENTS
    """Gaussians of a cloud's mixture (parae)."""
    filled_weight: float = 0.8
    """What a filled cell weighs in the likelihood `weighted`; an empty one weighs the rest."""
    views: ViewConfig | None = None
    """What reads pictures of the samples (switch-vae, image-vae)."""
    completion: CompletionConfig | None = None
    """What completes grids (rec-ae, rec-gan)."""

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_cluster_part()
        self._check_encoder()
        self._check_labels()
        self._check_anchors()
        self._check_views()
        self._check_completion()

    def _check_numbers(self) -> None:
        for name in ("latent_dim", "num_anchors", "components"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.components > MOST_COMPONENTS:
            raise ValueError(
                f"`components` must be at most {MOST_COMPONENTS}, got {self.components}."
            )
        for name in ("beta", "nebula_weight", "pair_weight", "triplet_weight", "warmup_epochs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"`{name}` must be 0 or more, got {getattr(self, name)}.")
        for name in ("shape", "widths"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"`{name}` must hold positive sizes, got {getattr(self, name)}.")

    def _check_encoder(self) -> None:
        axes = len(self.shape)
        for name, kinds in (("encoder", ENCODERS), ("likelihood", LIKELIHOODS)):
            own = kinds.get(axes, ())
            if getattr(self, name) not in own:
                raise ValueError(
                    f"`{name}` must be {' or '.join(own)} for {WHAT.get(axes, 'other samples')}, "
                    f"got {getattr(self, name)}."
                )
        if self.encoder == "voxel" and len(self.widths) != 5:
            raise ValueError(
                f"`widths` must be four channels and the features for grids, got {self.widths}."
            )
        if not 0 < self.filled_weight < 1:
            raise ValueError(f"`filled_weight` must lie in 0..1, got {self.filled_weight:g}.")
        if (self.likelihood == "mixture") != (self.method == "parae"):
            raise ValueError(
                "`likelihood` mixture must go with method parae and with no other, got "
                f"{self.likelihood} with {self.method}."
            )

    def _check_cluster_part(self) -> None:
        if not self.is_consistent:
            if self.cluster_dim or self.cluster_widths:
                raise ValueError(
                    "`cluster_dim` and `cluster_widths` must go with nvc-consistency, got method "
                    f"{self.method}."
                )
            return
        if not 1 <= self.cluster_dim <= self.latent_dim:
            raise ValueError(
                f"`cluster_dim` must lie in 1..{self.latent_dim}, the dimension of a code, got "
                f"{self.cluster_dim}."
            )
        if not self.cluster_widths or min(self.cluster_widths) < 1:
            raise ValueError(
                f"`cluster_widths` must hold positive sizes, got {self.cluster_widths}."
            )
        if (self.host, self.prior, self.supervised) != ("vae", "anchors", False):
            raise ValueError(
                "`method` nvc-consistency must have host vae, prior anchors and no supervision, "
                f"got host {self.host}, prior {self.prior}{', supervised' * self.supervised}."
            )

    def _check_labels(self) -> None:
        needs_labels = self.supervised or self.host == "cvae"
        if needs_labels and self.num_classes < 1:
            raise ValueError(
                f"`{'cvae' if self.host == 'cvae' else 'supervised'}` must have labelled data, "
                "got data without labels; use another method."
            )

    def _check_anchors(self) -> None:
        if not self.has_anchors and (self.supervised or self.prior == "anchors"):
            what = "supervised" if self.supervised else "prior"
            raise ValueError(f"`{what}` must go with nvc or nvc-ml, got method {self.method}.")
        if self.supervised and self.num_classes > self.num_anchors:
            raise ValueError(
                f"`num_anchors` must be at least the number of classes ({self.num_classes}) "
                f"when supervised, got {self.num_anchors}."
            )
        own_terms = self.host in ("cvae", SWITCHED, *COMPLETING)
        if own_terms and (self.supervised or self.prior == "anchors"):
            raise ValueError(
                f"`host` {self.host} must go with neither `supervised` nor `prior anchors`."
            )
        if self.form == "released" and (self.supervised or self.prior == "anchors"):
            raise ValueError(
                "`form` released must go with neither `supervised` nor `prior anchors`."
            )
        if self.host == "ae" and self.prior == "anchors":
            raise ValueError("`prior` anchors must go with a variational host, got ae.")

    def _check_views(self) -> None:
        if (self.views is not None) != (self.host in HOSTS) or (self.views and not self.has_grids):
            raise ValueError(
                f"`views` must go with {' or '.join(HOSTS)} and grids, got host {self.host} "
                f"{'with' if self.views else 'without'} them and samples of shape {self.shape}."
            )
        if self.host == PICTURED and self.has_anchors:
            raise ValueError(f"`host` image-vae must not go with anchors, got {self.method}.")

    def _check_completion(self) -> None:
        completes = self.host in COMPLETING
        if completes != (self.completion is not None) or completes != (self.encoder == "volume"):
            raise ValueError(
                f"`completion` must go with {' or '.join(COMPLETING)} and the encoder volume, got "
                f"host {self.host} {'with' if self.completion else 'without'} it and encoder "
                f"{self.encoder}."
            )

    @property
    def has_grids(self) -> bool:
        """Whether samples are occupancy grids."""
        return len(self.shape) == 4

    @property
    def has_anchors(self) -> bool:
        """Whether the method has anchors."""
        return self.method in ("nvc", "nvc-ml", "nvc-consistency")

    @property
    def decodes(self) -> bool:
        """Whether codes alone can be turned back into samples."""
        return self.method != "parae" and not (self.completion and self.completion.shortcuts)

    @property
    def has_prior(self) -> bool:
        """Whether training keeps codes close to N(0, I)."""
        return self.host not in ("ae", *COMPLETING) and self.prior == "normal"

    @property
    def is_consistent(self) -> bool:
        """Whether the anchors come from views and neighbours, before the decoder is trained."""
        return self.method == "nvc-consistency"

    @property
    def uses_labels(self) -> bool:
        """Whether training reads labels."""
        return self.supervised or self.host == "cvae"
