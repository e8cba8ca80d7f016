"""Shapes as grids and as pictures, for recipes: an `.npz` of grids with labels, or built-in shapes.

| `--data` | grids, 32³ | pictures of | test part |
|---|---|---|---|
| an `.npz` (:mod:`nebulatent.data.voxel_arrays`) | padded with empty cells | the cells' surface | a fifth of each class, by a seeded draw |
| `builtin:shapes` | exact, not turned | the mesh | shapes of another seed |

The quick preset has grids of 16³, a cell filled if any of eight is, and pictures of 32 × 32 pixels;
the full one the paper's 32³ and 137 × 137.

Labels of the training part choose nothing: they part a file into fifths that have the classes'
shares, name the one category that some rows train on, and are learned from by probes afterwards.

Pictures take a minute or two. They are kept in the user's cache (`XDG_CACHE_HOME`, or `~/.cache`)
under a hash of the grids and of how they are looked at, and written whole or not at all.
"""  # noqa: E501

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from nebulatent.apps.recipes.recipe_data import VARIABLE
from nebulatent.data.grids import coarse as coarse
from nebulatent.data.grids import padded
from nebulatent.data.shapes.builtin import NAME as SHAPES
from nebulatent.data.shapes.builtin import SIZES
from nebulatent.data.shapes.categories import CATEGORIES
from nebulatent.data.shapes.make import draw_shape, make_voxels
from nebulatent.data.voxel_arrays import read_voxel_arrays
from nebulatent.ops.grid_views import Views, grid_views, mesh_views

RESOLUTION, QUICK_RESOLUTION, QUICK_SIZE = 32, 16, 32
FOLDS, SPLIT_SEED = 5, 0
FILE = Path("modelnet10", "voxels30_train.npz")
DRAWING = 1  # raised when pictures of the same grids change


class Forms(NamedTuple):
    """The same shapes in both forms.

    Arguments:
        cells: Which are filled.
        label: Class of each shape.
        drawn: Seed and number of each built-in shape; of grids that were read, none.
    """

    cells: Bool[np.ndarray, "shapes 32 32 32"]
    label: Int[np.ndarray, " shapes"]
    drawn: Int[np.ndarray, "_ 2"]

    def take(self, rows: Int[np.ndarray, " rows"]) -> "Forms":
        """These shapes."""
        drawn = self.drawn[rows] if len(self.drawn) else self.drawn
        return Forms(self.cells[rows], self.label[rows], drawn)

    def digest(self) -> str:
        """Tells any two sets of grids apart."""
        found = hashlib.sha256(f"{self.cells.shape}".encode())
        for part in (np.packbits(self.cells), self.label.astype("<i8"), self.drawn.astype("<i8")):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()


class VoxelData(NamedTuple):
    """Training and test part.

    Arguments:
        source: What was read.
        train: Training shapes.
        test: Test shapes.
        names: Of the classes.
        resolution: Cells along each side of the grids that are trained on.
        views: How the shapes are looked at.
    """

    source: str
    train: Forms
    test: Forms
    names: tuple[str, ...]
    resolution: int
    views: Views

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets apart."""
        seen = f"{self.resolution} {self.views!r} {DRAWING}"
        return f"{self.train.digest()} {self.test.digest()} {seen}"

    @property
    def colours(self) -> int:
        """Channels of a picture: the paper's three, all alike, where its networks read them."""
        return 3 if self.resolution == RESOLUTION else 1

    def cut(self, samples: int, test_samples: int) -> "VoxelData":
        """At most so many shapes of each part: the same for every row and seed."""
        return self._replace(train=_few(self.train, samples), test=_few(self.test, test_samples))


def default_voxels() -> str:
    """ModelNet10's grids in the folder that NEBULATENT_DATA names.

    Raises:
        FileNotFoundError: If they are not there; the message says what to do.
    """
    folder = os.environ.get(VARIABLE, "")
    path = Path(folder) / FILE
    if folder and path.is_file():
        return str(path)
    got = f"got no file `{path}`" if folder else "got none"
    raise FileNotFoundError(
        f"`{VARIABLE}` must name a folder with the grids `{FILE}`, {got}; set it, or pass --data "
        f"PATH, or --data {SHAPES} for shapes that need no file."
    )


