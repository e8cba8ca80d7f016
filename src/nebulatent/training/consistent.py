"""Train anchors that views, neighbours and independent models agree on: three steps in a row.

1. Several members, each an encoder with over-anchors of its own, from different seeds. Those whose
   over-anchors tell most of their samples' neighbours are kept.
2. All their over-anchors are merged into groups at once (:mod:`nebulatent.ops.consensus`).
3. The member that agrees most with the groups goes on, with one anchor for each group.

Everything is label-free and every choice is made from training samples. Each step is a stage, a
plain call of `fit` (:mod:`nebulatent.training.stages`); sizes are given in steps of the optimiser,
so that small sets are trained as long.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import NamedTuple

import torch
from torch import nn

from nebulatent.data.batch import Batches, View
from nebulatent.data.pairs import PairView
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.nvc_consistency import NVCConsistency
from nebulatent.ops.cluster_count import ClusterCount, count_clusters
from nebulatent.ops.consensus import Consensus, agree, most_informed
from nebulatent.ops.neighbours import nearest_rows
from nebulatent.training.config import FitConfig
from nebulatent.training.progress import Row
from nebulatent.training.stages import IN_MEMORY, Stage, Stages
from nebulatent.typing import Float, Int, Tensor

ROWS = 2000
MIN_NEIGHBOURS = 5


@dataclass(frozen=True, kw_only=True)
class ConsistencyConfig:
    """Options of `fit_consistent`; the defaults are those of the MNIST recipe.

    Raises:
        ValueError: If a value is out of its range.
    """

    latent_dim: int = 16
    """Dimension of a code."""
    members: int = 5
    """Independent first stages."""
    kept: int = 3
    """Members that go on, the most informed; all, if there are fewer."""
    over_anchors: int = 60
    """Over-anchors of each member."""
    neighbours: int = 20
    """Neighbours of a sample; fewer, if an even cluster has fewer than twenty times as many."""
    neighbour_share: float = 0.5
    """Probability that the second view of a pair is a neighbour's."""
    temperature: float = 1.0
    """Variance of the Gaussians around anchors."""
    batch_size: int = 512
    """Pairs of a step."""
    first_steps: int = 590
    """Steps of each member's first stage, at least one epoch."""
    second_steps: int = 1410
    """Steps of the second stage, at least one epoch."""
    first_lr: float = 2e-3
    """Learning rate of the first stage."""
    second_lr: float = 1e-3
    """Learning rate of the second stage, falling from its beginning."""
    seed: int = 0
    """Fixes everything."""

    def __post_init__(self) -> None:
        for name in ("latent_dim", "members", "kept", "over_anchors", "neighbours"):
            _check(name, getattr(self, name), "at least 1", getattr(self, name) >= 1)
        for name in ("first_steps", "second_steps"):
            _check(name, getattr(self, name), "at least 1", getattr(self, name) >= 1)
        for name in ("temperature", "first_lr", "second_lr"):
            value = getattr(self, name)
            _check(name, value, "positive and finite", 0 < value < inf)
        _check("batch_size", self.batch_size, "at least 3", self.batch_size >= 3)
        share = self.neighbour_share
        _check("neighbour_share", share, "in [0, 1]", 0 <= share <= 1)
        _check("seed", self.seed, f"in 0..{2**32 - 1}", 0 <= self.seed < 2**32)


def _check(name: str, value: float, what: str, holds: bool) -> None:
    if not holds:
        raise ValueError(f"`{name}` must be {what}, got {value}.")


class Member(NamedTuple):
    """A model after its first stage, and the codes of all samples."""

    model: NVCConsistency
    z: Float[Tensor, "samples latent"]


@dataclass(frozen=True)
class Consistent:
    """A trained model and what led to it.

    Arguments:
        model: Its `anchors` are the clusters.
        consensus: The groups that the anchors began with.
        history: Rows of the second stage.
    """

    model: NVCConsistency
    consensus: Consensus
    history: list[Row]


def fit_consistent(
    x: Float[Tensor, "samples *shape"],
    features: Float[Tensor, "samples features"],
    num_anchors: int,
    encoder: Callable[[], nn.Module],
    view: View,
    config: ConsistencyConfig = ConsistencyConfig(),
    *,
    stages: Stages = IN_MEMORY,
) -> Consistent:
    """Clusters that the views of a sample, its neighbours and independent members agree on.

    Arguments:
        x: Samples as the encoder sees them.
        features: A simple space in which samples that are alike are near.
        num_anchors: Number of clusters.
        encoder: Makes a new encoder with a `feature_dim`.
        view: A random view of a batch.
        config: How long, how fast.
        stages: Device and precision (`bf16-mixed` halves the time where the processor has it),
            where to save, and who follows.

    Raises:
        ValueError: If there are too few samples or over-anchors for so many clusters.
    """
    k = count_neighbours(len(x), num_anchors, config)
    found = stages.keep("neighbours", lambda: {"rows": nearest_rows(features, k)})
    members = fit_members(x, found["rows"], encoder, view, config, stages=stages)
    return settle_member(
        members, x, features, found["rows"], num_anchors, view, config, stages=stages
    )


