"""Where anchors start, which code belongs to which, and what happens to those without codes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nebulatent.data.synthetic import blobs
from nebulatent.latents.anchors import AnchorSet, Snapshot, kmeans
from oracles import nvc as oracle

Matches = Callable[..., None]


def groups(num: int = 5, samples: int = 200) -> tuple[Tensor, Tensor]:
    """Codes in well separated blobs, and which blob each is of."""
    generator = torch.Generator().manual_seed(1)
    return blobs(samples, num, 3, separation=8.0, generator=generator)


def used(anchors: AnchorSet, z: Tensor) -> int:
    """Number of anchors with codes."""
    return len(anchors.assign(z).unique())


def no_codes() -> Snapshot:
    """A snapshot that must not be asked for."""
    return pytest.fail("nobody needs codes here")


def test_assignment_is_the_nearest_anchor(matches: Matches) -> None:
    anchors = AnchorSet(6, 3).double()
    z = torch.randn(30, 3, dtype=torch.float64)
    assert anchors.assign(z).tolist() == oracle.nearest(z.tolist(), anchors.positions.tolist())


@pytest.mark.parametrize("temperature", [1.0, 0.1, 7.0])
def test_probabilities_match_the_oracle(temperature: float, matches: Matches) -> None:
    anchors = AnchorSet(6, 3).double()
    z = 3 * torch.randn(30, 3, dtype=torch.float64)
    found = anchors.probabilities(z, temperature)
    rows = z.tolist(), anchors.positions.tolist(), temperature
    matches(found, oracle.anchor_probabilities(*rows))
    matches(found.sum(1), [1.0] * 30)
    assert torch.equal(found.argmax(1), anchors.assign(z))


def test_assignment_carries_no_gradient() -> None:
    z = torch.randn(4, 3, requires_grad=True)
    assert not AnchorSet(2, 3).assign(z).requires_grad


def test_anchors_start_from_the_standard_normal_and_from_the_given_generator() -> None:
    first = AnchorSet(500, 4, generator=torch.Generator().manual_seed(3)).positions
    again = AnchorSet(500, 4, generator=torch.Generator().manual_seed(3)).positions
    assert torch.equal(first, again)
    assert first.mean().abs() < 0.1 and (first.std() - 1).abs() < 0.1


def test_kmeans_start_uses_every_anchor_on_blobs() -> None:
    z, label = groups()
    anchors = AnchorSet(5, 3)
    anchors.place(z)
    assert used(anchors, z) == 5
    pairs = set(zip(anchors.assign(z).tolist(), label.tolist(), strict=True))
    assert len(pairs) == 5  # one anchor for each blob


def test_kmeans_start_repeats_with_the_seed_and_leaves_the_global_state() -> None:
    z, _ = groups()
    state = torch.get_rng_state()
    first, again, other = kmeans(z, 9, 1), kmeans(z, 9, 1), kmeans(z, 9, 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_kmeans_start_keeps_precision() -> None:
    z, _ = groups()
    assert kmeans(z, 3, 0).dtype == torch.float32
    assert kmeans(z.double(), 3, 0).dtype == torch.float64


def test_centres_of_one_cluster_are_the_mean() -> None:
    z, _ = groups()
    torch.testing.assert_close(kmeans(z, 1, 0)[0], z.mean(0))


def test_start_on_classes_is_their_means_and_leaves_a_class_without_codes() -> None:
    z = torch.tensor([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]])
    anchors = AnchorSet(3, 2, start="classes")
    before = anchors.positions.detach().clone()
    anchors.place(z, torch.tensor([0, 0, 2]))
    assert anchors.positions[[0, 2]].tolist() == [[1.0, 0.0], [5.0, 5.0]]
    assert torch.equal(anchors.positions[1], before[1])


def test_start_on_classes_without_labels_is_refused() -> None:
    anchors = AnchorSet(3, 2, start="classes")
    with pytest.raises(ValueError, match=r"label.*\.$"):
        anchors.begin_epoch(0, lambda: Snapshot(torch.randn(9, 2)))


def test_more_anchors_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_anchors` must not exceed .* 5 anchors and 4 sa"):
        AnchorSet(5, 2).place(torch.randn(4, 2))


def test_as_many_anchors_as_samples_are_legal() -> None:
    z = torch.randn(4, 2)
    anchors = AnchorSet(4, 2)
    anchors.place(z)
    assert used(anchors, z) == 4


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_codes_that_are_not_finite_are_refused(value: float) -> None:
    z = torch.randn(9, 2)
    z[3, 1] = value
    anchors = AnchorSet(3, 2)
    with pytest.raises(ValueError, match=r"`z` must be finite, got NaN or infinity"):
        anchors.place(z)
    assert anchors.positions.isfinite().all() and not anchors.placed


def test_coincident_codes_leave_finite_anchors() -> None:
    anchors = AnchorSet(3, 2)
    anchors.place(torch.ones(9, 2))
    assert torch.equal(anchors.positions, torch.ones(3, 2))
    anchors.move_empty(torch.ones(9, 2))
    assert torch.equal(anchors.positions, torch.ones(3, 2))


def far_apart() -> AnchorSet:
    """One anchor on the blobs, four where no code ever is."""
    anchors = AnchorSet(5, 3, start="normal")
    anchors.positions.data[1:] = 1e3
    return anchors


def test_normal_start_leaves_dead_anchors_and_moving_revives_them() -> None:
    z, _ = groups()
    anchors = far_apart()
    anchors.positions.data[0] = z[0]
    assert used(anchors, z) == 1
    assert anchors.move_empty(z) == 4
    assert used(anchors, z) == 5


def test_moved_anchors_sit_on_codes_and_those_in_use_stay() -> None:
    z, _ = groups()
    anchors = far_apart()
    anchors.positions.data[0] = z[0]
    anchors.move_empty(z)
    assert torch.equal(anchors.positions[0], z[0])
    assert all((z == place).all(1).any() for place in anchors.positions)


@pytest.mark.parametrize("seed", range(8))
def test_anchors_moved_together_never_share_a_place(seed: int) -> None:
    z = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]).repeat(5, 1)
    anchors = AnchorSet(3, 2)
    anchors.positions.data = torch.tensor([[0.0, 0.0], [0.0, -900.0], [-900.0, 0.0]])
    assert anchors.move_empty(z, seed=seed) == 2
    assert len(anchors.positions.unique(dim=0)) == 3


def test_moving_repeats_with_the_seed_and_leaves_the_global_state() -> None:
    z, _ = groups()
    places = []
    state = torch.get_rng_state()
    for seed in (1, 1, 2):
        anchors = far_apart()
        torch.set_rng_state(state)
        anchors.positions.data[0] = 0
        anchors.move_empty(z, seed=seed)
        assert torch.equal(torch.get_rng_state(), state)
        places.append(anchors.positions.detach().clone())
    assert torch.equal(places[0], places[1]) and not torch.equal(places[0], places[2])


@pytest.mark.parametrize("codes", [8, 2])
def test_only_anchors_that_were_moved_are_counted(codes: int) -> None:
    """Eight codes on one anchor offer no other place; two codes are too few for three anchors."""
    anchors = AnchorSet(3, 2)
    anchors.positions.data = torch.tensor([[0.0, 0.0], [5.0, 0.0], [9.0, 9.0]])
    before = anchors.positions.detach().clone()
    assert anchors.move_empty(torch.zeros(codes, 2)) == 0
    assert torch.equal(anchors.positions, before)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_anchors": 0}, "`num_anchors` must be positive, got 0."),
        ({"latent_dim": -1}, "`latent_dim` must be positive, got -1."),
        ({"warmup_epochs": -1}, "`warmup_epochs` must not be negative, got -1."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AnchorSet(**({"num_anchors": 3, "latent_dim": 2} | options))


def test_repr_shows_the_sizes() -> None:
    assert repr(AnchorSet(3, 2)) == "AnchorSet(num_anchors=3, latent_dim=2)"
