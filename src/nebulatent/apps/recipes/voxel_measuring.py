"""Codes of grids and of pictures → measures, the same for every row of SwitchVAE's tables.

Codes of all classes are probed: those of training shapes to learn, those of test shapes to test.
Test shapes of the category :data:`REBUILT`, that of the paper's Table 1, are rebuilt.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float

from nebulatent.apps.recipes.voxel_data import Forms, VoxelData, pictures
from nebulatent.backbones.voxels import VoxelEncoder
from nebulatent.data.grids import coarse
from nebulatent.data.rows import Rows, Scaled
from nebulatent.evaluation.kernel_svm import kernel_measures
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.voxels import voxel_measures
from nebulatent.latents.posterior import Posterior
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.typing import Tensor

VOXEL, IMAGE = "voxel", "image"
GIVEN = {VOXEL: "Given is each shape's grid.", IMAGE: "Given are each shape's pictures."}
VIEWS = "views"  # what SwitchVAE calls the form beside grids
REBUILT = "chair"
CODED = 32  # shapes whose codes are computed at once

Encode = Callable[[Tensor], Posterior]
Read = Callable[[Forms, VoxelData], Scaled]


def of_category(forms: Forms, names: tuple[str, ...], category: str) -> Forms:
    """The shapes of a category; all if it is empty.

    Raises:
        ValueError: If there are fewer than two of it.
    """
    if not category:
        return forms
    number = names.index(category) if category in names else -1
    rows = np.flatnonzero(forms.label == number)
    if len(rows) < 2:
        raise ValueError(
            f"`--data` must have two shapes or more of the class {category} in each part, got "
            f"{len(rows)}; its classes are {', '.join(names)}."
        )
    return forms.take(rows)


def grid_rows(forms: Forms, data: VoxelData) -> Scaled:
    """Grids as a network sees them: (shapes, 1, side, side, side)."""
    return Scaled(coarse(forms.cells, data.resolution)[:, None], 1)


def view_rows(forms: Forms, data: VoxelData) -> Scaled:
    """Pictures as a network sees them: (shapes, views, colours, size, size)."""
    drawn = pictures(forms, data.views)[:, :, None]
    return Scaled(np.broadcast_to(drawn, (*drawn.shape[:2], data.colours, *drawn.shape[3:])), 255)


def flat(rows: Rows) -> Float[np.ndarray, "shapes values"]:
    """All values of each shape."""
    return rows[:].reshape(len(rows), -1)


def switched_measures(method: VAE | SwitchVAE, data: VoxelData) -> list[Measure]:
    """Each form's codes, decoded and probed; codes are posterior means.

    Arguments:
        method: In eval mode.
        data: Training and test shapes.
    """
    measures = list[Measure]()
    rebuilt = of_category(data.test, data.names, REBUILT)
    for name, encode, rows in _forms(method):
        pairs = _pairs(method, encode, rows(rebuilt, data), grid_rows(rebuilt, data))
        measures += named(name, voxel_measures(pairs))
        known, codes = (_codes(encode, rows(part, data)) for part in (data.train, data.test))
        measures += probed(name, known, codes, data)
    return measures


def probed(
    form: str,
    known: Float[np.ndarray, "train latent"],
    codes: Float[np.ndarray, "test latent"],
    data: VoxelData,
) -> list[Measure]:
    """What a machine learns from the codes of the training shapes, tested on the others'."""
    return named(form, kernel_measures(known, data.train.label, codes, data.test.label))


def named(form: str, measures: list[Measure]) -> list[Measure]:
    """The measures, with the form that was given in their names."""
    return [
        m._replace(name=f"{form} {m.name}", convention=f"{m.convention} {GIVEN[form]}")
        for m in measures
    ]


def _forms(method: VAE | SwitchVAE) -> list[tuple[str, Encode, Read]]:
    """The forms that a model reads: what encodes them, and how they are read."""
    if isinstance(method, SwitchVAE):
        images = method.branch(VIEWS).encode
        return [(VOXEL, method.encode, grid_rows), (IMAGE, images, view_rows)]
    if isinstance(method.autoencoder.encoder, VoxelEncoder):
        return [(VOXEL, method.encode, grid_rows)]
    return [(IMAGE, method.encode, view_rows)]


def _parts(rows: Scaled) -> Iterator[slice]:
    return (slice(start, start + CODED) for start in range(0, len(rows), CODED))


@torch.no_grad()
def _codes(encode: Encode, rows: Scaled) -> Float[np.ndarray, "shapes latent"]:
    means = [encode(torch.from_numpy(rows[part])).mean for part in _parts(rows)]
    return torch.cat(means).numpy()


@torch.no_grad()
def _pairs(
    method: VAE | SwitchVAE, encode: Encode, rows: Scaled, grids: Scaled
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of (grids, probabilities)."""
    for part in _parts(rows):
        z = encode(torch.from_numpy(rows[part])).mean
        yield torch.from_numpy(grids[part]), method.decode(z)
