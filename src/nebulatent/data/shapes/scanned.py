r"""Built-in shapes as one depth view sees them, and as they are: pairs for completion.

A pair is made of shape s, drawn from a seed, and of view v of it: the shape is turned about the up
axis by an angle and seen from the front at an elevation, both drawn,

.. math:: \text{turn} \sim U(-180°, 180°), \qquad \text{elevation} \sim U(e_0, e_1)

So the grid's frame is the viewer's, but for the elevation: a network is not told how the thing
stands, as 3D-RecGAN's is not, but knows where up is. The partial grid holds the cells in which the
view sees the surface, the whole one those inside the shape or touched by its surface (so that no
thin leg is lost). The first is part of the second.

Source: Yang et al., 3D-RecGAN, ICCVW 2017, section 4.1, for pairs of one depth view and the full
grid, in the frame of the view, of bench, chair, couch and table. There the views are 125 a shape,
turned about all three axes.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from nebulatent.data.limits import check_memory
from nebulatent.data.shapes.make import Drawn, draw_shape
from nebulatent.data.voxel_pairs import PackedGrids, VoxelPairs
from nebulatent.ops.cameras import camera_at, fitting_distance
from nebulatent.ops.rendering import render
from nebulatent.ops.scans import scan_cells
from nebulatent.ops.voxels import Grid, check_grid, voxelise

COMPLETED = ("bench", "chair", "couch", "table")
PIXELS = 4  # of the depth picture, to a cell along each side: some three rays through every cell
VIEW = 3  # the purpose of this randomness; 0 to 2 are those of `.make`
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """Which pairs are made.

    Arguments:
        shapes: How many; categories take turns.
        views: Of each shape.
        seed: Fixes shapes and views; pair v of shape s is the same whatever the numbers.
        resolution: Cells along each side.
        elevation: Range of the camera's elevation, in degrees.
        categories: Names.

    Raises:
        ValueError: If a number is not positive, or the range is none within -90 to 90 degrees.
    """

    shapes: int
    views: int
    seed: int
    resolution: int = 32
    elevation: tuple[float, float] = (0.0, 60.0)
    categories: tuple[str, ...] = COMPLETED

    def __post_init__(self) -> None:
        if self.shapes < 1 or self.views < 1 or self.seed < 0:
            raise ValueError(
                "`shapes` and `views` must be positive and `seed` not negative, got "
                f"{self.shapes}, {self.views} and {self.seed}."
            )
        low, high = self.elevation
        if not -90 <= low <= high <= 90:
            raise ValueError(
                f"`elevation` must be a range within -90 to 90 degrees, got {low} to {high}."
            )
        check_grid(Grid(self.resolution))

    @property
    def key(self) -> str:
        """Tells any two wishes apart."""
        return hashlib.sha256(f"{FORMAT}\n{self!r}".encode()).hexdigest()[:16]


def scan_view(
    wanted: Scanned, shape: int, view: int
) -> tuple[Bool[np.ndarray, "x y z"], Bool[np.ndarray, "x y z"]]:
    """Partial and whole grid of one pair.

    Examples:
        >>> partial, whole = scan_view(Scanned(shapes=4, views=2, seed=0, resolution=16), 1, 0)
        >>> whole.shape, bool((whole | ~partial).all())
        ((16, 16, 16), True)
    """
    stream = np.random.SeedSequence(wanted.seed, spawn_key=(shape, VIEW, view))
    generator = np.random.default_rng(stream)
    turn, elevation = generator.uniform(-180, 180), generator.uniform(*wanted.elevation)
    category, factors = draw_shape(shape, seed=wanted.seed, categories=wanted.categories)
    mesh = Drawn(category, factors | {"turn": turn}).shape().mesh()
    grid = Grid(wanted.resolution)
    whole = voxelise(mesh.vertices, mesh.faces, grid, "both").cells
    distance = fitting_distance(mesh.vertices)
    camera = camera_at(0.0, elevation, distance=distance, size=PIXELS * wanted.resolution)
    (picture,) = render(mesh.vertices, mesh.faces, [camera], oversampling=1)
    partial = scan_cells(picture, camera, grid)
    # Depths are kept in single precision, so a point at a cell's face may fall beside it.
    return partial, whole | partial


def scan_shapes(wanted: Scanned) -> VoxelPairs:
    """All pairs, shape by shape.

    Raises:
        ValueError: If they do not fit in memory, or an unknown category is named.
    """
    count = wanted.shapes * wanted.views
    check_memory(count * wanted.resolution**3 // 4, "the scanned shapes")
    bits = np.empty((2, count, -(-(wanted.resolution**3) // 8)), np.uint8)
    for row in range(count):
        shape, view = divmod(row, wanted.views)
        for part, cells in zip(bits, scan_view(wanted, shape, view), strict=True):
            part[row] = np.packbits(cells)
    return _pairs(wanted, bits)


def kept_scans(wanted: Scanned, folder: Path) -> VoxelPairs:
    """The same pairs, from a folder where they are kept once they were made.

    A file there is named by what was wanted. It is taken if it has the right size and the first
    pair of every category is the one that would be made now; else the pairs are made anew. A folder
    that cannot be written is no error: pairs are then made each time.
    """
    path = folder / f"scans-{wanted.key}.npy"
    found = _kept(wanted, path)
    if found is not None:
        return found
    pairs = scan_shapes(wanted)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.save(file, np.stack([pairs.partial.bits, pairs.whole.bits]))
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            part.unlink()
    return pairs


def _kept(wanted: Scanned, path: Path) -> VoxelPairs | None:
    """What a file holds, or None if it is not what is wanted."""
    shape = (2, wanted.shapes * wanted.views, -(-(wanted.resolution**3) // 8))
    try:
        if path.stat().st_size > np.prod(shape) + (1 << 12):
            return None
        bits = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if not isinstance(bits, np.ndarray) or bits.shape != shape or bits.dtype != np.uint8:
        return None
    for number in range(min(wanted.shapes, len(wanted.categories))):
        made = [np.packbits(cells) for cells in scan_view(wanted, number, 0)]
        if not np.array_equal(bits[:, number * wanted.views], made):
            return None
    return _pairs(wanted, bits)


def _pairs(wanted: Scanned, bits: np.ndarray) -> VoxelPairs:
    shape = np.repeat(np.arange(wanted.shapes), wanted.views)
    label = shape % len(wanted.categories)
    names = np.array(wanted.categories)[label]
    views = np.tile(np.arange(wanted.views), wanted.shapes)
    return VoxelPairs(
        PackedGrids(bits[0], wanted.resolution),
        PackedGrids(bits[1], wanted.resolution),
        label,
        wanted.categories,
        tuple(f"{name}-{s:04d}/{v}" for name, s, v in zip(names, shape, views, strict=True)),
    )
