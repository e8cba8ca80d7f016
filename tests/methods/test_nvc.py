"""The equations of NVC against their slow transcription, and what the modules make of them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from laws.cases import host, vectors
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.latents.priors import AnchorMixture
from nebulatent.methods.nvc import (
    NVC,
    Force,
    NebulaAnchors,
    NebulaWeights,
    Reduction,
    euclidean_loss,
    inverse_distances,
    masses,
    nebula_loss,
)
from nebulatent.objectives.metric import pair_loss, triplet_loss
from oracles import nvc as oracle

FORCES = ("log1p", "clamped", "literal")
pytestmark = [
    pytest.mark.usefixtures("float64"),
    pytest.mark.filterwarnings("ignore:Anchors are further apart"),
]
Matches = Callable[..., None]


def scene(num_anchors: int, latent_dim: int = 3, codes: int = 12) -> tuple[Tensor, Tensor]:
    """Codes, and anchors of which some are closer than 1 and some are not."""
    return torch.randn(codes, latent_dim), 0.6 * torch.randn(num_anchors, latent_dim)


def nearest(z: Tensor, anchors: Tensor) -> Tensor:
    """Labels by the oracle's rule."""
    return torch.tensor(oracle.nearest(z.tolist(), anchors.tolist()))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("num_anchors", [1, 2, 5])
def test_masses_match_the_oracle(reduction: Reduction, num_anchors: int, matches: Matches) -> None:
    z, anchors = scene(num_anchors)
    label = torch.arange(12) % num_anchors
    expected = oracle.masses(z.tolist(), anchors.tolist(), label.tolist(), reduction)
    matches(masses(z, anchors, label, reduction), expected)


def test_mass_of_an_anchor_without_codes_is_one() -> None:
    z, anchors = scene(3)
    assert masses(z, anchors, torch.zeros(12, dtype=torch.long))[1:].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("scale2", [1.0, 3.0, 0.2])
@pytest.mark.parametrize("form", FORCES)
def test_inverse_distances_match_the_oracle(form: Force, scale2: float, matches: Matches) -> None:
    _, anchors = scene(6)
    anchors[5] = anchors[4]
    rows = anchors.tolist()
    expected = [
        [0.0 if i == j else oracle.inverse_distance(a, b, form, scale2) for j, b in enumerate(rows)]
        for i, a in enumerate(rows)
    ]
    found = inverse_distances(anchors, form, scale2)
    matches(found, expected)
    assert torch.equal(found.diagonal(), torch.zeros(6))


@pytest.mark.parametrize("own_labels", [True, False])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("num_anchors", [1, 2, 10])
@pytest.mark.parametrize("form", FORCES)
def test_nebula_loss_matches_the_oracle(
    form: Force, num_anchors: int, reduction: Reduction, own_labels: bool, matches: Matches
) -> None:
    z, anchors = scene(num_anchors)
    label = nearest(z, anchors) if own_labels else torch.randint(0, num_anchors, (12,))
    for scale2 in (1.0, 3.0):
        expected = oracle.nebula_loss(
            z.tolist(),
            anchors.tolist(),
            label.tolist(),
            force=form,
            reduction=reduction,
            scale2=scale2,
            normalised=reduction == "mean",
        )
        found = nebula_loss(z, anchors, label, form=form, scale2=scale2, reduction=reduction)
        matches(found, expected)


def test_euclidean_loss_matches_the_oracle(matches: Matches) -> None:
    z, anchors = scene(5)
    found = euclidean_loss(z, anchors, nearest(z, anchors))
    matches(found, oracle.euclidean_loss(z.tolist(), anchors.tolist()))


@pytest.mark.parametrize("form", [*FORCES, "euclidean"])
def test_module_adds_the_functions_with_the_nearest_anchors_as_labels(
    form: Force, matches: Matches
) -> None:
    nebula = NebulaAnchors(4, 3, form=form, metric=True)
    z = torch.randn(12, 3)
    rows, anchors = z.tolist(), nebula.anchors.positions.tolist()
    labels = oracle.nearest(rows, anchors)
    printed = form == "literal"
    values = nebula(z).values
    assert nebula.assign(z).tolist() == labels
    matches(values["pair"], oracle.pair_loss(rows, labels))
    matches(values["triplet"], oracle.triplet_loss(rows, labels))
    expected = (
        oracle.euclidean_loss(rows, anchors)
        if form == "euclidean"
        else oracle.nebula_loss(
            rows,
            anchors,
            force=form,
            reduction="sum" if printed else "mean",
            normalised=not printed,
        )
    )
    matches(values["nebula"], expected)


def test_given_labels_take_the_place_of_the_nearest_anchor(matches: Matches) -> None:
    nebula = NebulaAnchors(4, 3, metric=True)
    z, label = torch.randn(12, 3), torch.randint(0, 4, (12,))
    values = nebula(z, label).values
    rows, anchors = z.tolist(), nebula.anchors.positions.tolist()
    matches(values["nebula"], oracle.nebula_loss(rows, anchors, label.tolist()))
    matches(values["pair"], oracle.pair_loss(rows, label.tolist()))
    matches(values["triplet"], oracle.triplet_loss(rows, label.tolist()))


