"""Fully connected networks: the paper's widths, mirrored; wrong widths refused."""

import pytest
import torch
from torch import nn

from nebulatent.backbones.vectors import PAPER_WIDTHS, MLPDecoder, MLPEncoder, mlp


def widths(network: nn.Module) -> list[tuple[int, int]]:
    """Inputs and outputs of every linear layer."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    return [(layer.in_features, layer.out_features) for layer in layers]


def test_encoder_has_the_papers_layers_and_the_decoder_mirrors_them() -> None:
    assert PAPER_WIDTHS == (512, 256, 128, 64)
    assert widths(MLPEncoder((1, 28, 28))) == [(784, 512), (512, 256), (256, 128), (128, 64)]
    decoder = [(10, 64), (64, 128), (128, 256), (256, 512), (512, 784)]
    assert widths(MLPDecoder(10, (1, 28, 28))) == decoder


def test_encoder_flattens_in_the_order_of_memory() -> None:
    encoder, x = MLPEncoder((2, 3), (5,)), torch.rand(4, 2, 3)
    assert torch.equal(encoder(x), encoder.layers(x.reshape(4, 6)))


@pytest.mark.parametrize("wrong", [(8, 0), (0,), (8, -1, 4)])
def test_widths_that_are_not_positive_are_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`widths` must be positive, got .*\."):
        mlp((3, *wrong))
    with pytest.raises(ValueError, match=r"`widths` must be positive"):
        MLPDecoder(2, (3,), wrong)
