"""The linear code beside SwitchVAE's: principal components of the values themselves."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

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
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.voxels import voxel_measures


class Components(NamedTuple):
    """A mean and orthonormal directions.

    Arguments:
        mean: Of the values.
        axes: One a row.
    """

    mean: Float[np.ndarray, " values"]
    axes: Float[np.ndarray, "components values"]

    def codes(self, x: Float[np.ndarray, "shapes values"]) -> Float[np.ndarray, "shapes _"]:
        """Coordinates along the directions."""
        return (x - self.mean) @ self.axes.T

    def back(self, z: Float[np.ndarray, "shapes _"]) -> Float[np.ndarray, "shapes values"]:
        """Values of coordinates."""
        return z @ self.axes + self.mean


def find_components(x: Float[np.ndarray, "shapes values"], count: int) -> Components:
    """The directions along which values vary most; none for a `count` of 0."""
    from sklearn.utils.extmath import randomized_svd

    mean = x.mean(axis=0)
    if not count:
        return Components(mean, np.zeros((0, x.shape[1]), np.float32))
    axes = randomized_svd(x - mean, count, random_state=0)[2]
    return Components(mean, np.ascontiguousarray(axes, dtype=np.float32))


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
        return Outcome(measures)


def _rebuilt(space: Components, data: VoxelData) -> list[Measure]:
    x = flat(grid_rows(of_category(data.test, data.names, REBUILT), data))
    recon = torch.from_numpy(space.back(space.codes(x))).clamp(0, 1)
    return voxel_measures([(torch.from_numpy(x), recon)])
