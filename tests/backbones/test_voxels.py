"""Voxel networks: the paper's sizes, exactly."""

import pytest
import torch
from torch import nn

from nebulatent.backbones.voxels import Normalize, VoxelDecoder, VoxelEncoder, voxel_sizes
from nebulatent.latents.bottlenecks import NormalizedVariational

NORMS = nn.BatchNorm1d | nn.BatchNorm3d
LAYERS = nn.Linear | nn.Conv3d | nn.ConvTranspose3d


def weights(*modules: nn.Module) -> int:
    """Parameters of all layers but batch normalisation."""
    parts = [part for module in modules for part in module.modules() if isinstance(part, LAYERS)]
    return sum(p.numel() for part in parts for p in part.parameters())


def test_encoder_and_decoder_have_the_golden_numbers_of_parameters() -> None:
    with torch.device("meta"):
        encoder, heads = VoxelEncoder(), NormalizedVariational(343, 128)
        assert weights(encoder, heads) == 7_690_855
        assert weights(VoxelDecoder(128)) == 123_624


def test_sizes_of_the_layers_are_the_papers() -> None:
    with torch.device("meta"):
        x, sides = torch.rand(2, 1, 32, 32, 32), []
        for layer in VoxelEncoder().layers:
            x = layer(x)
            sides += [x.shape[2:]] if isinstance(layer, nn.Conv3d) else []
        z, back = torch.rand(2, 128), []
        for layer in VoxelDecoder(128).layers:
            z = layer(z)
            back += [z.shape[2:]] if isinstance(layer, nn.ConvTranspose3d) else []
    assert [side[0] for side in sides] == [30, 15, 13, 7]
    assert [side[0] for side in back] == [7, 15, 15, 32, 32]
    assert z.shape == (2, 1, 32, 32, 32)


@pytest.mark.parametrize("resolution", [12, 16, 20, 28, 32, 64])
def test_any_multiple_of_four_comes_back(resolution: int) -> None:
    with torch.device("meta"):
        h = VoxelEncoder(resolution, (1, 2, 1, 2), 5)(torch.rand(2, 1, *[resolution] * 3))
        grid = VoxelDecoder(4, resolution, (1, 2, 1, 2))(torch.rand(2, 4))
    assert h.shape == (2, 5) and grid.shape == (2, 1, *[resolution] * 3)


@pytest.mark.parametrize("resolution", [0, 4, 8, 11, 13, 14, 15, 30])
def test_other_resolutions_are_refused(resolution: int) -> None:
    with pytest.raises(ValueError, match=f"`resolution` must be a multiple of 4.*{resolution}"):
        voxel_sizes(resolution)


@pytest.mark.parametrize("resolution", [12, 16, 32])
def test_a_decoder_sees_the_whole_code_at_any_resolution(resolution: int) -> None:
    hidden = VoxelDecoder(128, resolution).layers[0]
    assert isinstance(hidden, nn.Linear)
    assert torch.linalg.matrix_rank(hidden.weight) == 128


def test_three_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="`channels` must be four positive numbers"):
        VoxelEncoder(16, (1, 2, 3))


@pytest.mark.parametrize(("normalize", "axis"), [("channels", 1), ("width", 4)])
def test_normalisation_is_over_the_axis_that_it_names(normalize: Normalize, axis: int) -> None:
    encoder = VoxelEncoder(12, (2, 3, 2, 3), 4, normalize=normalize)
    activated = encoder.layers[1](encoder.layers[0](torch.rand(6, 1, 12, 12, 12)))
    normed = encoder.layers[2](activated)
    rest = [a for a in range(5) if a != axis]
    assert normed.mean(rest).abs().max() < 1e-5
    other = [a for a in range(5) if a != 5 - axis]
    assert normed.mean(other).abs().max() > 1e-3


def test_logits_have_no_activation() -> None:
    assert VoxelDecoder(4, 12)(8 * torch.randn(8, 4)).min() < -1.0
