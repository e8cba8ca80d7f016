"""Samples of every kind but vectors as images: clouds and grids are drawn, images are images."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from nebulatent.apps.pictures.cloud_pictures import SIDE, draw_clouds
from nebulatent.apps.pictures.voxel_pictures import draw_grids
from nebulatent.data.table import Kind

Images = Float[np.ndarray, "*n channels height width"]
DRAWN: Mapping[Kind, Callable[..., Images]] = {"points": draw_clouds, "voxels": draw_grids}


def magnified(
    x: Float[np.ndarray, "*n channels height width"], side: int = SIDE
) -> Float[np.ndarray, "*n channels side side"]:
    """Pictures brought to the size of drawings by the nearest pixel."""
    height, width = x.shape[-2:]
    place = np.arange(side)
    return x[..., place[:, None] * height // side, place * width // side]


def drawn(x: Float[np.ndarray, "..."], kind: Kind, *, side: int = SIDE) -> Images:
    """Samples as images in [0, 1]; what is not drawn is returned as it is.

    Arguments:
        x: Samples.
        kind: What they are.
        side: Height and width of a drawing in pixels.
    """
    return DRAWN[kind](x, side=side) if kind in DRAWN else x
