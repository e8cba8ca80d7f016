"""3D-GCN: the paper's sizes, its layers in loops, and what it is invariant to."""

import math

import pytest
import torch
from torch import Tensor, nn

from nebulatent.backbones.direction_conv import GraphConv, SurfaceConv, directions, others
from nebulatent.backbones.gcn3d import PARTS, GCN3DClassifier, GCN3DEncoder, GCN3DSegmenter


def count(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_networks_have_the_papers_numbers_of_parameters() -> None:
    with torch.device("meta"):
        assert count(GCN3DClassifier(40)) == 890_952
        assert count(GCN3DSegmenter(50, 16)) == 1_712_178


def unit(vector: list[float]) -> list[float]:
    """The vector divided by its length."""
    length = math.sqrt(sum(v * v for v in vector))
    return [v / length for v in vector]


def cosine(direction: list[float], kernel: Tensor, column: int) -> float:
    """ReLU of the product of a direction and a normalised kernel."""
    axis = unit(kernel[:, column].tolist())
    return max(sum(a * b for a, b in zip(direction, axis, strict=True)), 0.0)


@pytest.mark.usefixtures("float64")
def test_layers_are_the_papers_in_loops() -> None:
    channels, supports = 4, 2
    surface, graph = SurfaceConv(channels, supports), GraphConv(channels, 3, supports)
    cloud = torch.randn(1, 7, 3)
    index = others(cloud, 3)
    direction = directions(cloud, index)
    f = surface(direction)
    found = graph(f, direction, index)
    points = cloud[0].tolist()
    g = graph.linear(f)[0].tolist()
    for v in range(7):
        gaps = sorted((math.dist(points[v], points[n]), n) for n in range(7) if n != v)
        near = [n for _, n in gaps[:3]]
        assert sorted(near) == sorted(index[0, v].tolist())
        d = {n: unit([a - b for a, b in zip(points[n], points[v], strict=True)]) for n in near}
        for c in range(channels):
            total = sum(
                max(cosine(d[n], surface.kernels.kernel, s * channels + c) for n in near)
                for s in range(supports)
            )
            assert f[0, v, c].item() == pytest.approx(total)
        for c in range(3):
            total = g[v][c] + sum(
                max(
                    cosine(d[n], graph.kernels.kernel, s * 3 + c) * g[n][(s + 1) * 3 + c]
                    for n in near
                )
                for s in range(supports)
            )
            assert found[0, v, c].item() == pytest.approx(total)


def encoder() -> GCN3DEncoder:
    """A small one."""
    return GCN3DEncoder(PARTS, num_neighbours=6, rate=2, width=1 / 32).eval()


@pytest.mark.usefixtures("float64")
def test_moving_and_scaling_a_cloud_changes_nothing_but_turning_does() -> None:
    network, x = encoder(), torch.randn(2, 40, 3)
    expected = network(x)
    assert expected.shape == (2, 16)
    torch.testing.assert_close(network(3 * x - 7), expected)
    assert not torch.allclose(network(x.flip(2)), expected)


@pytest.mark.usefixtures("float64")
def test_order_of_points_does_not_matter_but_for_the_first() -> None:
    network, x = GCN3DSegmenter(4, 3, encoder=encoder(), width=1 / 32).eval(), torch.randn(2, 40, 3)
    order = torch.cat([torch.zeros(1, dtype=torch.long), torch.randperm(39) + 1])
    category = torch.tensor([0, 2])
    found, expected = network(x[:, order], category), network(x, category)
    torch.testing.assert_close(found.h, expected.h)
    torch.testing.assert_close(found.logits, expected.logits[:, order])
    torch.testing.assert_close(network.features(x), expected.h)


def test_pools_draw_from_the_global_generator_only_while_training() -> None:
    network, x = encoder(), torch.randn(2, 40, 3)
    assert torch.equal(network(x), network(x))
    network.train()
    outcomes = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outcomes.append(network(x))
    assert torch.equal(outcomes[0], outcomes[1]) and not torch.equal(outcomes[0], outcomes[2])


def test_repeated_points_have_finite_features_and_gradients() -> None:
    network = GCN3DClassifier(3, encoder=encoder(), width=1 / 32).train()
    x = torch.zeros(2, 40, 3).requires_grad_()
    prediction = network(x)
    prediction.logits.square().sum().backward()
    assert prediction.h.isfinite().all() and x.grad is not None and x.grad.isfinite().all()


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r"more than 20 points to have 20 neighbours .* got 16;"):
        GCN3DEncoder(width=1 / 32)(torch.randn(1, 64, 3))
    with pytest.raises(ValueError, match=r"`channels` must be of five layers, got 2\."):
        GCN3DEncoder((3, 4))
