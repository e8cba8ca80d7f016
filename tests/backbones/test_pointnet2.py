"""PointNet++: the papers' sizes, the split layer against the plain one, interpolation by loops."""

import pytest
import torch
from torch import Tensor, nn

from nebulatent.backbones.pointnet2 import (
    MSG,
    MSG_PARTS,
    SSG,
    PointNet2Classifier,
    PointNet2Encoder,
    PointNet2Segmenter,
    reduced,
)
from nebulatent.backbones.set_abstraction import Ball, BallLayer, Places, interpolated
from nebulatent.ops.ball_points import ball_points


def count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_networks_have_the_papers_numbers_of_parameters() -> None:
    with torch.device("meta"):
        assert count(PointNet2Classifier(40)) == 1_475_688
        assert count(PointNet2Classifier(40, encoder=PointNet2Encoder(3))) == 1_475_880
        assert count(PointNet2Segmenter(50, 16)) == 1_411_250
        assert count(PointNet2Segmenter(50, 16, in_channels=6)) == 1_411_826
        assert PointNet2Encoder(levels=MSG).channels == (0, 320, 640)
        parts = PointNet2Segmenter(50, 16, levels=MSG_PARTS)
    layers = [parts.from_cloud.layers[0], parts.from_few.layers[0], parts.from_many.layers[0]]
    assert [layer.in_features for layer in layers] == [1536, 576, 150]
    assert len(parts.from_many.layers) == 2 * 3


@pytest.mark.usefixtures("float64")
def test_ball_layer_is_a_pointnet_of_centred_neighbours() -> None:
    layer = BallLayer(2, Ball(0.8, 4, (5, 6, 7))).eval()
    places = Places(torch.randn(2, 12, 3), torch.randn(2, 12, 2))
    centres = places.xyz[:, :3]
    index = ball_points(centres, places.xyz, 0.8, 4)
    for b in range(2):
        for c in range(3):
            near = index[b, c]
            offset = places.xyz[b, near] - centres[b, c]
            x = layer.first(torch.cat([offset, places.features[b, near]], 1))
            x = layer.rest(layer.norm(x.unsqueeze(0)).relu())
            expected = layer.pool(x)[0]
            torch.testing.assert_close(layer(places, centres)[b, c], expected)


def three_nearest(xyz: Tensor, few: Places) -> list[list[float]]:
    """Eq. (2) for one cloud, in loops."""
    out = []
    for point in xyz[0].tolist():
        gaps = [
            (sum((p - q) ** 2 for p, q in zip(point, centre, strict=True)), row)
            for centre, row in zip(few.xyz[0].tolist(), few.features[0].tolist(), strict=True)
        ]
        near = sorted(gaps)[:3]
        total = sum(1 / (gap + 1e-8) for gap, _ in near)
        out.append(
            [
                sum(row[d] / (gap + 1e-8) for gap, row in near) / total
                for d in range(len(near[0][1]))
            ]
        )
    return out


@pytest.mark.usefixtures("float64")
def test_interpolation_is_by_inverse_squared_distance() -> None:
    xyz, few = torch.randn(1, 6, 3), Places(torch.randn(1, 5, 3), torch.randn(1, 5, 2))
    torch.testing.assert_close(interpolated(xyz, few)[0], torch.tensor(three_nearest(xyz, few)))
    torch.testing.assert_close(interpolated(few.xyz, few), few.features, atol=1e-6, rtol=1e-6)
    one = Places(few.xyz[:, :1], few.features[:, :1])
    torch.testing.assert_close(interpolated(xyz, one), one.features.expand(-1, 6, -1))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("levels", [SSG, MSG_PARTS])
def test_shapes_gradients_and_the_order_of_all_points_but_the_first(levels: tuple) -> None:
    small = reduced(levels, 1 / 16, 1 / 32)
    network = PointNet2Segmenter(4, 3, levels=small, whole=(8, 8, 16), width=1 / 16)
    x, category = torch.rand(2, 40, 3) * 2 - 1, torch.tensor([0, 2])
    prediction = network(x, category)
    assert prediction.logits.shape == (2, 40, 4) and prediction.h.shape == (2, 16)
    prediction.logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    network.eval()
    torch.testing.assert_close(network.features(x), network(x, category).h)


@pytest.mark.usefixtures("float64")
def test_feature_does_not_depend_on_the_order_where_balls_are_not_full() -> None:
    """Balls take the first points in the order of the cloud, and the first centre is the first."""
    levels = reduced(SSG, 1 / 16, 1 / 8)
    encoder = PointNet2Encoder(levels=levels, whole=(8, 16)).eval()
    x = torch.rand(2, 64, 3) * 6 - 3  # so sparse that no ball is full
    order = torch.cat([torch.zeros(1, dtype=torch.long), torch.randperm(63) + 1])
    torch.testing.assert_close(encoder(x[:, order]), encoder(x))


def test_levels_of_a_segmenter_are_two() -> None:
    with pytest.raises(ValueError, match=r"`levels` must be two, got 1\."):
        PointNet2Segmenter(4, levels=SSG[:1])
