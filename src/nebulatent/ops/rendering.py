r"""Pictures of a mesh without a graphics card: the nearest triangle at each pixel, shaded.

A pixel shows the triangle with the largest inverse depth there, and of its unit normal :math:`n`,
turned towards the camera, and the direction :math:`l` to the light the brightness

.. math:: \text{ambient} + (1 - \text{ambient}) \max(n \cdot l, 0)

(Lambert; faces are flat and seen from both sides, as meshes of collections face either way). The
light is fixed to the camera, above its left shoulder, so all views are lit alike.

Why no ray casting: triangles are scanned in one pass of array operations (:mod:`.scan_lines`), with
nothing compiled beside NumPy. Beside embreex it takes as long at nine samples a pixel, and up to
twice as long at one (`benchmarks/voxels.py` prints ours).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from nebulatent.ops.cameras import Camera
from nebulatent.ops.scan_lines import Samples, scan_triangles

LIGHT = (-0.45, 0.65, -1.0)  # right, up, ahead
AMBIENT = 0.25
GREY = (0.78, 0.78, 0.80)


class Picture(NamedTuple):
    """One view.

    Arguments:
        image: Red, green, blue, and how much of a pixel the shape covers; transparent pixels are 0.
        depth: Distance along the camera's axis at the middle of each pixel; infinite beside the
            shape.
        mask: Whether the shape is at the middle of each pixel.
    """

    image: UInt8[np.ndarray, "height width 4"]
    depth: Float32[np.ndarray, "height width"]
    mask: Bool[np.ndarray, "height width"]

    def on(self, background: int = 255) -> UInt8[np.ndarray, "height width 3"]:
        """The image before a grey, 255 for white."""
        alpha = self.image[..., 3:].astype(np.float32) / 255
        mixed = alpha * self.image[..., :3] + (1 - alpha) * background
        return np.rint(mixed).astype(np.uint8)


def render(
    points: Float[np.ndarray, "points 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    cameras: Sequence[Camera],
    *,
    oversampling: int = 3,
    colour: tuple[float, float, float] = GREY,
) -> list[Picture]:
    """A mesh as cameras see it; the same mesh and camera give the same bits.

    Arguments:
        points: Positions.
        triangles: Three numbers of points each; none is an empty picture.
        cameras: Where to look from; the mesh must lie before each of them.
        oversampling: Samples along each side of a pixel for smooth edges, odd so that one is in the
            middle.
        colour: Of the surface, red, green and blue in [0, 1].

    Raises:
        ValueError: If a coordinate is not finite, a part of the mesh is beside or behind a camera,
            or `oversampling` is not odd and positive.
    """
    if oversampling < 1 or oversampling % 2 == 0:
        raise ValueError(f"`oversampling` must be odd and positive, got {oversampling}.")
    points = np.asarray(points, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("`points` must be finite, got NaN or infinity; remove them first.")
    a, b, c = points[triangles].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    length = np.sqrt(np.einsum("ti,ti->t", normals, normals))
    normals /= np.where(length > 0, length, 1)[:, None]
    pictures = []
    for camera in cameras:
        seen = camera.project(points)
        if len(triangles) and not seen[:, 2].min() > 0:
            raise ValueError(
                "`points` must all lie before the camera, got some beside or behind it; bring the "
                "mesh to the unit cube around the origin, or raise the distance."
            )
        shade = _shades(normals, camera.position - a, camera)
        nearest = _nearest(seen[triangles], camera.size, oversampling)
        pictures.append(_picture(*nearest, np.outer(shade, colour), oversampling))
    return pictures


def _shades(
    normals: Float[np.ndarray, "triangles 3"],
    towards: Float[np.ndarray, "triangles 3"],
    camera: Camera,
) -> Float[np.ndarray, " triangles"]:
    """Brightness of each triangle."""
    light = np.asarray(LIGHT) @ camera.axes
    light /= np.sqrt(light @ light)
    facing = np.where(np.einsum("ti,ti->t", normals, towards) < 0, -1.0, 1.0)
    return AMBIENT + (1 - AMBIENT) * np.maximum(facing * (normals @ light), 0)


def _nearest(
    seen: Float[np.ndarray, "triangles 3 3"], size: int, oversampling: int
) -> tuple[Int[np.ndarray, " samples"], Float[np.ndarray, " samples"]]:
    """At each sample the nearest triangle, or -1, and the inverse depth, or 0."""
    count = size * oversampling
    axis = Samples(0.5 / oversampling, 1 / oversampling, count)
    owner = np.full(count * count, -1, dtype=np.int64)
    inverse = np.zeros(count * count)
    for found in scan_triangles(seen, axis, axis):
        sample = found.row.astype(np.int64) * count + found.column
        np.maximum.at(inverse, sample, found.height)
        first = np.flatnonzero(found.height == inverse[sample])[::-1]
        owner[sample[first]] = found.triangle[first]  # of equals the one written last, the first
    return owner, inverse


def _picture(
    owner: Int[np.ndarray, " samples"],
    inverse: Float[np.ndarray, " samples"],
    colours: Float[np.ndarray, "triangles 3"],
    oversampling: int,
) -> Picture:
    """Colours and cover averaged over each pixel's samples, depth of the one in the middle."""
    size = round(len(owner) ** 0.5) // oversampling
    part = np.flatnonzero(owner >= 0)
    row, column = np.divmod(part, size * oversampling)
    pixel = row // oversampling * size + column // oversampling
    cover = np.bincount(pixel, minlength=size * size)
    image = np.zeros((size * size, 4))
    for channel in range(3):
        image[:, channel] = np.bincount(pixel, colours[owner[part], channel], size * size)
    image[:, :3] /= np.maximum(cover, 1)[:, None]
    image[:, 3] = cover / oversampling**2
    middle = slice(oversampling // 2, None, oversampling)
    centre = inverse.reshape((size * oversampling,) * 2)[middle, middle]
    mask = centre > 0
    depth = np.full((size, size), np.inf, dtype=np.float32)
    depth[mask] = 1 / centre[mask]
    bytes_ = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    return Picture(bytes_.reshape(size, size, 4), depth, mask)