def count_neighbours(num_samples: int, num_anchors: int, config: ConsistencyConfig) -> int:
    """Neighbours of a sample: so few that they are a twentieth of an even cluster at most.

    Raises:
        ValueError: If there are not two samples for each anchor, or more anchors than over-anchors.
    """
    if num_samples < 2 * num_anchors:
        raise ValueError(
            f"`num_anchors` must be at most half the number of samples ({num_samples}), got "
            f"{num_anchors}; ask for fewer anchors."
        )
    most = min(config.members, config.kept) * config.over_anchors
    if num_anchors > most:
        raise ValueError(
            f"`num_anchors` must be at most kept members × over_anchors ({most}), got "
            f"{num_anchors}; ask for more of those."
        )
    few = max(MIN_NEIGHBOURS, num_samples // (20 * num_anchors))
    return min(config.neighbours, few, num_samples - 1)


def fit_members(
    x: Float[Tensor, "samples *shape"],
    neighbours: Int[Tensor, "samples k"],
    encoder: Callable[[], nn.Module],
    view: View,
    config: ConsistencyConfig,
    *,
    stages: Stages = IN_MEMORY,
) -> list[Member]:
    """The first stages: independent encoders and over-anchors, and of them the most informed."""
    members: list[Member] = []
    for number in range(config.members):
        seed = _seed(config, number)
        model = _build(encoder, config, seed)
        batches = _batches(x, neighbours, view, config, seed)
        epochs = max(1, round(config.first_steps / len(batches)))
        options = FitConfig(epochs=epochs, lr=config.first_lr, decay=0.7, seed=seed)
        stages.fit(Stage(f"member-{number + 1}", number, model, batches, options))
        members.append(Member(model, codes(model, x)))
    best = most_informed(_assigned(members), neighbours, config.kept)
    return [members[number] for number in best]


def settle_member(
    members: Sequence[Member],
    x: Float[Tensor, "samples *shape"],
    features: Float[Tensor, "samples features"],
    neighbours: Int[Tensor, "samples k"],
    num_anchors: int,
    view: View,
    config: ConsistencyConfig,
    *,
    stages: Stages = IN_MEMORY,
) -> Consistent:
    """Merge, and the second stage of a copy of the member that agrees most with the groups."""
    assigned = _assigned(members)
    # Members that found fewer clusters leave some anchors without samples.
    found = sum(len(member.unique()) for member in assigned)
    consensus = agree(
        assigned, neighbours, features.cpu(), min(num_anchors, found), seed=config.seed
    )
    chosen = members[int(consensus.agreement.argmax())]
    seed = _seed(config, config.members)
    batches = _batches(x, neighbours, view, config, seed)
    epochs = max(1, round(config.second_steps / len(batches)))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _settled(chosen, consensus.group, num_anchors, guide_epochs=ceil(epochs / 4))
    options = FitConfig(epochs=epochs, lr=config.second_lr, decay=1.0, seed=seed)
    history = stages.fit(Stage("clusters", config.members, model, batches, options))
    return Consistent(model, consensus, history)


def count_anchors(
    members: Sequence[Member], neighbours: Int[Tensor, "samples k"], config: ConsistencyConfig
) -> ClusterCount:
    """How many clusters the members find again, for those who do not know."""
    return count_clusters(_assigned(members), neighbours, seed=config.seed)


def _assigned(members: Sequence[Member]) -> list[Int[Tensor, " samples"]]:
    return [member.model.over_anchors.assign(member.z).cpu() for member in members]


def _seed(config: ConsistencyConfig, number: int) -> int:
    return (config.seed * 1009 + number) % 2**32


def _batches(
    x: Tensor, neighbours: Tensor, view: View, config: ConsistencyConfig, seed: int
) -> Batches:
    pairs = PairView(x, neighbours, view, neighbour_share=config.neighbour_share)
    return Batches(torch.arange(len(x)), batch_size=config.batch_size, seed=seed, view=pairs)


def _build(
    encoder: Callable[[], nn.Module], config: ConsistencyConfig, seed: int
) -> NVCConsistency:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = encoder()
        width, dim = int(network.feature_dim), config.latent_dim  # pyright: ignore[reportArgumentType]
        over_anchors = AnchorSet(config.over_anchors, dim, start="normal", revive=False)
        return NVCConsistency(
            network, Deterministic(width, dim), over_anchors, temperature=config.temperature
        )


@torch.no_grad()
def codes(model: NVCConsistency, x: Tensor) -> Float[Tensor, "samples latent"]:
    """Posterior means of all samples, on the device of the model."""
    device = model.over_anchors.positions.device
    return torch.cat([model.encode(part.to(device)).mean for part in x.split(ROWS)])


def _settled(
    member: Member, group: Int[Tensor, " samples"], num_anchors: int, *, guide_epochs: int
) -> NVCConsistency:
    """A copy of the member with an anchor at the mean of each group."""
    model = copy.deepcopy(member.model)
    anchors = AnchorSet(num_anchors, member.z.shape[1], start="normal", revive=False)
    anchors.place(member.z, group.to(member.z.device))
    return NVCConsistency(
        model.encoder,
        model.bottleneck,
        model.over_anchors,
        anchors.to(member.z),
        groups=group,
        guide_epochs=guide_epochs,
        temperature=model.temperature,
    )
