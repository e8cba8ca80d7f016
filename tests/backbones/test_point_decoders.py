"""Decoders of clouds: sizes, the split first layers against plain ones, patches around centres."""

import pytest
import torch

from nebulatent.backbones.point_decoders import (
    FoldingDecoder,
    PCNDecoder,
    PointMLPDecoder,
    square_grid,
)


def count(module: torch.nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_sizes_are_those_of_the_papers() -> None:
    with torch.device("meta"):
        assert count(PCNDecoder(1024)) == 6_041_603
        fold = 512 * 512 + 512 + 512 * 3 + 3
        assert count(FoldingDecoder(512)) == (514 * 512 + 512) + (515 * 512 + 512) + 2 * fold
        assert FoldingDecoder(512).grid.shape == (1, 2025, 2)
    z = torch.zeros(2, 5)
    assert FoldingDecoder(5, side=7, hidden=4)(z).shape == (2, 49, 3)
    assert PCNDecoder(5, 6, width=1 / 64)(z).shape == (2, 6 * 16, 3)
    assert PointMLPDecoder(5, 9)(z).shape == (2, 9, 3)


@pytest.mark.usefixtures("float64")
def test_folding_sees_code_and_grid_at_every_point() -> None:
    decoder, z = FoldingDecoder(5, side=3, hidden=8), torch.randn(2, 5)
    tiled = z.unsqueeze(1).expand(-1, 9, -1)
    grid = square_grid(3, 0.3).expand(2, -1, -1)
    once = decoder.first_rest(decoder.first.linear(torch.cat([tiled, grid], 2)))
    twice = decoder.second_rest(decoder.second.linear(torch.cat([tiled, once], 2)))
    torch.testing.assert_close(decoder(z), twice)


@pytest.mark.usefixtures("float64")
def test_patches_see_grid_centre_and_code_and_are_added_to_the_centre() -> None:
    decoder = PCNDecoder(5, num_coarse=6, side=2, width=1 / 64).eval()
    z = torch.randn(3, 5)
    found = decoder.complete(z)
    coarse = decoder.coarse(z).repeat_interleave(4, 1)
    grid = decoder.grid.repeat(6, 1).expand(3, -1, -1)
    tiled = z.unsqueeze(1).expand(-1, 24, -1)
    x = decoder.norm(decoder.first(torch.cat([grid, coarse, tiled], 2))).relu()
    torch.testing.assert_close(found.fine, decoder.rest(x) + coarse)
    torch.testing.assert_close(found.coarse, coarse[:, ::4])
    assert torch.equal(decoder(z), found.fine)
