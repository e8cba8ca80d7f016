"""What anchors do between epochs: wait, take their places once, then look after the empty ones."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.methods.nvc import NebulaAnchors
from nebulatent.training.tensor_files import load_tensors, load_weights, save_tensors

Z = torch.tensor([[0.0, 0.0], [0.1, 0.0], [9.0, 9.0], [9.1, 9.0], [9.0, -9.0], [9.1, -9.0]])


class Codes:
    """A snapshot that counts how often it was asked for."""

    def __init__(self, z: Tensor = Z) -> None:
        self.z, self.calls = z, 0

    def __call__(self) -> Snapshot:
        self.calls += 1
        return Snapshot(self.z)


def test_warm_up_that_nobody_announces_is_an_error_in_a_sentence() -> None:
    nebula = NebulaAnchors(3, 2, anchors=AnchorSet(3, 2, warmup_epochs=2))
    with pytest.raises(
        RuntimeError, match=r"`begin_epoch` must be called .* is 2; call it, or .*`warmup_epochs=0`"
    ):
        nebula(Z)


def test_without_warm_up_anchors_act_at_once_and_need_no_one() -> None:
    anchors = AnchorSet(3, 2)
    assert anchors.active
    assert "nebula" in NebulaAnchors(3, 2, anchors=anchors)(Z).values


def test_anchors_wait_and_then_take_their_places_once() -> None:
    anchors, codes = AnchorSet(3, 2, warmup_epochs=2, revive=False), Codes()
    drawn = anchors.positions.detach().clone()
    for epoch in (0, 1):
        anchors.begin_epoch(epoch, codes)
        assert not anchors.active and not codes.calls
        assert NebulaAnchors(3, 2, anchors=anchors)(Z).values == {}
        assert torch.equal(anchors.positions, drawn)
    anchors.begin_epoch(2, codes)
    assert anchors.active and codes.calls == 1
    assert sorted(anchors.assign(Z).tolist()) == [0, 0, 1, 1, 2, 2]
    placed = anchors.positions.detach().clone()
    for epoch in (3, 4):
        anchors.begin_epoch(epoch, Codes(Z + 1))
        assert torch.equal(anchors.positions, placed)


def test_anchor_that_loses_its_codes_is_moved_in_a_later_epoch() -> None:
    anchors = AnchorSet(3, 2, warmup_epochs=1)
    for epoch in (0, 1):
        anchors.begin_epoch(epoch, Codes())
    anchors.positions.data[0] = 500.0
    anchors.begin_epoch(2, Codes())
    assert len(anchors.assign(Z).unique()) == 3


def test_normal_start_is_never_placed_but_revived_after_its_first_epoch() -> None:
    anchors, codes = AnchorSet(3, 2, start="normal", warmup_epochs=1), Codes()
    drawn = anchors.positions.detach().clone()
    for epoch in (0, 1):
        anchors.begin_epoch(epoch, codes)
        assert torch.equal(anchors.positions, drawn) and not codes.calls
    anchors.begin_epoch(2, codes)
    assert codes.calls == 1 and not anchors.placed


def test_parameter_object_stays_the_same_when_anchors_are_moved() -> None:
    """An optimiser holds it."""
    anchors = AnchorSet(3, 2)
    parameter, storage = anchors.positions, anchors.positions.data_ptr()
    anchors.begin_epoch(0, Codes())
    assert anchors.positions is parameter and parameter.data_ptr() == storage
    assert parameter.requires_grad


@pytest.mark.parametrize("through_a_file", [True, False])
def test_epoch_and_placement_survive_saving(through_a_file: bool, tmp_path: Path) -> None:
    anchors = AnchorSet(3, 2, warmup_epochs=1)
    for epoch in range(4):
        anchors.begin_epoch(epoch, Codes())
    state = anchors.state_dict()
    twin = AnchorSet(3, 2, warmup_epochs=1)
    if through_a_file:
        save_tensors(tmp_path / "w", state, {})
        load_weights(twin, load_tensors(tmp_path / "w")[0], "w")
    else:
        twin.load_state_dict(state)
    assert (twin.epoch, twin.placed, twin.active) == (3, True, True)
    assert torch.equal(twin.positions, anchors.positions)


def test_fresh_anchors_take_over_a_warm_up_that_was_not_over() -> None:
    anchors = AnchorSet(3, 2, warmup_epochs=2)
    anchors.begin_epoch(0, Codes())
    twin = AnchorSet(3, 2, warmup_epochs=2)
    twin.load_state_dict(anchors.state_dict())
    assert not twin.active and not twin.placed
