"""The released code's losses against their slow transcription."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.nvc_released import ReleasedAnchors, ratio_loss, same_label_loss
from oracles import nvc as oracle

Matches = Callable[..., None]


def scene(codes: int = 11) -> tuple[Tensor, Tensor]:
    """Codes in double precision and labels of three groups of unequal size."""
    z = torch.randn(codes, 3, dtype=torch.float64)
    return z, torch.arange(codes).remainder(4).clamp_max(2)


def test_same_label_loss_matches_the_oracle(matches: Matches) -> None:
    z, label = scene()
    matches(same_label_loss(z, label), oracle.released_2d(z.tolist(), label.tolist()))


@pytest.mark.parametrize("margin", [0.1, 0.7])
def test_ratio_loss_matches_the_oracle(margin: float, matches: Matches) -> None:
    z, label = scene()
    found = ratio_loss(z, label, torch.tensor(margin, dtype=z.dtype))
    matches(found, oracle.released_3d(z.tolist(), label.tolist(), margin))


@pytest.mark.parametrize("label", [[0] * 6, [0, 1, 2, 3, 4, 5]])
def test_losses_without_pairs_or_triplets_are_zero(label: list[int]) -> None:
    z, labels = scene(6)[0], torch.tensor(label)
    margin = torch.tensor(0.5, dtype=z.dtype)
    expected = oracle.released_3d(z.tolist(), label, 0.5)
    assert expected == 0.0
    assert ratio_loss(z, labels, margin).item() == pytest.approx(0.0, abs=1e-12)
    if len(set(label)) == 6:
        assert same_label_loss(z, labels).item() == 0.0


def test_gradients_equal_finite_differences() -> None:
    z, label = scene(7)
    margin = torch.tensor(0.3, dtype=z.dtype, requires_grad=True)
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: same_label_loss(z, label), (z,))
    assert torch.autograd.gradcheck(lambda z, s: ratio_loss(z, label, s), (z, margin))


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (-1, {"loss_0d", "loss_1d", "loss_3d"}),
        (1, {"loss_0d", "loss_1d"}),
        (2, {"loss_0d", "loss_2d"}),
        (3, {"loss_0d", "loss_3d"}),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_each_order_adds_its_losses_to_the_nearest_distance(
    order: int, names: set[str], given: bool, matches: Matches
) -> None:
    z, label = scene()
    released = ReleasedAnchors(3, 3, order=order).double()
    rows, anchors = z.tolist(), released.anchors.positions.tolist()
    labels = label.tolist() if given else oracle.nearest(rows, anchors)
    values = released(z, label if given else None).values
    assert values.keys() == names
    matches(values["loss_0d"], oracle.released_0d(rows, anchors))
    if "loss_1d" in names:
        matches(values["loss_1d"], oracle.released_1d(rows, anchors, labels))
    if "loss_2d" in names:
        matches(values["loss_2d"], oracle.released_2d(rows, labels))
    if "loss_3d" in names:
        margin = released.margin(released.anchors.positions).mean().sigmoid().item()
        matches(values["loss_3d"], oracle.released_3d(rows, labels, margin))


def test_warm_up_has_no_terms() -> None:
    anchors = AnchorSet(3, 3, warmup_epochs=2, start="normal")
    released = ReleasedAnchors(3, 3, anchors=anchors)
    anchors.begin_epoch(0, lambda: pytest.fail("the normal start needs no codes"))
    assert released(torch.randn(5, 3)).values == {}


def test_assignment_is_that_of_the_anchors() -> None:
    released = ReleasedAnchors(3, 3)
    z = torch.randn(9, 3)
    expected = oracle.nearest(z.tolist(), released.anchors.positions.tolist())
    assert released.assign(z).tolist() == expected
