"""`nebulatent sample`: new samples, from everywhere or from around one anchor."""

from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import Float
from tyro.conf import arg

from nebulatent.apps.build import find_anchors
from nebulatent.apps.console import Output
from nebulatent.apps.options import RunFolder, Whole
from nebulatent.apps.outputs import check_output, whole_file
from nebulatent.apps.plan import MAX_SEED
from nebulatent.apps.runs import Run, load_run
from nebulatent.typing import Tensor

SUFFIXES = (".png", ".npz")
Origin = Literal["aggregate", "prior"]
MIN_TILE = 56  # pixels: smaller images are magnified so that they can be seen


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Generate samples.

    Example: nebulatent sample runs/digits --count 64 --anchor 3 --out samples.png
    """

    path: RunFolder
    """A complete run."""
    out: Path
    """A .png picture (images only) or an .npz array `x` in the units of the data."""
    count: int = 64
    """How many."""
    anchor: Annotated[Whole, arg(help_behavior_hint="(default: everywhere)")] = None
    """Only codes around this anchor, counted from 0."""
    origin: Origin = "aggregate"
    """Codes from a Gaussian fitted to the training codes, or from the prior N(0, I)."""
    label: Annotated[Whole, arg(help_behavior_hint="(default: all in turn)")] = None
    """Class to generate, counted from 0, for a conditional model."""
    seed: int = 0
    """Fixes the samples."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Sample and write."""
        check_output(self.out, SUFFIXES)
        if self.count < 1:
            raise ValueError(f"`--count` must be at least 1, got {self.count}.")
        if not 0 <= self.seed < MAX_SEED:
            raise ValueError(f"`--seed` must lie in 0..{MAX_SEED - 1}, got {self.seed}.")
        run = load_run(self.path)
        if self.out.suffix == ".png" and len(run.config.model.shape) != 3:
            raise ValueError("`--out` must end in .npz for vectors, got a picture's name.")
        x = decode(run, self._codes(run), self.label)
        with whole_file(self.out) as place:
            _write(run, x, place, self.out.suffix)
        output = Output(as_json=self.json)
        output.say(f"{self.count} samples in {self.out}")
        output.result({"count": self.count, "out": str(self.out)})

    def _codes(self, run: Run) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        anchors = find_anchors(run.model)
        if self.anchor is None:
            if self.origin == "prior":
                _check_prior(run)
                return torch.randn(self.count, run.config.model.latent_dim, generator=generator)
            return run.aggregate.sample(0, self.count, generator)
        if self.origin == "prior":
            raise ValueError("`--anchor` must go with --origin aggregate, got prior.")
        if anchors is None:
            raise ValueError(
                f"`--anchor` must go with a method that has anchors, got {run.config.model.method}."
            )
        if not 0 <= self.anchor < anchors.num_anchors:
            raise ValueError(
                f"`--anchor` must lie in 0..{anchors.num_anchors - 1}, got {self.anchor}."
            )
        return run.aggregate.sample(self.anchor + 1, self.count, generator)


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
    model = run.config.model
    if model.host != "cvae":
        if label is not None:
            raise ValueError(f"`--label` must go with a conditional model, got {model.method}.")
        return run.model.decode(z)
    if label is not None and not 0 <= label < model.num_classes:
        raise ValueError(f"`--label` must lie in 0..{model.num_classes - 1}, got {label}.")
    in_turn = torch.arange(len(z)) % model.num_classes
    return run.model.decode(z, in_turn if label is None else torch.full((len(z),), label))


def _write(run: Run, x: Tensor, path: Path, suffix: str) -> None:
    if suffix == ".npz":
        values = run.config.scaling.invert(x).numpy()
        with path.open("wb") as file:
            # Images go out as they came in: channels last.
            np.savez_compressed(file, x=values if x.ndim == 2 else np.moveaxis(values, 1, -1))
    else:
        from PIL import Image

        Image.fromarray(contact_sheet(x.clamp(0, 1).numpy())).save(path, format="PNG")


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
