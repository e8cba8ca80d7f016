"""PointNet: the paper's sizes, invariance, the shortcuts against the plain layers."""

import pytest
import torch
from torch import Tensor, nn

from nebulatent.backbones.point_layers import (
    NormalisedRows,
    PooledLayer,
    TiledLayer,
    class_head,
    scaled,
)
from nebulatent.backbones.pointnet import PointNetClassifier, PointNetEncoder, PointNetSegmenter
from nebulatent.backbones.pointnet_parts import PointNetPartSegmenter, PointNetSceneSegmenter
from nebulatent.backbones.transform_net import TransformNet, transform_penalty


def count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_networks_have_the_papers_numbers_of_parameters() -> None:
    with torch.device("meta"):
        assert count(TransformNet(3)) == 803_081
        assert count(TransformNet(64)) == 1_857_344
        assert count(PointNetClassifier(40)) == 3_480_049
        assert count(PointNetClassifier(40, encoder=PointNetEncoder())) == 819_624
        half = PointNetEncoder(input_transform=True)
        assert count(PointNetClassifier(40, encoder=half)) == 1_622_705
        assert count(PointNetSegmenter(50)) == 3_558_907


def plain(layer: PooledLayer, x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """The same layer with every value computed."""
    y = layer.linear(x)
    y = norm(y.flatten(0, 1)).view(y.shape)
    return nn.functional.leaky_relu(y, layer.slope).amax(1)


@pytest.mark.parametrize("points", [9, 4])  # more points than channels, and fewer
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.usefixtures("float64")
def test_pooled_layer_is_the_plain_one_with_its_gradients(
    slope: float, training: bool, points: int
) -> None:
    layer, norm = PooledLayer(5, 7, slope=slope), nn.BatchNorm1d(7)
    for module in (layer.norm, norm):
        module.weight.data = torch.linspace(-1, 1.5, 7)
        module.bias.data = torch.linspace(-1, 1, 7)
        module.running_mean.copy_(torch.linspace(0, 1, 7))
    layer.train(training), norm.train(training)
    x = (torch.randn(4, points, 5) + 1).requires_grad_()
    weights = torch.randn(4, 7)
    outcomes = []
    for out, own in ((layer(x), layer.norm), (plain(layer, x, norm), norm)):
        leaves = [x, layer.linear.weight, layer.linear.bias, own.weight, own.bias]
        outcomes.append([out, *torch.autograd.grad((out * weights).sum(), leaves)])
    for found, expected in zip(*outcomes, strict=True):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(layer.norm.running_mean, norm.running_mean)
    torch.testing.assert_close(layer.norm.running_var, norm.running_var)
    assert layer.norm.num_batches_tracked == norm.num_batches_tracked


def test_pooled_layer_refuses_to_train_on_one_point() -> None:
    with pytest.raises(ValueError, match=r"`x` must have at least two points to train on, got 1"):
        PooledLayer(3, 4)(torch.rand(1, 1, 3))


@pytest.mark.usefixtures("float64")
def test_tiled_layer_is_a_layer_of_the_repeated_feature() -> None:
    layer = TiledLayer(3, 2, 4).eval()
    h, local = torch.randn(5, 3), torch.randn(5, 6, 2)
    tiled = torch.cat([h.unsqueeze(1).expand(-1, 6, -1), local], 2)
    torch.testing.assert_close(layer(h, local), layer.norm(layer.tile.linear(tiled)).relu())


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("transforms", [True, False])
def test_feature_ignores_the_order_of_points_and_scores_follow_it(transforms: bool) -> None:
    encoder = PointNetEncoder(
        input_transform=transforms, feature_transform=transforms, width=1 / 16
    )
    network = PointNetSegmenter(4, encoder=encoder, width=1 / 16).eval()
    x, order = torch.randn(3, 20, 3), torch.randperm(20)
    found, expected = network(x[:, order]), network(x)
    torch.testing.assert_close(found.h, expected.h)
    torch.testing.assert_close(found.logits, expected.logits[:, order])
    torch.testing.assert_close(network.features(x), expected.h)


@pytest.mark.usefixtures("float64")
def test_transforms_start_as_the_identity_and_are_then_not_penalised() -> None:
    net = TransformNet(5, width=1 / 16)
    torch.testing.assert_close(net(torch.randn(3, 8, 5)), torch.eye(5).expand(3, 5, 5))
    network = PointNetClassifier(4, width=1 / 16)
    terms = network(torch.randn(3, 8, 3)).terms
    assert terms.values["transform"] == 0 and terms.weights == {"transform": 0.001}


def test_penalties_of_twice_the_identity() -> None:
    twice = 2 * torch.eye(3).expand(4, 3, 3)
    assert transform_penalty(twice) == pytest.approx(0.5 * 4 * 27)
    assert transform_penalty(twice, "port") == pytest.approx(27**0.5)


@pytest.mark.parametrize("form", ["official", "port"])
def test_penalty_has_a_gradient_at_the_identity(form: str) -> None:
    matrix = torch.eye(3).repeat(2, 1, 1).requires_grad_()
    transform_penalty(matrix, form).backward()  # type: ignore[arg-type]
    assert matrix.grad is not None and not matrix.grad.any()


def test_features_are_not_negative_with_the_official_relu_alone() -> None:
    x = torch.randn(8, 30, 3)
    assert (PointNetEncoder(width=1 / 8)(x) >= 0).all()
    assert (PointNetEncoder(relu=False, width=1 / 8)(3 * x - 9) != 0).all()


def test_widths_never_vanish_and_must_be_positive() -> None:
    assert scaled((64, 3), 0.01) == (1, 1)
    with pytest.raises(ValueError, match=r"`width` must be positive, got 0"):
        scaled((64,), 0.0)


def test_rows_are_normalised_over_all_axes_but_the_last() -> None:
    x = NormalisedRows(3)(torch.randn(4, 5, 3) * 7 + 2)
    assert x.flatten(0, 1).mean(0).abs().max() < 1e-5
    assert (x.flatten(0, 1).var(0, correction=0) - 1).abs().max() < 1e-3


def test_part_and_scene_networks_have_the_papers_numbers_of_parameters() -> None:
    with torch.device("meta"):
        assert count(PointNetPartSegmenter(50)) == 7_979_451
        assert count(class_head((2048, 256, 256), 16, 0.3)) == 595_472
        assert count(PointNetSceneSegmenter()) == 1_174_669


@pytest.mark.usefixtures("float64")
def test_part_and_scene_scores_follow_the_points() -> None:
    x, order = torch.randn(3, 20, 3), torch.randperm(20)
    category = torch.tensor([0, 2, 1])
    parts = PointNetPartSegmenter(4, 3, width=1 / 16).eval()
    found, expected = parts(x[:, order], category), parts(x, category)
    torch.testing.assert_close(found.h, expected.h)
    torch.testing.assert_close(found.logits, expected.logits[:, order])
    torch.testing.assert_close(parts.features(x), expected.h)
    assert not torch.allclose(parts(x, category.flip(0)).logits, expected.logits)
    assert expected.terms.weights == {"transform": 0.001}
    scene = PointNetSceneSegmenter(5, in_channels=3, width=1 / 16).eval()
    torch.testing.assert_close(scene(x[:, order]).logits, scene(x).logits[:, order])
    torch.testing.assert_close(scene.features(x), scene(x).h)


def test_part_network_must_be_told_the_category_if_it_has_any() -> None:
    x = torch.randn(3, 20, 3)
    with pytest.raises(ValueError, match=r"`category` must be given .* \(3\), got none\."):
        PointNetPartSegmenter(4, 3, width=1 / 16)(x)
    with pytest.raises(ValueError, match=r"`category` must be given .* \(0\), got one\."):
        PointNetPartSegmenter(4, 0, width=1 / 16)(x, torch.tensor([0, 0, 0]))
