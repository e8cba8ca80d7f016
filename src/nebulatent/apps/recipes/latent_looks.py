"""What the figures of SwitchVAE look at, measured for any code of grids.

A training is measured once for all: rows of Tables 2 and 3 and of Figures 4, 6 and 7 share it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from nebulatent.apps.pictures.latent_map import project, sample_rows
from nebulatent.apps.recipes.grid_coders import Coder, Form, plain_coder
from nebulatent.apps.recipes.grid_sums import sum_arrays, sum_measures
from nebulatent.apps.recipes.grid_walks import walk_arrays, walk_measures
from nebulatent.apps.recipes.recipe import Given, Outcome
from nebulatent.apps.recipes.voxel_data import VoxelData, coarse
from nebulatent.apps.recipes.voxel_measuring import VOXEL, named
from nebulatent.evaluation.class_gaps import class_gap_measures
from nebulatent.evaluation.measures import Measure

MAP = 1_000  # points of a t-SNE map


def space_looks(codes: Float[np.ndarray, "shapes latent"], setting: Given[VoxelData]) -> Outcome:
    """How classes of test shapes lie in a code space, and their map if a figure wants it.

    Arguments:
        codes: Of the test shapes' grids.
        setting: Data and seed.
    """
    label = setting.data.test.label
    measures = named(VOXEL, class_gap_measures(codes, label))
    if not setting.draws:
        return Outcome(measures)
    rows = sample_rows(len(codes), seed=0, limit=MAP)
    points = project(codes[rows], None, seed=setting.seed).codes
    drawn = {"points": points.round(2).tolist(), "classes": label[rows].tolist()}
    return Outcome(measures, {"map": drawn | {"names": list(setting.data.names)}})


def coder_looks(coder: Coder, setting: Given[VoxelData]) -> Outcome:
    """Space, paths and, of shapes whose factors are known, sums."""
    data = setting.data
    codes = coder.encode(coarse(data.test.cells, data.resolution)).numpy()
    space, paths = space_looks(codes, setting), path_looks(coder, setting)
    return Outcome([*space.measures, *paths.measures], {**space.arrays, **paths.arrays})


def path_looks(coder: Coder, setting: Given[VoxelData]) -> Outcome:
    """Paths and, of shapes whose factors are known, sums."""
    data = setting.data
    known = len(data.test.drawn) > 0
    measures: list[Measure] = walk_measures(coder, data)
    measures += sum_measures(coder, data.resolution) if known else []
    arrays: dict[str, Any] = {}
    if setting.draws:
        arrays = walk_arrays(coder, data)
        arrays |= sum_arrays(coder, data.resolution) if known else {}
    return Outcome(measures, arrays)


@dataclass(frozen=True, kw_only=True)
class Plain:
    """No latent at all: grids, or distances from their surface, mixed and added.

    Arguments:
        form: What is mixed.
    """

    form: Form

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"plain-{self.form}"

    def __call__(self, setting: Given[VoxelData]) -> Outcome:
        """Measure; nothing is trained or drawn."""
        return path_looks(plain_coder(self.form, setting.data.resolution), setting)
