"""Which shapes of a run a reader can turn: a few samples and anchors, as the still pictures show.

Clouds beside their reconstruction, or divided among Gaussians: with the ellipsoids, the surface of
equal density and the distances from a point. Grids as their filled cells. Six samples whose codes
are far apart and the six fullest anchors, since each costs the page some ten thousand letters.
"""

import numpy as np
import torch
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.colors import to_hex
from scipy.spatial import ConvexHull

from nebulatent.apps.pictures.cloud_pictures import MARK, nearest_parts
from nebulatent.apps.pictures.colours import PALETTE, class_names, colours
from nebulatent.apps.pictures.figures import Mixtures, PointDistances, RunFigures
from nebulatent.apps.pictures.mixture_figures import SURFACE, sunflower
from nebulatent.apps.pictures.point_distances import FARTHEST
from nebulatent.apps.pictures.turning import Cells, Dots, Mesh, Shape, plain
from nebulatent.apps.pictures.voxel_pictures import FILLED
from nebulatent.ops.farthest_points import farthest_points

RECONSTRUCTED = 20  # first samples, which the still pictures show
SAMPLES, ANCHORS = 6, 6
NAME = 26  # letters of an id in the list
GRID_COLOUR, SURFACE_COLOUR = "#7f8fe0", "#98a8ea"
SHADES = 32  # steps of a colour map
BALL, MARK_SIZE = 96, 0.07  # dots and radius of a mark
SPHERE = 90  # corners of an ellipsoid


def shapes_to_turn(run: RunFigures) -> list[Shape]:
    """Some of the first samples, with all that the run made of them, then its fullest anchors."""
    if run.kind not in ("points", "voxels"):
        return []
    samples = [
        Shape("samples", _sample_name(run, row), _sample(run, row, place))
        for place, row in enumerate(rows_to_turn(run.codes))
    ]
    return samples + _anchors(run)


def rows_to_turn(codes: Float[np.ndarray, "codes latent"]) -> list[int]:
    """Which of the first samples: the first, and those whose codes are far from those chosen."""
    among = torch.from_numpy(codes[:RECONSTRUCTED]).unsqueeze(0)
    return sorted(farthest_points(among, min(SAMPLES, among.shape[1]))[0].tolist())


def _sample_name(run: RunFigures, row: int) -> str:
    """Id and class; of a long id, mostly a path, the end, in which samples differ."""
    name = run.ids[row] if len(run.ids[row]) <= NAME else f"…{run.ids[row][1 - NAME :]}"
    if run.label is None or run.label[row] < 0:
        return name
    return f"{name} · {class_names(run.label, run.label_names)[run.label[row]]}"


def _sample(run: RunFigures, row: int, place: int) -> dict[str, Dots | Mesh | Cells]:
    """A sample, which is the `place`th to turn, and what the run made of it."""
    if run.mixtures is not None and row < len(run.mixtures.part):
        return _divided(run, run.mixtures, row, place)
    if run.kind == "voxels":
        return {title: _cells(x) for title, x in _pair(run, row).items()}
    if run.parts is None or row >= len(run.recon):
        return {title: plain(x) for title, x in _pair(run, row).items()}
    one = slice(row, row + 1)
    copied = nearest_parts(run.x[one], run.parts[one], run.recon[one])[0]
    own = run.parts[row]
    number = np.unique(own).searchsorted
    return {
        "original": Dots(run.x[row], number(own) % len(PALETTE), PALETTE),
        "reconstruction": Dots(run.recon[row], number(copied) % len(PALETTE), PALETTE),
    }


def _pair(run: RunFigures, row: int) -> dict[str, np.ndarray]:
    if run.whole is not None:
        return {"seen": run.x[row], "completed": run.recon[row], "whole": run.whole[row]}
    pair = {"original": run.x[row]}
    return pair | ({"reconstruction": run.recon[row]} if row < len(run.recon) else {})


def _cells(grid: Float[np.ndarray, "1 x y z"], colour: str = GRID_COLOUR) -> Cells:
    return Cells(grid[0] > FILLED, colour)


def _divided(
    run: RunFigures, mixtures: Mixtures, row: int, place: int
) -> dict[str, Dots | Mesh | Cells]:
    """A cloud in the colours of its Gaussians, and what these Gaussians are."""
    own = mixtures.part[row]
    used = np.unique(own)
    panes: dict[str, Dots | Mesh | Cells] = {
        "points by Gaussian": Dots(run.x[row], used.searchsorted(own) % len(PALETTE), PALETTE),
        "Gaussians": ellipsoid_mesh(mixtures.surface[row].reshape(-1, SURFACE, 3)[used]),
    }
    if run.solids is not None and place < len(run.solids):
        points, triangles = run.solids[place]
        panes["surface of equal density"] = Mesh(
            points, triangles, np.zeros(len(triangles), int), (SURFACE_COLOUR,)
        )
    if run.distances is not None:
        panes["distance for the network"] = _far(run.x[row], run.distances, row)
    return panes


def ellipsoid_mesh(surface: Float[np.ndarray, "ellipsoids many 3"]) -> Mesh:
    """Ellipsoids as triangles, each in its colour.

    Arguments:
        surface: Points of each, spread as a sunflower's seeds: an affine image of the unit sphere.
    """
    seeds = np.pad(sunflower(surface.shape[1]), ((0, 0), (1, 0)), constant_values=1.0)
    sphere = sunflower(SPHERE)
    triangles = ConvexHull(sphere).simplices
    a, b, c = sphere[triangles].transpose(1, 0, 2)
    inwards = np.einsum("ti,ti->t", np.cross(b - a, c - a), a) < 0
    triangles = np.where(inwards[:, None], triangles[:, ::-1], triangles)
    maps = np.linalg.pinv(seeds) @ surface  # of each ellipsoid: its centre, then its half axes
    points = maps[:, :1] + sphere @ maps[:, 1:]
    count = len(surface)
    return Mesh(
        points.reshape(-1, 3),
        (triangles + SPHERE * np.arange(count)[:, None, None]).reshape(-1, 3),
        np.repeat(np.arange(count) % len(PALETTE), len(triangles)),
        PALETTE,
    )


def _far(points: Float[np.ndarray, "points 3"], distances: PointDistances, row: int) -> Dots:
    """Dark near the picked point, which is marked by a ball, light far from it."""
    far = distances.features[row]
    shade = np.round((SHADES - 1) * far / max(float(far.max()), 1e-12)).astype(int)
    ball = points[distances.picked[row]] + MARK_SIZE * sunflower(BALL)
    steps = colormaps["viridis"](FARTHEST * np.linspace(0, 1, SHADES))
    palette = (*(to_hex(step) for step in steps), MARK)
    group = np.concatenate([shade, np.full(BALL, SHADES)])
    return Dots(np.concatenate([points, ball]), group, palette, fades=False)


def _anchors(run: RunFigures) -> list[Shape]:
    """The fullest anchors, decoded, beside the real sample nearest to each, in its colour."""
    if run.anchor_decoded is None or run.anchor_nearest is None or run.assign is None:
        return []
    counts = np.bincount(run.assign, minlength=len(run.anchor_decoded))
    fullest = sorted(np.argsort(-counts, kind="stable")[:ANCHORS].tolist())
    hue = colours(len(counts))
    draw = _cells if run.kind == "voxels" else plain
    return [
        Shape(
            "anchors",
            f"anchor {i} · {counts[i]:,} samples",
            {
                "decoded anchor": draw(run.anchor_decoded[i], hue[i]),
                "nearest real sample": draw(run.anchor_nearest[i, 0], hue[i]),
            },
        )
        for i in fullest
    ]
