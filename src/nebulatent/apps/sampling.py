"""New samples of a run: codes, what is decoded from them, and files of both kinds."""

from math import ceil, sqrt
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped

from nebulatent.apps.pictures.cloud_pictures import cloud_sheet
from nebulatent.apps.pictures.voxel_pictures import FILLED, grid_sheet
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.runs.runs import Run, decoding
from nebulatent.data.table import KINDS
from nebulatent.typing import Tensor

SHEETS = {"points": cloud_sheet, "voxels": grid_sheet}  # pictures of samples that are no images
MIN_TILE = 56  # pixels: smaller images are magnified so that they can be seen


def draw_codes(run: Run, count: int, seed: int, *, anchor: int | None, origin: str) -> Tensor:
    """Codes from everywhere or from around one anchor.

    Raises:
        ValueError: If the run has no such anchor, or no such prior.
    """
    generator = torch.Generator().manual_seed(seed)
    anchors = find_anchors(run.model)
    if anchor is None:
        if origin == "prior":
            _check_prior(run)
            return torch.randn(count, run.config.model.latent_dim, generator=generator)
        return run.aggregate.sample(0, count, generator)
    if origin == "prior":
        raise ValueError("`--anchor` must go with --origin aggregate, got prior.")
    if anchors is None:
        raise ValueError(
            f"`--anchor` must go with a method that has anchors, got {run.config.model.method}."
        )
    if not 0 <= anchor < anchors.num_anchors:
        raise ValueError(f"`--anchor` must lie in 0..{anchors.num_anchors - 1}, got {anchor}.")
    return run.aggregate.sample(anchor + 1, count, generator)


def _check_prior(run: Run) -> None:
    model = run.config.model
    if not model.has_prior:
        anchors = model.prior == "anchors"
        got = "the learned mixture of anchors" if anchors else "an autoencoder"
        raise ValueError(
            f"`--origin` prior must go with a run whose prior is N(0, I), got {got}; "
            "use --origin aggregate."
        )


@torch.no_grad()
def decode(run: Run, z: Tensor, label: int | None) -> Tensor:
    """Expected data of codes, scaled as the model sees data."""
    model, method = run.config.model, decoding(run)
    if model.host != "cvae":
        if label is not None:
            raise ValueError(f"`--label` must go with a conditional model, got {model.method}.")
        return method.decode(z)
    if label is not None and not 0 <= label < model.num_classes:
        raise ValueError(f"`--label` must lie in 0..{model.num_classes - 1}, got {label}.")
    in_turn = torch.arange(len(z)) % model.num_classes
    return method.decode(z, in_turn if label is None else torch.full((len(z),), label))


def write_samples(run: Run, x: Tensor, path: Path, suffix: str) -> None:
    """Write .npz in the units of the data, or a picture."""
    if suffix == ".npz":
        with path.open("wb") as file:
            np.savez_compressed(file, x=as_stored(run, x))
    else:
        from PIL import Image

        draw = SHEETS.get(KINDS[x.ndim], contact_sheet)
        Image.fromarray(draw(x.numpy())).save(path, format="PNG")


def as_stored(run: Run, x: Tensor) -> Shaped[np.ndarray, "..."]:
    """Decoded samples as the data were stored, whatever axes come before theirs.

    Values are in the units of the data, channels of images the last axis, cells 0 or 1: those are
    filled whose probability exceeds one half.
    """
    values = run.config.scaling.invert(x).numpy()
    match len(run.config.model.shape):
        case 3:
            return np.moveaxis(values, -3, -1)
        case 4:
            return (values[..., 0, :, :, :] > FILLED).astype(np.uint8)
        case _:
            return values


def contact_sheet(x: Float[np.ndarray, "images channels height width"]) -> np.ndarray:
    """Images, clamped to [0, 1], as one picture, row by row in a grid as square as possible."""
    x = x.clip(0, 1)
    count, channels, height, width = x.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    zoom = max(1, ceil(MIN_TILE / max(height, width)))
    sheet = np.zeros((rows * columns, channels, height + 1, width + 1), np.float32)
    sheet[:count, :, :height, :width] = x
    sheet = sheet.reshape(rows, columns, channels, height + 1, width + 1)
    sheet = sheet.transpose(0, 3, 1, 4, 2).reshape(rows * (height + 1), columns * (width + 1), -1)
    sheet = sheet[:-1, :-1].repeat(zoom, axis=0).repeat(zoom, axis=1)
    grey = np.round(sheet * 255).astype(np.uint8)
    return grey[..., 0] if channels == 1 else grey
