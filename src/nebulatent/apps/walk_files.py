"""Walks as files: a strip of pictures, an animation, or numbers."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from nebulatent.apps.outputs import check_output, whole_file
from nebulatent.apps.pictures.canvas import to_png
from nebulatent.apps.pictures.galleries import mosaic
from nebulatent.apps.pictures.strips import (
    Block,
    Strip,
    sample_pictures,
    sample_tiles,
    strip_figure,
    write_gif,
)
from nebulatent.apps.runs.runs import Run, decoding, load_run
from nebulatent.apps.sampling import as_stored
from nebulatent.apps.walking import Beside, Walk, decode_walk
from nebulatent.typing import Float, Tensor

SUFFIXES = (".png", ".gif", ".npz")
STEPS = {".png": 9, ".gif": 33, ".npz": 9}
MAX_STEPS = 1000  # pictures of more need gigabytes


def walkable(path: Path, out: Path) -> Run:
    """A run whose walks can be written in a place.

    Raises:
        ValueError: If the method does not decode, or samples have no picture and one is asked for.
    """
    check_output(out, SUFFIXES)
    run = load_run(path)
    decoding(run)
    if out.suffix != ".npz" and len(run.config.model.shape) == 1:
        raise ValueError("`--out` must end in .npz for vectors, got a picture's name.")
    return run


def number_of_steps(steps: int | None, out: Path) -> int:
    """As many steps as were asked for, or by what is written.

    Raises:
        ValueError: If there are too few or too many.
    """
    steps = STEPS[out.suffix] if steps is None else steps
    if not 2 <= steps <= MAX_STEPS:
        raise ValueError(f"`--steps` must lie in 2..{MAX_STEPS}, got {steps}.")
    return steps


def save_walk(run: Run, walk: Walk, label: int | None, out: Path) -> None:
    """Decode a walk and write a strip, an animation or, in the units of the data, numbers."""
    decoded = decode_walk(run, walk, label)
    with whole_file(out) as place:
        if out.suffix == ".npz":
            _write_numbers(run, walk, decoded, place)
        elif out.suffix == ".gif":
            write_gif(_frames(walk, _strip(decoded)), place)
        else:
            steps = Block(walk.title, _strip(decoded), walk.columns)
            blocks = [*map(_column, walk.before), steps, *map(_column, walk.after)]
            place.write_bytes(to_png(strip_figure(blocks, walk.rows)))


def _write_numbers(run: Run, walk: Walk, decoded: Tensor, path: Path) -> None:
    x = as_stored(run, decoded)
    rows, columns = np.array(walk.rows), np.array(walk.columns)
    with path.open("wb") as file:
        np.savez_compressed(file, x=x, z=walk.codes.numpy(), rows=rows, columns=columns)


def _frames(walk: Walk, steps: Strip) -> UInt8[np.ndarray, "frames tall wide 3"]:
    """All walks one below the other, each between the samples beside it."""
    before, after = ([_column(side).tiles for side in sides] for sides in (walk.before, walk.after))
    moments = (steps[:, i : i + 1] for i in range(steps.shape[1]))
    return np.stack([mosaic(np.concatenate([*before, now, *after], axis=1)) for now in moments])


def _strip(decoded: Float[Tensor, "rows steps *shape"]) -> Strip:
    tiles = sample_pictures(decoded.flatten(0, 1).numpy())
    return tiles.reshape(*decoded.shape[:2], *tiles.shape[1:])


def _column(side: Beside) -> Block:
    return Block(side.title, sample_tiles(side.samples)[:, None], (side.name,))
