r"""Where the density of a cloud's mixture is as high as at nine tenths of its points, as a solid.

Source: Eckart et al., CVPR 2021, Fig. 3 middle: the surface of equal density, by marching cubes.
Our reading: the paper does not say which density; here it is the one that a tenth of the cloud's
points fall short of, and the surface is found by marching tetrahedra, shaded without OpenGL.
"""

import math

import numpy as np
import torch
from jaxtyping import Float, Int

from nebulatent.apps.pictures.cloud_pictures import REACH, SIDE, TILT, TURN
from nebulatent.apps.planning.build import Trained
from nebulatent.methods.parae import ParAE
from nebulatent.ops.cameras import Camera, camera_at
from nebulatent.ops.level_surfaces import level_surface
from nebulatent.ops.mixtures import GaussianMixture
from nebulatent.ops.rendering import render
from nebulatent.typing import Tensor

SHOWN = 8
INSIDE = 0.9  # share of the points
RESOLUTION = 48  # nodes along each axis
COARSE = 24  # the same for a surface that a page carries as triangles
MARGIN = 0.2  # of the grid around the points, radii
TOGETHER = 1 << 14  # nodes whose densities are computed at once
EYE = 20.0  # radii away, so that the picture is almost one in parallel projection
COLOUR = (0.60, 0.66, 0.92)
Solid = tuple[Float[np.ndarray, "corners 3"], Int[np.ndarray, "triangles 3"]]


@torch.no_grad()
def density_surfaces(
    model: Trained, x: Float[Tensor, "samples points 3"]
) -> Float[np.ndarray, "shown 3 side side"] | None:
    """Pictures of the first clouds' surfaces, by a method that divides; None for any other."""
    if not isinstance(model, ParAE):
        return None
    camera, pictures = _camera(), []
    for mesh in _surfaces(model, x[:SHOWN], RESOLUTION):
        (picture,) = render(*mesh, [camera], colour=COLOUR)
        pictures.append(picture.on().transpose(2, 0, 1) / np.float32(255))
    return np.stack(pictures)


@torch.no_grad()
def density_solids(model: Trained, x: Float[Tensor, "samples points 3"]) -> list[Solid] | None:
    """Surfaces of clouds as points and triangles, coarser; None as above."""
    return _surfaces(model, x, COARSE) if isinstance(model, ParAE) else None


def _surfaces(model: ParAE, x: Float[Tensor, "clouds points 3"], resolution: int) -> list[Solid]:
    mixture = model.mixture(x)
    level = mixture.log_density(x).quantile(1 - INSIDE, dim=1).tolist()
    return [
        surface_of(
            GaussianMixture(*(part[cloud : cloud + 1] for part in mixture)),
            points,
            level[cloud],
            resolution,
        )
        for cloud, points in enumerate(x)
    ]


def surface_of(
    mixture: GaussianMixture,
    points: Float[Tensor, "points 3"],
    level: float,
    resolution: int = RESOLUTION,
) -> Solid:
    """The surface of a log-density around a cloud, closed at the sides of a box around it."""
    low, high = points.amin(0) - MARGIN, points.amax(0) + MARGIN
    axes = [torch.linspace(a, b, resolution) for a, b in zip(low, high, strict=True)]
    nodes = torch.cartesian_prod(*axes).to(points)
    parts = [mixture.log_density(part.unsqueeze(0)).squeeze(0) for part in nodes.split(TOGETHER)]
    values = torch.cat(parts).view(resolution, resolution, resolution).double().numpy()
    values = np.maximum(values, level - 100)  # far away it falls to minus infinity
    for axis in range(3):
        np.moveaxis(values, axis, 0)[[0, -1]] = level - 100
    return level_surface(values, level, low=low.double().numpy(), high=high.double().numpy())


def _camera() -> Camera:
    """The view of `draw_cloud`, from far away."""
    field = 2 * math.degrees(math.atan(REACH / EYE))
    return camera_at(TURN, TILT, distance=EYE, field_of_view=field, size=SIDE)
