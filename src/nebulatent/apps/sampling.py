"""New samples of a run: codes, what is decoded from them, and files of both kinds."""

from math import ceil, sqrt
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from nebulatent.apps.pictures.cloud_pictures import cloud_sheet
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.runs.runs import Run, decoding
from nebulatent.typing import Tensor

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
    if model.host == "ae" or model.prior == "anchors":
        got = "an autoencoder" if model.host == "ae" else "the learned mixture of anchors"
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
        values = run.config.scaling.invert(x).numpy()
        with path.open("wb") as file:
            # Images go out as they came in: channels last.
            np.savez_compressed(file, x=values if x.ndim < 4 else np.moveaxis(values, 1, -1))
    else:
        from PIL import Image

        clouds = x.ndim == 3
        sheet = cloud_sheet(x.numpy()) if clouds else contact_sheet(x.clamp(0, 1).numpy())
        Image.fromarray(sheet).save(path, format="PNG")


def contact_sheet(x: Float[np.ndarray, "images channels height width"]) -> np.ndarray:
    """Images in [0, 1] as one picture, row by row in a grid as square as possible."""
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
