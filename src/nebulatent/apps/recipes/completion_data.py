"""The pairs that recipes of completion train on, and the size of their networks, by preset.

| `--data` | training | test |
|---|---|---|
| `builtin:scans` | 400 shapes of four categories, 8 views each | 200 other shapes, 2 views each |
| a folder that `nebulatent prepare` made | four fifths of the shapes of each class | the rest |
| a folder in 3D-RecGAN's layout | `train_25d`, `train_3d` | `test_25d`, `test_3d`; without them the last fifth of each category |

The quick preset has grids of 16³ (those of a folder are reduced, a cell filled if any of its cells
is, as 3D-RecGAN++ does) and networks a quarter as wide, with one level fewer; the full one the paper's 64³.

Built-in pairs take half a minute at 16³. They are kept in the user's cache (`XDG_CACHE_HOME`, or
`~/.cache`).
"""  # noqa: E501

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from nebulatent.apps.recipes.recipe import Preset
from nebulatent.apps.recipes.recipe_data import few
from nebulatent.backbones.volumes import CHANNELS
from nebulatent.data.recgan import has_part, is_recgan, read_recgan
from nebulatent.data.scan_pairs import has_scans, read_scan_pairs
from nebulatent.data.shapes.scanned import Scanned, kept_scans
from nebulatent.data.voxel_pairs import PackedGrids, VoxelPairs
from nebulatent.ops.voxel_points import resized

SCANS = "builtin:scans"
TRAIN, TEST = (0, 400, 8), (1, 200, 2)  # seed, shapes, views
EVERY = 5  # of pairs without a test part, one in so many is held out
BLOCK = 100  # grids that are reduced at a time


class Sizes(NamedTuple):
    """How large the grids and networks are, and how fast the latter learn.

    Arguments:
        resolution: Cells along each side.
        channels: Of the network's levels.
        code: Numbers of a code.
        lr: The generator's learning rate.
    """

    resolution: int
    channels: tuple[int, ...]
    code: int
    lr: float


SIZES: dict[Preset, Sizes] = {
    "quick": Sizes(16, (16, 32, 64), 128, 2e-3),
    "full": Sizes(64, CHANNELS, 5000, 5e-4),  # those of 3D-RecGAN's code
}


class CompletionData(NamedTuple):
    """Training and test pairs.

    Arguments:
        train: Training pairs; their categories are not read.
        test: Test pairs.
        sizes: Of grids and networks.
    """

    train: VoxelPairs
    test: VoxelPairs
    sizes: Sizes

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets, and two sizes of one, apart."""
        return f"{self.train.fingerprint} {self.test.fingerprint} {self.sizes}"

    def cut(self, samples: int, test_samples: int) -> "CompletionData":
        """At most so many pairs of each part, drawn once: the same for every row and seed."""
        return self._replace(
            train=few(self.train, self.train.num_pairs, samples),
            test=few(self.test, self.test.num_pairs, test_samples),
        )


def default_completion_data() -> str:
    """The built-in pairs."""
    return SCANS


def load_completion_data(path: str, preset: Preset) -> CompletionData:
    """Make or read both parts.

    Raises:
        FileNotFoundError: If the path is not there.
        ValueError: If it is no folder of pairs, or a file is damaged.
    """
    sizes = SIZES[preset]
    if path == SCANS:
        train, test = (
            kept_scans(
                Scanned(seed=seed, shapes=shapes, views=views, resolution=sizes.resolution),
                cache_folder(),
            )
            for seed, shapes, views in (TRAIN, TEST)
        )
        return CompletionData(train, test, sizes)
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"`--data` must be a folder or {SCANS}, got no `{path}`.")
    prepared = has_scans(folder)
    if not prepared and not is_recgan(folder):
        raise ValueError(
            f"`--data` must be {SCANS}, a folder that `nebulatent prepare` made or one in "
            f"3D-RecGAN's layout (<category>/train_25d/voxel_grids_64/*.txt), got `{path}`."
        )
    parts = _prepared(folder) if prepared else _parts(folder)
    own = parts[0].resolution
    if own < sizes.resolution:
        raise ValueError(
            f"`{path}` must hold grids of {sizes.resolution}³ or more for this preset, got {own}³; "
            f"make them by `nebulatent prepare --voxels {sizes.resolution}`."
        )
    train, test = (reduced(part, sizes.resolution) for part in parts)
    return CompletionData(train, test, sizes)


def _prepared(folder: Path) -> tuple[VoxelPairs, VoxelPairs]:
    return read_scan_pairs(folder, "train"), read_scan_pairs(folder, "test")


def _parts(folder: Path) -> tuple[VoxelPairs, VoxelPairs]:
    pairs = read_recgan(folder, "train")
    if has_part(folder, "test"):
        return pairs, read_recgan(folder, "test")
    # Views of one shape are neighbours: a block at the end of each category divides one shape.
    size = np.bincount(pairs.label)[pairs.label]
    held = (
        np.arange(pairs.num_pairs) - np.searchsorted(pairs.label, pairs.label)
        >= size - size // EVERY
    )
    if not held.any():
        raise ValueError(
            f"`{folder}` must have a test part or {EVERY} training pairs of one category, got "
            f"{pairs.num_pairs} pairs."
        )
    return pairs.take(np.flatnonzero(~held)), pairs.take(np.flatnonzero(held))


def reduced(pairs: VoxelPairs, resolution: int) -> VoxelPairs:
    """Pairs of a lower resolution: a cell is filled if any that it covers is."""
    if resolution == pairs.resolution:
        return pairs
    small = [_reduced(part, resolution) for part in (pairs.partial, pairs.whole)]
    return pairs._replace(partial=small[0], whole=small[1])


def _reduced(grids: PackedGrids, resolution: int) -> PackedGrids:
    bits = []
    for start in range(0, len(grids), BLOCK):
        cells = torch.from_numpy(grids[start : start + BLOCK]).float()
        bits.append(PackedGrids.of((resized(cells, resolution) > 0).numpy()).bits)
    return PackedGrids(np.concatenate(bits), resolution)


def cache_folder() -> Path:
    """Where pairs are kept."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(place) if place else Path.home() / ".cache") / "nebulatent" / "scans"
