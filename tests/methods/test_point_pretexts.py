"""Jigsaw3D and Rotation3D: what is asked, that no coordinate is lost, that it can be learned."""

import math

import pytest
import torch

from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder, PointNetSegmenter
from nebulatent.data.batch import Batch, Batches
from nebulatent.methods.jigsaw3d import Jigsaw3D, cell_centres, cell_of, shuffle_cells
from nebulatent.methods.rotation3d import Rotation3D, rotation_matrix, rotations
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

SMALL = 1 / 16


def segmenter(classes: int) -> PointNetSegmenter:
    """A small network that scores points."""
    return PointNetSegmenter(classes, encoder=PointNetEncoder(width=SMALL), width=SMALL)


def classifier(classes: int) -> PointNetClassifier:
    """A small network that scores clouds."""
    encoder = PointNetEncoder(width=SMALL)
    return PointNetClassifier(classes, encoder=encoder, dropout=0.0, width=1 / 8)


def test_cells_are_numbered_along_all_three_axes_and_the_border_belongs_to_them() -> None:
    centres = cell_centres(3, torch.zeros(()))
    assert torch.equal(cell_of(centres.unsqueeze(0))[0], torch.arange(27))
    corners = torch.tensor([[[-1.0, -1, -1], [1, 1, 1], [-2, 0, 5]]])
    assert cell_of(corners).tolist() == [[0, 26, (0 * 3 + 1) * 3 + 2]]


def test_shuffling_moves_whole_cells_and_keeps_every_point_in_its_place_within() -> None:
    points = torch.rand(4, 300, 3) * 2 - 1
    moved, origin = shuffle_cells(points, 3, torch.Generator().manual_seed(1))
    assert torch.equal(origin, cell_of(points))
    within = (points - cell_centres(3, points)[origin]).abs().amax()
    assert within <= 1 / 3 + 1e-6
    goal = cell_of(moved)
    for before, after, clouds in zip(origin, goal, zip(points, moved, strict=True), strict=True):
        pairs = {(int(a), int(b)) for a, b in zip(before, after, strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        centres = cell_centres(3, points)
        offsets = [
            cloud - centres[cell] for cloud, cell in zip(clouds, (before, after), strict=True)
        ]
        torch.testing.assert_close(offsets[0], offsets[1], atol=1e-6, rtol=0)
    # Each axis moves; the generator in circulation never moves cells along y.
    assert ((moved - points).abs().amax((0, 1)) > 1).all()


def test_every_cloud_has_its_own_permutation_and_a_seed_repeats_it() -> None:
    points = (torch.rand(1, 200, 3) * 2 - 1).expand(2, -1, -1)
    moved, _ = shuffle_cells(points, 2, torch.Generator().manual_seed(1))
    again, _ = shuffle_cells(points, 2, torch.Generator().manual_seed(1))
    assert torch.equal(moved, again) and not torch.equal(moved[0], moved[1])


def test_rotations_are_proper_and_distinct() -> None:
    for count in (6, 18, 32):
        found = rotations(count)
        assert found.shape == (count, 3, 3)
        eye = torch.eye(3, dtype=torch.float64)
        torch.testing.assert_close(found @ found.mT, eye.expand(count, 3, 3))
        torch.testing.assert_close(found.det(), torch.ones(count, dtype=torch.float64))
        assert torch.pdist(found.flatten(1)).min() > 0.1
        assert torch.equal(found[0], eye)


def test_rotations_are_those_of_the_table() -> None:
    table = rotations(18)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    front = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    assert (up @ table[2]).tolist() == pytest.approx([0, 0, -1])  # upside down
    assert (front @ table[4]).tolist() == pytest.approx([-1, 0, 0])  # about z by 90
    half = math.sqrt(0.5)
    assert (front @ table[6]).tolist() == pytest.approx([0, half, half])  # about x by 45
    first = rotation_matrix(0, math.pi / 2) @ rotation_matrix(2, math.pi / 4)
    torch.testing.assert_close(table[14], first)
    assert torch.equal(rotations(6), table[:6])


def test_directions_of_32_are_spread_over_the_sphere() -> None:
    """Where y goes: the table's rings leave every direction at least 26 degrees to itself."""
    ends = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64) @ rotations(32)
    gap = (ends @ ends.T).fill_diagonal_(-1).amax(1).acos().rad2deg()
    assert gap.min() > 26 and gap.max() < 38
    assert ends.sum(0).abs().max() < 1e-9


def test_both_tasks_can_be_learned() -> None:
    generator = torch.Generator().manual_seed(0)
    clouds = torch.rand(48, 64, 3, generator=generator) * 2 - 1
    clouds = clouds * torch.tensor([1.0, 0.5, 0.2]) + torch.tensor([0.0, 0.5, 0.0])
    task = Rotation3D(classifier(6))
    history = fit(task, Batches(clouds, batch_size=16), FitConfig(epochs=20, lr=1e-2))
    assert history[0]["rotation"] > 1.2 and history[-1]["rotation"] < 0.6
    cube = (clouds[:, :32] * torch.tensor([1.0, 2.0, 5.0])).clamp(-1, 1)
    task = Jigsaw3D(segmenter(8), cells=2)
    history = fit(task, Batches(cube, batch_size=16), FitConfig(epochs=4, lr=1e-2))
    assert history[-1]["cells"] < history[0]["cells"] and math.isfinite(history[-1]["total"])


def test_tasks_read_no_label_and_encode_the_cloud_as_it_is() -> None:
    x = torch.rand(4, 20, 3)
    for task in (Jigsaw3D(segmenter(27)).eval(), Rotation3D(classifier(18)).eval()):
        totals = []
        for label in (None, torch.arange(4)):
            torch.manual_seed(3)
            totals.append(task(Batch(x, label=label)).total)
        assert torch.equal(totals[0], totals[1])
        torch.testing.assert_close(task.encode(x).mean, task.network.features(x))


def test_networks_with_other_numbers_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one class per cell \(3³\), got 26 for 3 cells"):
        Jigsaw3D(segmenter(26))
    with pytest.raises(ValueError, match=r"6, 18 or 32 classes, one per rotation, got 5\."):
        Rotation3D(classifier(5))