def load_voxel_data(path: str, preset: Literal["quick", "full"]) -> VoxelData:
    """Read grids with labels, or make the built-in shapes; sizes are those of the preset.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds no grids with labels, or they are too large or too few.
    """
    sizes = (
        (RESOLUTION, Views()) if preset == "full" else (QUICK_RESOLUTION, Views(size=QUICK_SIZE))
    )
    if path == SHAPES:
        return VoxelData(SHAPES, _built("train"), _built("test"), CATEGORIES, *sizes)
    cells, label, names = read_voxel_arrays(Path(path))
    if label is None:
        raise ValueError(f"`--data` must be grids with labels, got none in `{path}`.")
    sides = cells.shape[1:]
    if len(set(sides)) > 1 or sides[0] > RESOLUTION:
        raise ValueError(
            f"`--data` must be cubes of at most {RESOLUTION} cells along each side, got "
            f"{'×'.join(map(str, sides))} in `{path}`; pad or coarsen them."
        )
    fewest = int(np.bincount(label).min())
    if fewest < FOLDS or len(names) < 2:
        raise ValueError(
            f"`--data` must have two classes or more of at least {FOLDS} grids each, a fifth to "
            f"test on, got {len(names)} with as few as {fewest} in `{path}`."
        )
    whole = Forms(padded(cells, RESOLUTION), label, np.zeros((0, 2), np.int64))
    held = held_out(label)
    train, test = (whole.take(np.flatnonzero(where)) for where in (~held, held))
    return VoxelData(Path(path).name, train, test, names, *sizes)


def held_out(label: Int[np.ndarray, " samples"], seed: int = SPLIT_SEED) -> Bool[np.ndarray, "..."]:
    """Which samples are a fifth of each class, rounded, drawn from a seed.

    Examples:
        >>> int(held_out(np.repeat([0, 1], [10, 7])).sum())
        3
    """
    order = np.random.default_rng(seed).permutation(len(label))
    held = np.zeros(len(label), dtype=bool)
    for one in np.unique(label):
        members = order[label[order] == one]
        held[members[: round(len(members) / FOLDS)]] = True
    return held


def pictures(forms: Forms, views: Views) -> UInt8[np.ndarray, "shapes views size size"]:
    """Shapes as cameras see them, from the cache if they were drawn before.

    Raises:
        OSError: If the cache cannot be written.
    """
    shape = (len(forms.cells), views.number, views.size, views.size)
    said = f"{DRAWING} {views!r} {forms.digest()}"
    path = _folder() / f"{hashlib.sha256(said.encode()).hexdigest()[:24]}.npy"
    kept = _kept(path, shape)
    if kept is not None:
        return kept
    drawn = np.empty(shape, dtype=np.uint8)
    for number, cells in enumerate(forms.cells):
        if len(forms.drawn):
            seed, index = forms.drawn[number].tolist()
            mesh = draw_shape(index, seed=seed).shape().mesh()
            drawn[number] = mesh_views(mesh.vertices, mesh.faces, views)
        else:
            drawn[number] = grid_views(cells, views)
    _keep(path, drawn)
    return drawn


def _folder() -> Path:
    place = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(place) if place else Path.home() / ".cache") / "nebulatent" / "views"


def _kept(path: Path, shape: tuple[int, ...]) -> UInt8[np.ndarray, "..."] | None:
    """The pictures of a file; None if there is none, or not a whole one."""
    try:
        kept = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept if (kept.shape, kept.dtype) == (shape, np.dtype(np.uint8)) else None


def _keep(path: Path, drawn: UInt8[np.ndarray, "..."]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part.npy")
    try:
        np.save(part, drawn, allow_pickle=False)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@cache
def _built(part: Literal["train", "test"]) -> Forms:
    seed, count = SIZES[part]
    drawn = np.stack([np.full(count, seed), np.arange(count)], axis=1)
    return Forms(
        make_voxels(count, seed=seed, resolution=RESOLUTION),
        np.arange(count) % len(CATEGORIES),
        drawn,
    )


def _few(forms: Forms, count: int) -> Forms:
    """Shapes drawn from a seed, of each class in turn, so that few shapes have all classes."""
    if count >= len(forms.label):
        return forms
    order = np.random.default_rng(0).permutation(len(forms.label))
    turn = np.empty(len(order), dtype=np.int64)  # how many of its class are drawn before a shape
    for one in np.unique(forms.label):
        members = order[forms.label[order] == one]
        turn[members] = np.arange(len(members))
    return forms.take(np.sort(order[np.argsort(turn[order], kind="stable")][:count]))