def test_sites_are_codes_of_their_own_and_share_the_label_of_their_sample() -> None:
    nebula = NebulaAnchors(4, 3, metric=True)
    z, label = torch.randn(5, 2, 3), torch.tensor([0, 1, 2, 3, 0])
    flat, repeated = z.flatten(0, 1), label.repeat_interleave(2)
    assert nebula(z).values == nebula(flat).values
    assert nebula(z, label).values == nebula(flat, repeated).values


def test_metric_terms_see_every_kth_code_of_a_large_batch() -> None:
    nebula = NebulaAnchors(4, 3, metric=True, metric_rows=10)
    z = torch.randn(25, 3)
    values, label = nebula(z).values, nebula.assign(z)
    assert values["pair"] == pair_loss(z[::3], label[::3])
    assert values["triplet"] == triplet_loss(z[::3], label[::3])
    whole = NebulaAnchors(4, 3, anchors=nebula.anchors)
    assert values["nebula"] == whole(z).values["nebula"]


def test_weights_weigh_the_total_and_not_the_values() -> None:
    z = torch.randn(12, 3)
    plain = NebulaAnchors(4, 3, metric=True)
    heavy = NebulaAnchors(
        4, 3, metric=True, anchors=plain.anchors, weights=NebulaWeights(2.0, 3.0, 4.0)
    )
    values = plain(z).values
    assert heavy(z).values == values
    expected = 2 * values["nebula"] + 3 * values["pair"] + 4 * values["triplet"]
    torch.testing.assert_close(heavy(z).total, expected)


def test_scale_multiplies_the_distance_at_which_the_force_turns(matches: Matches) -> None:
    z = torch.randn(12, 3)
    nebula = NebulaAnchors(4, 3, scale=2.0)
    rows, anchors = z.tolist(), nebula.anchors.positions.tolist()
    matches(nebula(z).values["nebula"], oracle.nebula_loss(rows, anchors, scale2=4.0 * 3))


def test_mixture_prior_replaces_the_kl_only_when_anchors_act(matches: Matches) -> None:
    anchors = AnchorSet(3, 4, warmup_epochs=1, start="normal")
    prior = AnchorMixture(3, 4)
    prior.logits.data.normal_()
    prior.logvar.data.normal_()
    method = NVC(host(), NebulaAnchors(3, 4, anchors=anchors), prior=prior)
    coding = method.code(vectors())
    for epoch in (0, 1):
        anchors.begin_epoch(epoch, lambda: pytest.fail("the normal start needs no codes"))
        kl = coding.posterior.kl().mean()
        if epoch == 1:
            parts = (coding.z, *coding.posterior, anchors.positions, prior.logits, prior.logvar)
            rows = oracle.mixture_kl_one_sample(*(part.tolist() for part in parts))
            kl = torch.tensor(rows).mean()
        matches(method.elbo(coding, vectors()).values["kl"], kl.item())


def test_anchors_see_the_posterior_mean_and_not_the_sample() -> None:
    method, batch = NVC(host(), NebulaAnchors(3, 4, metric=True)).eval(), vectors()
    found = method(batch)
    expected = method.latent_terms(method.encode(batch.x).mean)
    assert all(found.values[name] == expected.values[name] for name in expected.values)
    assert found.weights["pair"] == 0.1


def test_deterministic_bottleneck_has_no_kl() -> None:
    assert "kl" not in NVC(host(Deterministic), NebulaAnchors(3, 4))(vectors()).values


def test_prior_of_another_size_is_refused() -> None:
    """One component broadcasts over three anchors and would not even be a density."""
    with pytest.raises(ValueError, match=r"`prior` must .*\.$"):
        NVC(host(), NebulaAnchors(3, 4), prior=AnchorMixture(1, 4))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_anchors": 0}, "`num_anchors` must be positive, got 0"),
        ({"latent_dim": 0}, "`latent_dim` must be positive, got 0"),
        ({"scale": 0.0}, "`scale` must be positive, got 0"),
        ({"scale": float("nan")}, "`scale` must be positive, got nan"),
        ({"weights": NebulaWeights(1.0, -0.1, 1.0)}, "`weights` must not be negative, got"),
        ({"metric_rows": 1}, "`metric_rows` must be at least 2, got 1"),
        ({"anchors": AnchorSet(5, 3)}, "`anchors` must have 4 anchors of dimension 3, got 5"),
    ],
)
def test_wrong_options_are_refused(options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        NebulaAnchors(**({"num_anchors": 4, "latent_dim": 3} | options))


@pytest.mark.parametrize("shape", [(12, 4), (3,), (2, 2, 2, 3), (12, 2, 4)])
def test_codes_of_another_dimension_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`z` must be .batch, 3. or .batch, sites, 3., got"):
        NebulaAnchors(4, 3)(torch.zeros(shape))
