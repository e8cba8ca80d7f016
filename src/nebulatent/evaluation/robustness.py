"""What damage to clouds does to features that were learned from whole ones.

A linear SVM is trained once, on the features of clean training clouds; then the test clouds are
corrupted, described again and classified. Neither the features nor the classifier learn from a
corrupted cloud. Two kinds of features are compared on the same corrupted clouds, to the bit.

| corruption | strength | in |
|---|---|---|
| jitter | standard deviation of every coordinate | radii of a cloud |
| missing points | share of points that are missing, at random | shares |
| turned about z, turned about any axis | largest angle either way | degrees |
| cut by a plane | share of points beyond it | shares |
| seen from sides | cameras that see the cloud | cameras |

Clouds have radius 1 before they are corrupted (:mod:`nebulatent.ops.cloud_corruptions`), and are
not brought back to it, unless `followed` says what is done to a corrupted cloud before it is
described: whoever turns clouds into a frame of their own has only the corrupted one to find it by.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from jaxtyping import Float, Integer

from nebulatent.data.rows import Rows
from nebulatent.evaluation.encode import Prepare, chunks
from nebulatent.evaluation.levels import Curve, Level
from nebulatent.evaluation.probes import SEED
from nebulatent.evaluation.svm import Machine
from nebulatent.ops.cloud_corruptions import (
    cut_off,
    jittered,
    seen_from_sides,
    thinned,
    turned,
    turned_about_z,
)
from nebulatent.typing import Tensor

DRAWS = 3
Describe = Callable[[Tensor], Float[np.ndarray, "clouds features"]]


class Corruption(NamedTuple):
    """A way to corrupt clouds, with strengths from mild to hard.

    Arguments:
        name: What it is called.
        unit: Of its strengths.
        apply: Clouds, generator and strength → corrupted clouds.
        strengths: Levels at which it is measured.
        after: What is done to corrupted clouds, for people.
    """

    name: str
    unit: str
    apply: Callable[[Tensor, torch.Generator, float], Tensor]
    strengths: tuple[float, ...]
    after: str = ""


CORRUPTIONS = (
    Corruption("jitter", "standard deviation, radii", jittered, (0.01, 0.02, 0.05, 0.1)),
    Corruption("missing points", "share of points", thinned, (0.25, 0.5, 0.75, 0.9)),
    Corruption("turned about z", "degrees either way", turned_about_z, (15.0, 45.0, 90.0, 180.0)),
    Corruption("turned about any axis", "degrees either way", turned, (15.0, 45.0, 90.0, 180.0)),
    Corruption("cut by a plane", "share of points", cut_off, (0.1, 0.25, 0.5, 0.75)),
    Corruption("seen from sides", "cameras", seen_from_sides, (4.0, 2.0, 1.0)),
)


def followed(corruption: Corruption, step: Prepare, after: str) -> Corruption:
    """A corruption, and what is done to the corrupted clouds.

    Arguments:
        corruption: What comes first.
        step: Corrupted clouds → clouds to describe.
        after: The same for people: "brought into the frame ...".
    """

    def apply(clouds: Tensor, generator: torch.Generator, strength: float) -> Tensor:
        return step(corruption.apply(clouds, generator, strength))

    return corruption._replace(apply=apply, after=after)


def robustness(
    machine: Machine,
    describe: Describe,
    clouds: Tensor | Rows,
    label: Integer[np.ndarray, " clouds"],
    *,
    prepare: Prepare = lambda x: x,
    corruptions: Sequence[Corruption] = CORRUPTIONS,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[Curve]:
    """Accuracy on corrupted clouds, one curve for each corruption, beginning with clean clouds.

    Arguments:
        machine: Trained on features of clean clouds.
        describe: Prepared clouds → features; the same for all numbers of points.
        clouds: Test clouds.
        label: Their classes.
        prepare: Scales clouds before they are corrupted.
        corruptions: What is done to them.
        draws: How often each is done.
        seed: Fixes the draws.

    Raises:
        ValueError: If there are no clouds, their labels are not as many, or `draws` is not
            positive.
    """
    if not len(clouds) or len(clouds) != len(label):
        raise ValueError(
            f"`clouds` must be at least one, with a label each, got {len(clouds)} clouds and "
            f"{len(label)} labels."
        )
    if draws < 1:
        raise ValueError(f"`draws` must be positive, got {draws}.")

    def accuracy(change: Prepare) -> float:
        each = (describe(change(batch.x)) for batch in chunks(clouds, prepare))
        return float((np.concatenate([machine.classify(part) for part in each]) == label).mean())

    clean = Level(None, "as they are", (accuracy(lambda x: x),))
    curves = []
    for corruption in corruptions:
        levels = [clean]
        for strength in corruption.strengths:
            values = []
            for draw in range(draws):
                generator = _generator(seed, corruption.name, strength, draw)
                values.append(accuracy(_damage(corruption, generator, strength)))
            levels.append(Level(strength, f"{strength:g}", tuple(values)))
        convention = _convention(corruption, draws)
        curves.append(Curve(corruption.name, corruption.unit, convention, tuple(levels)))
    return curves


def _damage(corruption: Corruption, generator: torch.Generator, strength: float) -> Prepare:
    return lambda x: corruption.apply(x, generator, strength)


def _generator(seed: int, name: str, strength: float, draw: int) -> torch.Generator:
    """Randomness of one draw, told apart from all others by a hash."""
    place = np.random.SeedSequence((seed, crc32(name.encode()), round(1e6 * strength), draw))
    return torch.Generator().manual_seed(int(place.generate_state(1, np.uint64)[0]))


def _convention(corruption: Corruption, draws: int) -> str:
    after = f" Corrupted clouds are {corruption.after}." if corruption.after else ""
    return (
        "Share of test clouds that a linear SVM, trained on the features of clean training clouds, "
        f"gets right after {corruption.name} ({corruption.unit}); clouds have radius 1 before."
        f"{after} Mean and standard deviation over {draws} draws of the corruption."
    )
