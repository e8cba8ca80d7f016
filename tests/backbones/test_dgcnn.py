"""DGCNN: the paper's sizes, the split layer against the plain one, what it is invariant to."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nebulatent.backbones.dgcnn import (
    SCENES,
    DGCNNClassifier,
    DGCNNEncoder,
    DGCNNSegmenter,
)
from nebulatent.backbones.edge_conv import EdgeConv, TwoEdgeLayers, neighbours

WIDTH = 1 / 16


def count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_networks_have_the_papers_numbers_of_parameters() -> None:
    with torch.device("meta"):
        assert count(DGCNNClassifier(40)) == 1_809_576
        assert count(DGCNNSegmenter(50, 16, input_transform=True)) == 1_460_361
        scene = DGCNNSegmenter(13, in_channels=9, graph_start=6, hidden=SCENES)
        assert count(scene) == 983_552
        assert DGCNNEncoder().feature_dim == 1024
        assert DGCNNClassifier(40).feature_dim == 2048


def plain(layer: EdgeConv, norm: nn.BatchNorm1d, x: Tensor, index: Tensor) -> Tensor:
    """The same layer on every edge."""
    near = torch.stack([cloud[rows] for cloud, rows in zip(x, index, strict=True)])
    here = x.unsqueeze(2).expand_as(near)
    y = layer.linear(torch.cat([near - here, here], 3))
    y = norm(y.flatten(0, 2)).view(y.shape)
    return nn.functional.leaky_relu(y, 0.2).amax(2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.usefixtures("float64")
def test_edge_convolution_is_the_one_of_all_edges_with_its_gradients(training: bool) -> None:
    layer, norm = EdgeConv(3, 7), nn.BatchNorm1d(7)
    for module in (layer.norm, norm):
        module.weight.data = torch.linspace(-1, 1.5, 7)
        module.bias.data = torch.linspace(-1, 1, 7)
        module.train(training)
    layer.train(training)
    x = (torch.randn(2, 9, 3) + 2).requires_grad_()
    index, weights = neighbours(x, 4), torch.randn(2, 9, 7)
    outcomes = []
    for out, own in ((layer(x, index), layer.norm), (plain(layer, norm, x, index), norm)):
        leaves = [x, layer.linear.weight, own.weight, own.bias]
        outcomes.append([out, *torch.autograd.grad((out * weights).sum(), leaves)])
    for found, expected in zip(*outcomes, strict=True):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(layer.norm.running_mean, norm.running_mean)
    torch.testing.assert_close(layer.norm.running_var, norm.running_var)


@pytest.mark.usefixtures("float64")
def test_two_layers_of_edges_are_the_plain_ones() -> None:
    layer = TwoEdgeLayers(3, 5, 4).eval()
    x = torch.randn(2, 9, 3)
    index = neighbours(x, 4)
    near = torch.stack([cloud[rows] for cloud, rows in zip(x, index, strict=True)])
    here = x.unsqueeze(2).expand_as(near)
    edges = layer.norm(layer.linear(torch.cat([near - here, here], 3)))
    edges = nn.functional.leaky_relu(edges, 0.2)
    expected = torch.stack([layer.pool(cloud) for cloud in edges])
    torch.testing.assert_close(layer(x, index), expected)


def segmenter() -> DGCNNSegmenter:
    """A small one with everything."""
    return DGCNNSegmenter(4, 3, num_neighbours=5, input_transform=True, width=WIDTH)


@pytest.mark.usefixtures("float64")
def test_feature_ignores_the_order_of_points_and_scores_follow_it() -> None:
    network, category = segmenter().eval(), torch.tensor([0, 2])
    x, order = torch.randn(2, 20, 3), torch.randperm(20)
    found, expected = network(x[:, order], category), network(x, category)
    torch.testing.assert_close(found.h, expected.h)
    torch.testing.assert_close(found.logits, expected.logits[:, order])
    torch.testing.assert_close(network.features(x), expected.h)
    assert not torch.allclose(network(x, category.flip(0)).logits, expected.logits)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "build",
    [
        lambda: DGCNNEncoder(num_neighbours=5, width=WIDTH),
        lambda: DGCNNEncoder(num_neighbours=5, with_mean=True, width=WIDTH),
    ],
)
def test_encoder_is_invariant_to_order_but_not_to_translation(
    build: Callable[[], DGCNNEncoder],
) -> None:
    encoder, x = build().eval(), torch.randn(2, 20, 3)
    torch.testing.assert_close(encoder(x[:, torch.randperm(20)]), encoder(x))
    assert encoder(x).shape == (2, encoder.feature_dim)
    assert not torch.allclose(encoder(x + 1), encoder(x))
    assert torch.equal(neighbours(x + 1, 5), neighbours(x, 5))


@pytest.mark.usefixtures("float64")
def test_scenes_are_linked_by_their_place_in_the_room() -> None:
    network = DGCNNSegmenter(
        5, in_channels=9, num_neighbours=4, graph_start=6, hidden=SCENES, width=WIDTH
    ).eval()
    x = torch.randn(2, 20, 9)
    first = network.edges[0]
    expected = first(x, neighbours(x[..., 6:], 4))
    seen = []
    first.register_forward_hook(lambda module, inputs, output: seen.append(output))
    assert network(x).logits.shape == (2, 20, 5)
    assert torch.equal(seen[0], expected)


def test_category_must_be_given_exactly_if_there_are_any() -> None:
    with pytest.raises(ValueError, match=r"`category` must be given .* \(3\), got none\."):
        segmenter()(torch.randn(2, 20, 3))
