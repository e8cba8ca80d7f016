"""The linear code beside SwitchVAE's: principal components of the values themselves."""

from dataclasses import dataclass

import numpy as np
import torch

from nebulatent.apps.recipes.grid_coders import Coder, Codes, Grids
from nebulatent.apps.recipes.latent_looks import coder_looks
from nebulatent.apps.recipes.recipe import Given, Outcome
from nebulatent.apps.recipes.voxel_data import VoxelData
from nebulatent.apps.recipes.voxel_measuring import (
    IMAGE,
    REBUILT,
    VOXEL,
    flat,
    grid_rows,
    named,
    of_category,
    probed,
    view_rows,
)
from nebulatent.evaluation.components import Components, find_components
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.voxels import THRESHOLD, voxel_measures


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Principal components of training shapes, of grids and of pictures each on their own.

    Arguments:
        components: At most; 0 is the mean shape, which is no code and not probed.
        category: The only category whose components they are; empty for all.
    """

    components: int
    category: str = ""

    @property
    def name(self) -> str:
        """Name of the result's file."""
        return f"principal-{self.components}{f'-{self.category}' * bool(self.category)}"

    def __call__(self, setting: Given[VoxelData]) -> Outcome:
        """Find the components of training shapes, measure test shapes; nothing is drawn."""
        data, own = setting.data, of_category(setting.data.train, setting.data.names, self.category)
        count = min(self.components, len(own.label) - 1)
        grids = find_components(flat(grid_rows(own, data)), count)
        measures = named(VOXEL, _rebuilt(grids, data))
        if not count:
            return Outcome(measures)
        views = find_components(flat(view_rows(own, data)), count)
        for form, space, rows in ((VOXEL, grids, grid_rows), (IMAGE, views, view_rows)):
            known, codes = (space.codes(flat(rows(part, data))) for part in (data.train, data.test))
            measures += probed(form, known, codes, data)
        if self.category:
            return Outcome(measures)
        looks = coder_looks(component_coder(grids, data.resolution), setting)
        return Outcome([*measures, *looks.measures], looks.arrays)


def component_coder(space: Components, resolution: int) -> Coder:
    """Coordinates along principal components of grids."""

    def encode(cells: Grids) -> Codes:
        return torch.from_numpy(space.codes(cells.reshape(len(cells), -1).astype(np.float32)))

    def decode(z: Codes) -> Grids:
        return (space.back(z.numpy()) > THRESHOLD).reshape(-1, *(resolution,) * 3)

    return Coder(encode, decode)


def _rebuilt(space: Components, data: VoxelData) -> list[Measure]:
    x = flat(grid_rows(of_category(data.test, data.names, REBUILT), data))
    recon = torch.from_numpy(space.back(space.codes(x))).clamp(0, 1)
    return voxel_measures([(torch.from_numpy(x), recon)])
