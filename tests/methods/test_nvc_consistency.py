"""The objective of both stages: what it adds up, what trains, what it leaves alone."""

import copy

import pytest
import torch

from nebulatent.backbones.vectors import MLPEncoder
from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.nvc_consistency import ConsistencyWeights, NVCConsistency
from oracles import consistency as oracle

ROWS, FEATURES, LATENT = 24, 6, 4


def anchors(count: int) -> AnchorSet:
    return AnchorSet(count, LATENT, start="normal", revive=False)


def first_stage() -> NVCConsistency:
    return NVCConsistency(MLPEncoder((FEATURES,), (8,)), Deterministic(8, LATENT), anchors(5))


def second_stage(groups: torch.Tensor | None = None, dimension: int = LATENT) -> NVCConsistency:
    stage = first_stage()
    clusters = AnchorSet(3, dimension, start="normal", revive=False)
    return NVCConsistency(
        stage.encoder,
        stage.bottleneck,
        stage.over_anchors,
        clusters,
        groups=groups,
        guide_epochs=4,
    )


def pairs() -> Batch:
    return Batch(torch.rand(ROWS, 2, FEATURES), torch.arange(ROWS))


def never() -> Snapshot:
    raise AssertionError("no snapshot is needed")


def test_the_total_is_the_written_sum() -> None:
    method, batch = second_stage(torch.arange(ROWS) % 3).double().eval(), pairs()
    batch = batch._replace(x=batch.x.double())
    terms = method(batch)
    codes = [method.encode(batch.x[:, view]).mean for view in (0, 1)]
    for name, part in (("over", method.over_anchors), ("anchors", method.anchors)):
        assert part is not None
        soft = [part.probabilities(z).tolist() for z in codes]
        assert terms.values[name].item() == pytest.approx(-oracle.agreement(*soft))
    spread = torch.cat(codes).square().sum(1).mean().item()
    assert terms.values["spread"].item() == pytest.approx(spread)
    parts = {name: value.item() for name, value in terms.values.items()}
    expected = parts["over"] + 2 * parts["anchors"] + 0.01 * parts["spread"] + parts["groups"]
    assert terms.total.item() == pytest.approx(expected)


def test_groups_count_as_the_certainty_of_their_anchor() -> None:
    groups = torch.randint(3, (ROWS,))
    method, batch = second_stage(groups).eval(), pairs()
    assert method.anchors is not None
    sure = method.anchors.probabilities(method.encode(batch.x[:, 0]).mean)
    expected = -sure[torch.arange(ROWS), groups].log().mean()
    torch.testing.assert_close(method(batch).values["groups"], expected)


def test_the_first_stage_has_no_anchors_and_twice_the_spread() -> None:
    terms = first_stage()(pairs())
    assert set(terms.values) == {"over", "spread"}
    assert terms.weights["spread"] == 2 * ConsistencyWeights().spread


def test_groups_guide_less_and_less_then_not_at_all() -> None:
    method, batch = second_stage(torch.zeros(ROWS, dtype=torch.long)), pairs()
    seen = []
    for epoch in range(5):
        method.begin_epoch(epoch, never)
        terms = method(batch)
        seen.append(terms.weights["groups"] if "groups" in terms.values else 0.0)
    assert seen == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_a_run_that_goes_on_knows_how_much_the_groups_guide() -> None:
    method = second_stage(torch.zeros(ROWS, dtype=torch.long))
    twin = copy.deepcopy(method)
    method.begin_epoch(3, never)
    twin.load_state_dict(method.state_dict())
    assert twin.guide == method.guide == 0.25


@pytest.mark.parametrize("guided", [True, False])
def test_every_parameter_gets_a_finite_gradient(guided: bool) -> None:
    method = second_stage(torch.arange(ROWS) % 3 if guided else None)
    method(pairs()).total.backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_labels_change_nothing() -> None:
    method, batch = second_stage(torch.arange(ROWS) % 3).eval(), pairs()
    labelled = batch._replace(label=torch.arange(ROWS))
    assert torch.equal(method(batch).total, method(labelled).total)


def test_samples_belong_to_the_nearest_anchor_of_the_stage() -> None:
    method, x = second_stage().eval(), pairs().x[:, 0]
    z = method.encode(x).mean
    assert method.anchors is not None
    assert torch.equal(method.assign(x), torch.cdist(z, method.anchors.positions).argmin(1))
    stage = first_stage().eval()
    z = stage.encode(x).mean
    assert torch.equal(stage.assign(x), torch.cdist(z, stage.over_anchors.positions).argmin(1))


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match="`anchors` must have dimension 4 like `over_anchors`"):
        second_stage(dimension=3)
    stage = first_stage()
    with pytest.raises(ValueError, match="`anchors` must be given with `groups`, got None"):
        NVCConsistency(
            stage.encoder, stage.bottleneck, stage.over_anchors, groups=torch.zeros(2).long()
        )
