"""The experiment of NVC with consistency: clusters that views, neighbours and members agree on.

Its stages are those of `nebulatent fit --method nvc-consistency`, without the decoder that comes
after them. The members know nothing of the number of anchors, so rows that differ in that number
share them within a process. A short budget shortens the stages: they take as many steps together as
any other training of the recipe, but never more than those that the method was settled with.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch

from nebulatent.apps.fitting.cluster_stages import IMAGES
from nebulatent.apps.planning.consistency_plan import (
    CLUSTER_DIM,
    MEMBER_SHARE,
    MEMBERS,
    STEPS,
    cluster_precision,
    cluster_widths,
    plan_consistency,
)
from nebulatent.apps.planning.engine import EngineConfig
from nebulatent.apps.recipes.recipe import Outcome, Setting
from nebulatent.apps.recipes.recipe_data import labels
from nebulatent.apps.recipes.trivial import pixels
from nebulatent.backbones.vectors import MLPEncoder
from nebulatent.evaluation.clustering import label_measures, usage_measures
from nebulatent.evaluation.probes import probe_measures
from nebulatent.ops.neighbours import nearest_rows
from nebulatent.training.consistent import (
    ConsistencyConfig,
    Member,
    codes,
    count_neighbours,
    fit_members,
    settle_member,
)
from nebulatent.training.stages import Stages
from nebulatent.typing import Float, Int, Tensor

SHARE_OF_ALL = MEMBERS * MEMBER_SHARE + 1 - MEMBER_SHARE  # steps of all stages per planned step


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """NVC with consistency."""

    num_anchors: int
    own_steps: bool = False
    """Whether it takes the steps that the command would take, whatever the budget."""

    @property
    def name(self) -> str:
        """Method and number of anchors."""
        return f"nvc-consistency-{self.num_anchors}{'-own' * self.own_steps}"

    def __call__(self, setting: Setting) -> Outcome:
        """Train and measure."""
        data, config = setting.data, self.config(setting)
        x, test = (
            torch.from_numpy(pixels(table, data)).unflatten(1, table.sample_shape)
            for table in (data.train, data.test)
        )
        known = _Known(x, data.fingerprint)
        count = count_neighbours(len(x), self.num_anchors, config)
        model = settle_member(
            _members(known, count, config),
            x,
            _features(known),
            _neighbours(known, count),
            self.num_anchors,
            IMAGES.view,
            config,
            stages=_stages(),
        ).model
        assert model.anchors is not None
        z, references = codes(model, test), codes(model, x).numpy()
        assign = model.anchors.assign(z).numpy()
        truth = labels(data.train), labels(data.test)
        return Outcome(
            [
                *label_measures(assign, truth[1]),
                *usage_measures(assign, self.num_anchors),
                *probe_measures(references, truth[0], z.numpy(), truth[1], linear=False),
            ]
        )

    def config(self, setting: Setting) -> ConsistencyConfig:
        """Steps by the budget, the rest by the rule of the command."""
        budget, count = setting.budget, setting.data.train.num_samples
        steps = budget.epochs * -(-count // budget.batch_size)
        short = max(2, min(STEPS, round(steps / SHARE_OF_ALL)))
        return plan_consistency(
            count,
            self.num_anchors,
            cluster_dim=CLUSTER_DIM,
            steps=STEPS if self.own_steps else short,
            seed=setting.seed,
        )


class _Known:
    """Samples that are told apart by their fingerprint, so that what is made of them is kept."""

    def __init__(self, x: Float[Tensor, "samples *shape"], fingerprint: str) -> None:
        self.x, self.fingerprint = x, fingerprint

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and (len(self.x), self.fingerprint) == (
            len(other.x),
            other.fingerprint,
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint)


@lru_cache(maxsize=1)
def _features(known: _Known) -> Float[Tensor, "samples features"]:
    return IMAGES.features(known.x)


@lru_cache(maxsize=2)
def _neighbours(known: _Known, count: int) -> Int[Tensor, "samples k"]:
    return nearest_rows(_features(known), count)


@lru_cache(maxsize=1)
def _members(known: _Known, count: int, config: ConsistencyConfig) -> list[Member]:
    shape = known.x.shape[1:]
    return fit_members(
        known.x,
        _neighbours(known, count),
        lambda: MLPEncoder(shape, cluster_widths(shape.numel())),
        IMAGES.view,
        config,
        stages=_stages(),
    )


def _stages() -> Stages:
    return Stages(fabric=EngineConfig(cluster_precision=cluster_precision()).cluster_fabric())
