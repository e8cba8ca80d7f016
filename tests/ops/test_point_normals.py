"""Normals of surfaces whose normals are known."""

import pytest
import torch

from nebulatent.ops.point_normals import point_normals


def test_normals_of_a_sphere_are_its_radii() -> None:
    points = torch.nn.functional.normalize(torch.randn(2, 1500, 3), dim=-1)
    found = point_normals(5 * points + 2, k=12)
    assert (found.direction * points).sum(-1).min() > 0.97
    assert found.variation.max() < 0.02


def test_normals_turn_with_the_cloud() -> None:
    points = torch.randn(1, 40, 3, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    before, after = point_normals(points, k=6), point_normals(points @ turn, k=6)
    torch.testing.assert_close(after.direction, before.direction @ turn)
    torch.testing.assert_close(after.variation, before.variation)


def test_planes_lines_and_places_have_unit_normals_and_no_variation() -> None:
    flat = torch.rand(3, 30, 3, dtype=torch.float64)
    flat[0, :, 2] = 4
    flat[1, :, 1:] = 4
    flat[2] = 4
    found = point_normals(flat, k=5)
    torch.testing.assert_close(found.direction.norm(dim=-1), torch.ones(3, 30).double())
    assert found.variation.max() < 1e-12
    torch.testing.assert_close(found.direction[0, :, 2].abs(), torch.ones(30).double())
    torch.testing.assert_close(found.direction[1, :, 0], torch.zeros(30).double())


def test_few_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`k` must be at least 3, .* got 2"):
        point_normals(torch.rand(1, 9, 3), k=2)
    with pytest.raises(ValueError, match=r"`k` must lie in 1\.\.9"):
        point_normals(torch.rand(1, 9, 3), k=10)
