"""What turns grids into codes and codes into grids: a model, components, or the grids themselves.

Walks and sums of codes are measured alike for all of them, so that a latent stands beside what
needs none:

| code | straight line between two |
|---|---|
| posterior means | decoded, filled above 0.5 |
| principal components | the same |
| the cells | the first shape, in the middle what both have, the second |
| distances from the surface | a shape that grows out of one and into the other |
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool
from scipy.ndimage import distance_transform_edt

from nebulatent.apps.recipes.store import pack, unpack
from nebulatent.evaluation.voxels import THRESHOLD
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.typing import Float, Tensor

AT_ONCE = 64  # grids through a network

Grids = Bool[np.ndarray, "shapes x y z"]
Codes = Float[Tensor, "shapes latent"]
Form = Literal["cells", "distances"]


class Coder(NamedTuple):
    """A code of grids.

    Arguments:
        encode: Filled cells → codes.
        decode: Codes → filled cells.
    """

    encode: Callable[[Grids], Codes]
    decode: Callable[[Codes], Grids]


def model_coder(method: VAE | SwitchVAE) -> Coder:
    """Posterior means, and what they decode to.

    Arguments:
        method: In eval mode; its first form is grids.
    """

    @torch.no_grad()
    def encode(cells: Grids) -> Codes:
        parts = torch.from_numpy(cells[:, None].astype(np.float32)).split(AT_ONCE)
        return torch.cat([method.encode(part).mean for part in parts])

    @torch.no_grad()
    def decode(z: Codes) -> Grids:
        parts = [method.decode(part) for part in z.split(AT_ONCE)]
        return (torch.cat(parts)[:, 0] > THRESHOLD).numpy()

    return Coder(encode, decode)


def plain_coder(form: Form, resolution: int) -> Coder:
    """Grids that are their own code: filled cells as 1, or minus distances from the surface."""
    level = THRESHOLD if form == "cells" else 0.0

    def encode(cells: Grids) -> Codes:
        values = cells if form == "cells" else np.stack([depth(grid) for grid in cells])
        return torch.from_numpy(values.reshape(len(cells), -1).astype(np.float32))

    def decode(z: Codes) -> Grids:
        return (z > level).numpy().reshape(-1, *(resolution,) * 3)

    return Coder(encode, decode)


def depth(cells: Bool[np.ndarray, "x y z"]) -> np.ndarray:
    """How deep in the shape a cell is, from the nearest empty one; outside, how far, negative.

    An empty grid is as far from a shape as the grid is wide, a full one as deep.

    Examples:
        >>> depth(np.array([[[True, True, False, False]]])).tolist()
        [[[2.0, 1.0, -1.0, -2.0]]]
    """
    if cells.all() or not cells.any():
        return np.full(cells.shape, cells.shape[0] if cells.any() else -cells.shape[0], float)
    return np.asarray(distance_transform_edt(cells)) - np.asarray(distance_transform_edt(~cells))


def pack_grids(cells: Bool[np.ndarray, "*n x y z"]) -> dict[str, Any]:
    """Filled cells as JSON, eight in a byte.

    Raises:
        ValueError: If the sides are no multiples of eight.
    """
    if cells.shape[-1] % 8:
        raise ValueError(f"`cells` must have sides that are multiples of 8, got {cells.shape}.")
    return pack(np.packbits(cells, axis=-1))


def unpack_grids(saved: Mapping[str, Any]) -> Bool[np.ndarray, "*n x y z"]:
    """What `pack_grids` was given.

    Examples:
        >>> cells = np.random.default_rng(0).random((2, 8, 8, 8)) < 0.5
        >>> bool((unpack_grids(pack_grids(cells)) == cells).all())
        True
    """
    return np.unpackbits(unpack(saved), axis=-1).astype(bool)
