r"""Pinhole cameras on a ring around the origin.

A camera at :math:`c` with unit axes right :math:`r`, up :math:`s` and ahead :math:`f` sees the
point :math:`p` at depth :math:`d = f \cdot (p - c)`, in column and row

.. math:: u = \tfrac n2 + k\, \frac{r \cdot (p - c)}{d}, \quad
    v = \tfrac n2 - k\, \frac{s \cdot (p - c)}{d}, \quad k = \frac{n}{2 \tan(\text{fov} / 2)}

of a picture of n × n pixels; pixel (row i, column j) has its middle at v = i + ½, u = j + ½. As
:math:`1/d` is linear over u and v on a plane, that is what is interpolated.

Frame: z is up. Azimuth 0 sees the front of a shape that looks towards -y; it grows
counter-clockwise seen from above. Depth is along the axis ahead, not along the ray.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

SIZE = 137  # pixels of the pictures of R2N2 (Choy et al., ECCV 2016), which SwitchVAE reads
FIELD = 49.124  # degrees: the camera of 3D-RecGAN's depth views
NEAR = 1e-6


class Camera(NamedTuple):
    """A pinhole camera.

    Arguments:
        position: Where it stands.
        axes: Right, up and ahead, as rows.
        focal: Distance of the picture plane, in pixels.
        size: Pixels along each side.
    """

    position: Float[np.ndarray, " 3"]
    axes: Float[np.ndarray, "3 3"]
    focal: float
    size: int = SIZE

    def project(self, points: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
        """Column, row and inverse depth of points; the inverse is not positive behind."""
        seen = (points - self.position) @ self.axes.T
        depth = seen[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(np.abs(depth) > NEAR, 1 / depth, 0.0)
            column = self.size / 2 + self.focal * seen[..., 0] * inverse
            row = self.size / 2 - self.focal * seen[..., 1] * inverse
        return np.stack([column, row, inverse], axis=-1)

    def points_of(
        self, depth: Float[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]
    ) -> Float[np.ndarray, "points 3"]:
        """Places seen in the middle of pixels, row by row."""
        row, column = np.nonzero(mask)
        ahead = depth[row, column].astype(np.float64)
        x = (column + 0.5 - self.size / 2) / self.focal * ahead
        y = (self.size / 2 - row - 0.5) / self.focal * ahead
        return self.position + np.stack([x, y, ahead], axis=1) @ self.axes


def camera_at(
    azimuth: float,
    elevation: float = 30.0,
    *,
    distance: float = 2.1,
    field_of_view: float = FIELD,
    size: int = SIZE,
) -> Camera:
    """A camera that looks at the origin; all angles in degrees.

    Arguments:
        azimuth: Around the up axis; 0 sees the front, 90 the side at +x.
        elevation: Above the horizon, -90 to 90.
        distance: To the origin. With the default field of view a shape in the cube of side 1
            around the origin is in view from 2.09.
        field_of_view: Angle between opposite sides of the picture.
        size: Pixels along each side.

    Raises:
        ValueError: If there is no such camera.

    Examples:
        >>> camera_at(90.0, 0.0, distance=2.0).position[0].item()
        2.0
    """
    if not (math.isfinite(azimuth) and -90 <= elevation <= 90):
        raise ValueError(
            "`azimuth` must be finite and `elevation` within -90 to 90 degrees, got "
            f"{azimuth} and {elevation}."
        )
    if not (0 < distance < math.inf and 0 < field_of_view < 180 and size > 0):
        raise ValueError(
            "`distance` and `size` must be positive and `field_of_view` between 0 and 180 degrees, "
            f"got {distance}, {size} and {field_of_view}."
        )
    a, e = math.radians(azimuth), math.radians(elevation)
    right = np.array([math.cos(a), math.sin(a), 0.0])
    back = np.array([math.sin(a) * math.cos(e), -math.cos(a) * math.cos(e), math.sin(e)])
    axes = np.stack([right, np.cross(back, right), -back])
    focal = size / (2 * math.tan(math.radians(field_of_view) / 2))
    return Camera(distance * back, axes, focal, size)


def fitting_distance(points: Float[np.ndarray, "points 3"], field_of_view: float = FIELD) -> float:
    """From where all points are in view in every direction: their sphere fills the picture.

    Raises:
        ValueError: If there are no points, or all lie at the origin.
    """
    radius = float(np.sqrt(np.einsum("pi,pi->p", points, points).max(initial=0)))
    if not 0 < radius < math.inf:
        raise ValueError(f"`points` must reach beyond the origin, got a radius of {radius}.")
    return 1.01 * radius / math.sin(math.radians(field_of_view) / 2)


def ring(
    count: int = 8,
    elevation: float = 30.0,
    *,
    start: float = 0.0,
    distance: float = 2.1,
    field_of_view: float = FIELD,
    size: int = SIZE,
) -> tuple[Camera, ...]:
    """Cameras at equal angles around the up axis.

    Arguments:
        count: How many.
        elevation: Of all, in degrees.
        start: Azimuth of the first, in degrees.
        distance: As in :func:`camera_at`.
        field_of_view: As in :func:`camera_at`.
        size: As in :func:`camera_at`.

    Raises:
        ValueError: If `count` is not positive, or there are no such cameras.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1, got {count}.")
    return tuple(
        camera_at(
            start + 360 * i / count,
            elevation,
            distance=distance,
            field_of_view=field_of_view,
            size=size,
        )
        for i in range(count)
    )
