r"""The blocks of scenes that recipes of transfer between areas train on, and how much is used.

`builtin:rooms` needs no file; S3DIS is read in the layouts that have blocks or rooms. The names of
the rooms tell the areas.

A network sees positions alone, in every row, before and after fine-tuning:

.. math:: (x, y, z) \mapsto (2x,\; 2y,\; \tfrac23 z - 1)

with x and y in metres from the block's centre and z above the room's lowest point, so that a block
of 3 m fills the cube from -1 to 1, whose cells Jigsaw3D shuffles. Our reading: of S3DIS's nine
columns the last three, positions in the room, would tell where a shuffled point came from, and the
papers do not say what their networks saw.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int as ArrayInt

from nebulatent.apps.recipes.recipe import Preset
from nebulatent.apps.recipes.recipe_data import VARIABLE, few
from nebulatent.data.clouds.s3dis import AREAS, ROOM
from nebulatent.data.point_labels import PointLabels
from nebulatent.data.read import read
from nebulatent.data.rows import blocks
from nebulatent.data.shapes.rooms import NAME as ROOMS
from nebulatent.data.table import Table
from nebulatent.typing import Float, Tensor

S3DIS = "s3dis"
TRAINED, TESTED = AREAS["train"], AREAS["test"][0]
HEIGHT = 3.0  # metres that fill the cube
LEAST = 2  # blocks of an area, however short the budget: normalisation needs two


class Sizes(NamedTuple):
    """How large blocks and networks are.

    Arguments:
        num_points: Points of each block that are used, the first so many.
        neighbours: Neighbours of a point in DGCNN, itself included.
        width: Channels of a network, as a share of its paper's.
        components: Gaussians of ParAE's mixtures.
    """

    num_points: int
    neighbours: int
    width: float
    components: int


SIZES: dict[Preset, Sizes] = {
    "quick": Sizes(256, 10, 0.25, 16),
    "full": Sizes(4096, 20, 1.0, 32),
}


class SceneData(NamedTuple):
    """Blocks by area, and how large all is.

    Arguments:
        areas: Blocks of each area, with the class of each point.
        sizes: How much of them is used.
    """

    areas: Mapping[int, Table]
    sizes: Sizes

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets, and two sizes of one, apart."""
        return " ".join([table.fingerprint for table in self.areas.values()] + [str(self.sizes)])

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return point_labels(self.areas[TESTED]).names

    def cut(self, samples: int, test_samples: int) -> "SceneData":
        """At most so many blocks of the training areas together, each as cut as the others."""
        whole = sum(self.areas[area].num_samples for area in TRAINED)
        share = min(1.0, samples / whole)
        counts = {
            area: test_samples if area == TESTED else max(LEAST, round(share * table.num_samples))
            for area, table in self.areas.items()
        }
        return self._replace(
            areas={
                area: few(table, table.num_samples, counts[area])
                for area, table in self.areas.items()
            }
        )


def default_scenes() -> str:
    """S3DIS if the folder of NEBULATENT_DATA has it, else the built-in rooms."""
    folder = os.environ.get(VARIABLE, "")
    path = Path(folder) / S3DIS
    return str(path) if folder and path.is_dir() else ROOMS


def load_scene_data(path: str, preset: Preset) -> SceneData:
    """Read all areas of a data set of scenes.

    Raises:
        FileNotFoundError: If the path is not there.
        ValueError: If these are no blocks of the six areas with a class for each point.
    """
    table = read(path, split="all")
    if table.kind != "points" or table.point_labels is None:
        got = f"{table.kind} without classes of points"
        raise ValueError(f"`--data` must be blocks of scenes with classes, got {got} in `{path}`.")
    named = [ROOM.fullmatch(name.partition("/")[0]) for name in table.ids]
    area = np.array([int(room[1]) if room else 0 for room in named])
    if {*area.tolist()} != {*TRAINED, TESTED}:
        raise ValueError(
            f"`--data` must be blocks of rooms of the areas 1 to 6, named as Area_1_office_1, got "
            f"others in `{path}`."
        )
    sizes = SIZES[preset]
    count = min(sizes.num_points, table.sample_shape[0])
    areas = {one: table.take(np.flatnonzero(area == one)) for one in (*TRAINED, TESTED)}
    return SceneData(areas, sizes._replace(num_points=count))


def positions(table: Table, count: int) -> Float[Tensor, "blocks points 3"]:
    """Where some points of all blocks are, in the cube; other columns are not kept."""
    chosen = _chosen(table, count)
    parts = [np.asarray(part[:, chosen, :3]) for part in blocks(table.x)]
    x = torch.from_numpy(np.concatenate(parts))
    return x * x.new_tensor([2, 2, 2 / HEIGHT]) - x.new_tensor([0, 0, 1])


def point_labels(table: Table) -> PointLabels:
    """The classes of the points, which `load_scene_data` has seen to be there."""
    assert table.point_labels is not None
    return table.point_labels


def classes(table: Table, count: int) -> Tensor:
    """The classes of the same points."""
    return torch.from_numpy(point_labels(table).values[:, _chosen(table, count)].astype(np.int64))


def _chosen(table: Table, count: int) -> ArrayInt[np.ndarray, " points"]:
    """Which points of each block: a file may have them object by object."""
    return np.random.default_rng(0).permutation(table.sample_shape[0])[:count]
