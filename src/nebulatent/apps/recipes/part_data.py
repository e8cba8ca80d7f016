"""The clouds that recipes of part segmentation train on: each of a category, each point of a part.

`builtin:shapes` needs no file; ShapeNetPart is read in any of its three layouts.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from nebulatent.apps.recipes.recipe import Preset
from nebulatent.apps.recipes.recipe_data import VARIABLE, RecipeData
from nebulatent.data.point_labels import PointLabels, part_table
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.shapes.builtin import NAME as SHAPES
from nebulatent.data.table import Table

SHAPENET_PART = "shapenet_part"


class Sizes(NamedTuple):
    """How large clouds and networks are, and how fast the latter learn.

    Arguments:
        num_points: Points of each cloud that are used, the first so many.
        narrower: What the papers' numbers of channels are divided by.
        lr: Learning rate of Adam.
    """

    num_points: int
    narrower: int
    lr: float


# Narrow networks with batch normalisation learn faster at a higher rate (a fifth of the built-in
# training shapes held out, 5 epochs of PointNet, one seed: IoU 0.38 at 0.001, 0.45 at 0.005).
SIZES: dict[Preset, Sizes] = {"quick": Sizes(512, 8, 5e-3), "full": Sizes(2048, 1, 1e-3)}


class PartData(NamedTuple):
    """Training and test clouds with categories and parts, and how large all is.

    Arguments:
        clouds: The clouds.
        parts_of: Which parts each category has, by the parts' names.
        sizes: Those of the preset.
    """

    clouds: RecipeData
    parts_of: Bool[np.ndarray, "categories parts"]
    sizes: Sizes

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets, and two sizes of one, apart."""
        return f"{self.clouds.fingerprint} {self.sizes}"

    def cut(self, samples: int, test_samples: int) -> "PartData":
        """At most so many clouds of each part of the data: the same for every row and seed."""
        return self._replace(clouds=self.clouds.cut(samples, test_samples))


def default_part_data() -> str:
    """ShapeNetPart if the folder of NEBULATENT_DATA has it, else the built-in shapes."""
    folder = os.environ.get(VARIABLE, "")
    path = Path(folder) / SHAPENET_PART
    return str(path) if folder and path.is_dir() else SHAPES


def load_part_data(path: str, preset: Preset) -> PartData:
    """Read both parts of a data set of clouds whose points have parts.

    Raises:
        FileNotFoundError: If the path, or its test part, is not there.
        ValueError: If these are no clouds with categories and parts, or the two parts do not go
            together.
    """
    train, test = read(path, split="train"), read(path, split="test", trainable=False)
    _check(train, path)
    _check(test, path)
    if train.fingerprint == test.fingerprint:
        raise ValueError(f"`--data` must have a test part of its own, got one part in `{path}`.")
    if (train.label_names, points(train).names) != (test.label_names, points(test).names):
        raise ValueError(
            f"`--data` must have the same categories and parts in both parts of `{path}`, got "
            f"{len(train.label_names)} and {len(test.label_names)} categories."
        )
    parts_of = part_table(train.label_names, points(train).names)
    sizes = SIZES[preset]
    count = min(sizes.num_points, train.sample_shape[0], test.sample_shape[0])
    clouds = RecipeData(Path(path).name, train, test, fit_scaling(train))
    return PartData(clouds, parts_of, sizes._replace(num_points=count))


def _check(table: Table, path: str) -> None:
    if table.kind == "points" and table.label is not None and table.point_labels is not None:
        return
    lacks = "categories" if table.label is None else "parts"
    got = f"clouds without {lacks}" if table.kind == "points" else table.kind
    raise ValueError(f"`--data` must be clouds with categories and parts, got {got} in `{path}`.")


def points(table: Table) -> PointLabels:
    """The parts of the points, which `load_part_data` has seen to be there."""
    assert table.point_labels is not None
    return table.point_labels
