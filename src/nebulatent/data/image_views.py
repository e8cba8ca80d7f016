r"""Label-free views of images: the same thing, slightly moved, turned, sheared and bent.

.. math:: x'(u) = x\bigl(A u + t + e(u)\bigr)

with a random affine map :math:`(A, t)` and a smooth random displacement :math:`e`, all images of a
batch in one interpolation. :func:`straighten` is the opposite: it removes shift and shear by
moments, so that images can be compared pixel by pixel.

Lengths are in units of the image's shorter side, so that views of any size look alike.

Source: Simard, Steinkraus, Platt, ICDAR 2003 (affine and elastic distortions of digits); the sizes
are those of spec/nvc.md section 4b, found on MNIST.
"""

from typing import NamedTuple

import torch
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from nebulatent.typing import Float, Tensor

GRID = 5  # knots of the smooth displacement along a side


class Warps(NamedTuple):
    """How strongly views differ; each is the largest absolute value of a uniform draw, or a sd.

    Arguments:
        rotation: Angle, in radians.
        log_scale: Natural logarithm of a stretch along each axis.
        shear: Tangent of the angle of a horizontal shear.
        shift: Along each axis, in shorter sides.
        elastic: Standard deviation of the displacement of each knot, in shorter sides.
    """

    rotation: float = 0.157
    log_scale: float = 0.09
    shear: float = 0.12
    shift: float = 0.043
    elastic: float = 0.029


MILD = Warps()


def warp_images(
    x: Float[Tensor, "batch channels height width"],
    generator: torch.Generator,
    warps: Warps = MILD,
) -> Float[Tensor, "batch channels height width"]:
    """A random view of each image.

    Values outside an image are those of its border. The same generator state gives the same view.

    Arguments:
        x: Images.
        generator: Source of randomness.
        warps: How strongly to distort.
    """
    batch, _, height, width = x.shape
    side = float(min(height, width))

    def draw(*size: int) -> Tensor:
        return torch.rand(size, generator=generator, device=generator.device).to(x) * 2 - 1

    angle = warps.rotation * draw(batch)
    stretch = (warps.log_scale * draw(batch, 2)).exp()
    shear = warps.shear * draw(batch)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([cos, -sin, sin, cos], 1).view(batch, 2, 2)
    lean = torch.stack([stretch[:, 0], shear * stretch[:, 1], 0 * shear, stretch[:, 1]], 1)
    matrix = turn @ lean.view(batch, 2, 2)
    shift = warps.shift * side * draw(batch, 2)
    knots = torch.randn(batch, 2, GRID, GRID, generator=generator, device=generator.device).to(x)
    bend = interpolate(
        warps.elastic * side * knots, size=(height, width), mode="bilinear", align_corners=True
    )
    return _sample(x, matrix, shift, bend)


def straighten(
    x: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    r"""Centre each image's mass and shear it until its axes are uncorrelated.

    With brightness above the darkest value as mass, the row shift is
    :math:`\operatorname{cov}(u, v) / \operatorname{var}(v)` for column u and row v.

    Source: the usual deskewing of handwritten digits (LeCun et al. 1998, section III.C.1).
    """
    batch, _, height, width = x.shape
    mass = x.sum(1)
    mass = mass - mass.amin((1, 2), keepdim=True) + 1e-6
    mass = mass / mass.sum((1, 2), keepdim=True)
    v, u = _centred(height, x), _centred(width, x)
    mean_u, mean_v = (mass.sum(1) * u).sum(1), (mass.sum(2) * v).sum(1)
    du, dv = u - mean_u.unsqueeze(1), v - mean_v.unsqueeze(1)
    cov = torch.einsum("bvu,bv,bu->b", mass, dv, du)
    var = (mass.sum(2) * dv.square()).sum(1)
    shear = cov / (var + 1e-3)
    matrix = torch.eye(2, dtype=x.dtype, device=x.device).repeat(batch, 1, 1)
    matrix[:, 0, 1] = shear
    return _sample(x, matrix, torch.stack([mean_u, mean_v], 1), x.new_zeros(1, 2, height, width))


def simple_features(
    x: Float[Tensor, "batch channels height width"], *, straightened: bool = True
) -> Float[Tensor, "batch features"]:
    """Pixels of images that were straightened, slightly blurred and, if large, halved.

    Images that look alike have nearby features. The blur is a ninth of the shorter side wide.

    Arguments:
        x: Images.
        straightened: Whether to centre and deskew first.
    """
    side = min(x.shape[2:])
    blur = 2 * (side // 18) + 1
    parts = []
    for part in x.split(4096):
        part = straighten(part) if straightened else part
        part = avg_pool2d(part, blur, stride=1, padding=blur // 2)
        parts.append((avg_pool2d(part, 2) if side > 14 else part).flatten(1))
    return torch.cat(parts)


def _sample(x: Tensor, matrix: Tensor, shift: Tensor, bend: Tensor) -> Tensor:
    """The images at `matrix @ (column, row) + shift + bend`, in pixels from the centre."""
    height, width = x.shape[2:]
    u, v = _centred(width, x), _centred(height, x)
    points = torch.stack([u.expand(height, width), v.unsqueeze(1).expand(height, width)])
    places = (matrix @ points.flatten(1) + shift.unsqueeze(2)).unflatten(2, (height, width)) + bend
    half = torch.tensor([max(width - 1, 1), max(height - 1, 1)], dtype=x.dtype, device=x.device) / 2
    grid = places.permute(0, 2, 3, 1) / half
    return grid_sample(x, grid, padding_mode="border", align_corners=True)


def _centred(size: int, like: Tensor) -> Tensor:
    return torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
