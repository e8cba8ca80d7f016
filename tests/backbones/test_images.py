"""Convolutional networks give every image size back, odd ones too."""

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nebulatent.backbones.images import ConvDecoder, ConvEncoder, halved_sizes


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 9))
def test_sizes_are_halved_rounding_up_and_never_reach_zero(
    height: int, width: int, levels: int
) -> None:
    sizes = halved_sizes(height, width, levels)
    assert sizes[0] == (height, width) and len(sizes) == levels + 1
    for (tall, wide), (half_tall, half_wide) in pairwise(sizes):
        assert half_tall == (tall + 1) // 2 >= 1 and half_wide == (wide + 1) // 2 >= 1


@settings(max_examples=15)
@given(st.integers(1, 17), st.integers(1, 17), st.integers(1, 3), st.integers(1, 3))
def test_any_image_size_survives_encoding_and_decoding(
    height: int, width: int, channels: int, levels: int
) -> None:
    shape, layers = (channels, height, width), (2, 3, 4)[:levels]
    encoder, decoder = ConvEncoder(shape, layers, 5), ConvDecoder(5, shape, layers)
    x = torch.rand(3, *shape)
    assert decoder(encoder(x)).shape == x.shape


def test_convolutions_shrink_the_image_as_the_sizes_say() -> None:
    encoder = ConvEncoder((1, 9, 6), (2, 3), 5)
    x, seen = torch.rand(2, 1, 9, 6), []
    for layer in encoder.layers:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            seen.append(tuple(x.shape[2:]))
    assert seen == halved_sizes(9, 6, 2)[1:]


def test_default_network_fits_mnist() -> None:
    encoder, decoder = ConvEncoder((1, 28, 28)), ConvDecoder(10, (1, 28, 28))
    h = encoder(torch.rand(2, 1, 28, 28))
    assert h.shape == (2, 128) and (h >= 0).all()
    assert decoder(torch.randn(2, 10)).shape == (2, 1, 28, 28)
