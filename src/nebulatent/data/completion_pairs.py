"""A path → pairs to learn completion from: what one view shows of shapes, and the whole shapes.

| path | training | test |
|---|---|---|
| `builtin:scans` | 400 shapes of four categories, 8 views each | 200 other shapes, 2 views each |
| a folder that `nebulatent prepare --scans` made | four fifths of the shapes of each class | the rest |
| a folder in 3D-RecGAN's layout | `train_25d`, `train_3d` | `test_25d`, `test_3d`; without them the last fifth of each category |

They are read only by who asks for pairs: to all others the first folder is one of grids, and the
second none of samples. Grids are brought to fewer cells, each filled if any that it covers is.

Built-in pairs take half a minute at 16³, many minutes at 64³. They are kept in the user's cache
(`XDG_CACHE_HOME`, or `~/.cache`).
"""  # noqa: E501

import os
from pathlib import Path

import numpy as np

from nebulatent.data.r2n2 import SYNSETS
from nebulatent.data.recgan import has_part, is_recgan, read_recgan
from nebulatent.data.scan_pairs import has_scans, read_scan_pairs
from nebulatent.data.table import Split, Table, build_table
from nebulatent.data.voxel_folder import R2N2_SPLIT
from nebulatent.data.voxel_pairs import VoxelPairs, joined, reduced

SCANS = "builtin:scans"
TRAIN, TEST = (0, 400, 8), (1, 200, 2)  # seed, shapes, views
BY_RULE, STEP = 16, 8  # cells along each side, and what the networks need a multiple of
EVERY = 5  # of pairs without a test part, one in so many is held out
NOTE = "Each grid shows what one view sees of a shape; beside it the whole grid was read."


def are_pairs(path: str) -> bool:
    """Whether a path is one of pairs."""
    folder = Path(path)
    return path == SCANS or (folder.is_dir() and (has_scans(folder) or is_recgan(folder)))


def read_pairs(path: str, *, split: Split = "train", resolution: int | None = None) -> Table:
    """Pairs as a table: `x` are the partial grids, `whole` the whole ones.

    Arguments:
        path: A folder, or `builtin:scans`.
        split: Part.
        resolution: Cells along each side that grids are brought to; None is at most 16.

    Raises:
        FileNotFoundError: If the path, the part or a grid of a pair is not there.
        ValueError: If it is no folder of pairs, grids are coarser, or a file is damaged.
    """
    pairs, notes = _found(path, split, resolution)
    names = [SYNSETS.get(name, name) for name in pairs.categories]
    return build_table(
        pairs.partial,
        source=path,
        ids=pairs.ids,
        labels=[names[label] for label in pairs.label],
        notes=(NOTE, *notes),
        whole=pairs.whole,
    )


def find_pairs(path: str, split: Split, resolution: int | None = None) -> VoxelPairs:
    """Pairs of one part, or of both: their categories as folders name them.

    Raises:
        FileNotFoundError, ValueError: As :func:`read_pairs`.
    """
    return _found(path, split, resolution)[0]


def _found(path: str, split: Split, resolution: int | None) -> tuple[VoxelPairs, tuple[str, ...]]:
    """Pairs, and notes for people."""
    if path == SCANS:
        pairs = _built_in(split, BY_RULE if resolution is None else resolution)
        return pairs, (
            f"Official split: {TRAIN[1]} shapes, {TRAIN[2]} views of each, for training; "
            f"{TEST[1]} others, {TEST[2]} views of each, for testing.",
        )
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"`{path}` must be a folder or {SCANS}, got nothing of that name.")
    if has_scans(folder):
        pairs, how = read_scan_pairs(folder, split), R2N2_SPLIT
    elif folder.is_dir() and is_recgan(folder):
        pairs, how = _recgan(folder, split)
    else:
        raise ValueError(
            f"`{path}` must hold pairs of partial and whole grids, got none; give {SCANS}, a "
            "folder that `nebulatent prepare MESHES --scans 1` made or one in 3D-RecGAN's layout "
            "(<category>/train_25d/voxel_grids_64/*.txt)."
        )
    own = pairs.resolution
    wanted = max(STEP, min(BY_RULE, own - own % STEP)) if resolution is None else resolution
    if own < wanted:
        raise ValueError(
            f"`{path}` must hold grids of {wanted}³ or more for what was asked, got {own}³; make "
            f"them by `nebulatent prepare --voxels {wanted}`."
        )
    if own == wanted:
        return pairs, (how,)
    return reduced(pairs, wanted), (how, f"Grids of {own}³ were brought to {wanted}³ cells.")


def _built_in(split: Split, resolution: int) -> VoxelPairs:
    # Here, because whoever reads any data asks for pairs, and this needs SciPy.
    from nebulatent.data.shapes.scanned import Scanned, kept_scans

    parts = {"train": (TRAIN,), "test": (TEST,), "all": (TRAIN, TEST)}[split]
    found = [
        kept_scans(
            Scanned(seed=seed, shapes=shapes, views=views, resolution=resolution), cache_folder()
        )
        for seed, shapes, views in parts
    ]
    return found[0] if len(found) == 1 else _both(*found)


def _recgan(folder: Path, split: Split) -> tuple[VoxelPairs, str]:
    if has_part(folder, "test"):
        how = f"The test part is in folders test_25d and test_3d; read: {split}."
        if split == "all":
            return _both(read_recgan(folder, "train"), read_recgan(folder, "test")), how
        return read_recgan(folder, split), how
    pairs = read_recgan(folder, "train")
    how = f"There is no test part: the last 1 in {EVERY} of each category is; read: {split}."
    if split == "all":
        return pairs, how
    # Views of one shape are neighbours: a block at the end of each category divides one shape.
    size = np.bincount(pairs.label)[pairs.label]
    place = np.arange(pairs.num_pairs) - np.searchsorted(pairs.label, pairs.label)
    held = place >= size - size // EVERY
    if not held.any():
        raise ValueError(
            f"`{folder}` must have a test part or {EVERY} training pairs of one category, got "
            f"{pairs.num_pairs} pairs."
        )
    return pairs.take(np.flatnonzero(held if split == "test" else ~held)), how


def _both(train: VoxelPairs, test: VoxelPairs) -> VoxelPairs:
    """Both parts, which may use the same names, with their own before each."""
    parts = [
        part._replace(ids=tuple(f"{name}/{own}" for own in part.ids))
        for name, part in (("train", train), ("test", test))
    ]
    return joined(*parts)


def cache_folder() -> Path:
    """Where built-in pairs are kept."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(place) if place else Path.home() / ".cache") / "nebulatent" / "scans"
