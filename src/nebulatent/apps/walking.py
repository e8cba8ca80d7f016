"""Walks in the latent of a run, decoded: between samples, along a component, by what examples say.

A walk is rows of codes with a name for each row and column, and the samples it began and ended
with; :mod:`nebulatent.apps.walk_files` writes it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nebulatent.apps.collection import Collection, code_of_sample
from nebulatent.apps.runs.runs import Run
from nebulatent.apps.sampling import decode
from nebulatent.ops.latent_walks import (
    direction,
    interpolate,
    interpolate_spherically,
    move_along,
    traverse,
)
from nebulatent.typing import Float, Tensor

AT_ONCE = 256  # codes decoded at a time

Samples = list[Float[Tensor, "1 *shape"]]


class Beside(NamedTuple):
    """Samples beside a walk, one for each row; of other sizes than decoded ones, if clouds."""

    title: str
    samples: Samples
    name: str = ""


class Walk(NamedTuple):
    """Codes to decode.

    Arguments:
        codes: Each row is one walk.
        title: What is done.
        rows: Name of each walk.
        columns: Name of each step.
        before: What is shown at the left.
        after: What is shown at the right.
    """

    codes: Float[Tensor, "rows steps latent"]
    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    before: Sequence[Beside] = ()
    after: Sequence[Beside] = ()


def codes_of(run: Run, samples: Samples) -> Float[Tensor, "codes latent"]:
    """Posterior means, one sample at a time, for clouds may differ in their points."""
    return torch.cat([code_of_sample(run, sample) for sample in samples])


def between(
    collection: Collection,
    starts: Sequence[str],
    ends: Sequence[str],
    steps: int,
    *,
    spherical: bool,
) -> Walk:
    """From samples to samples, one row for each pair.

    Raises:
        ValueError: If there are not as many ends as starts.
    """
    if len(starts) != len(ends):
        raise ValueError(
            f"`--to` must name as many samples as --from ({len(starts)}), got {len(ends)}."
        )
    run, first, last = collection.run, collection.take(starts), collection.take(ends)
    a, b, t = codes_of(run, first), codes_of(run, last), torch.linspace(0, 1, steps)
    path = interpolate_spherically(a, b, t, _centre(run)) if spherical else interpolate(a, b, t)
    return Walk(
        path,
        "on an arc" if spherical else "on a straight line",
        [f"{_last(start)} → {_last(end)}" for start, end in zip(starts, ends, strict=True)],
        [f"{place:.2g}" for place in t.tolist()],
        (Beside("from", first),),
        (Beside("to", last),),
    )


def _last(name: str) -> str:
    """The part of a sample's name that tells it from others of its folder."""
    return name.rpartition("/")[2]


def _centre(run: Run) -> Float[Tensor, " latent"]:
    """The mean of the prior N(0, I), or of the codes where the prior is another or none."""
    mean = run.aggregate.mean[0]
    return torch.zeros_like(mean) if run.config.model.has_prior else mean


def along_dimensions(
    collection: Collection,
    start: Sequence[str],
    dimensions: Sequence[int],
    steps: int,
    *,
    reach: float,
) -> Walk:
    """One component after the other over the spread of its codes, one row each.

    Arguments:
        collection: Where the start is found.
        start: The sample whose other components stay; none for the mean of all codes.
        dimensions: Components, from 0.
        steps: Values of each.
        reach: How far from the component's mean, in standard deviations of its codes.
    """
    run = collection.run
    mean, deviation = run.aggregate.mean[0], run.aggregate.factor[0].norm(dim=1)
    samples = collection.take(start)
    z = codes_of(run, samples) if samples else mean.unsqueeze(0)
    places = torch.linspace(-reach, reach, steps)
    paths = []
    for dimension in dimensions:
        _check_dimension(dimension, len(mean))
        paths.append(traverse(z, dimension, mean[dimension] + places * deviation[dimension]))
    return Walk(
        torch.cat(paths),
        "one component, in standard deviations from its mean",
        [f"component {dimension}" for dimension in dimensions],
        [_signed(place) for place in places.tolist()],
        (Beside("sample", samples * len(dimensions)),) if samples else (),
    )


def _signed(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−") if abs(value) > 1e-6 else "0"


def _check_dimension(dimension: int, latent: int) -> None:
    if not 0 <= dimension < latent:
        raise ValueError(f"`--dimension` must lie in 0..{latent - 1}, got {dimension}.")


def by_examples(
    collection: Collection,
    starts: Sequence[str],
    examples: tuple[Sequence[str], Sequence[str]],
    steps: int,
    *,
    strength: float,
) -> Walk:
    """Samples plus what the first examples have more of than the second, one row a sample.

    Arguments:
        collection: Where samples are found.
        starts: What is changed.
        examples: Samples to add and samples to take away; of several, the mean.
        steps: From 0 to `strength`.
        strength: How much of the difference is added in the end.
    """
    run, samples = collection.run, collection.take(starts)
    shown = [collection.take(names) for names in examples]
    step = direction(*(codes_of(run, group) for group in shown))
    strengths = torch.linspace(0, strength, steps)
    beside = [
        Beside(title, group[:1] * len(starts), f"1 of {len(group)}" if len(group) > 1 else "")
        for title, group in zip(("plus", "minus"), shown, strict=True)
    ]
    return Walk(
        move_along(codes_of(run, samples), step, strengths),
        "times the difference",
        [_last(start) for start in starts],
        [f"{place:.2g}" for place in strengths.tolist()],
        (Beside("sample", samples), *beside),
    )


def decode_walk(run: Run, walk: Walk, label: int | None) -> Float[Tensor, "rows steps *shape"]:
    """Expected data of all codes, scaled as the model sees data."""
    if run.config.model.host == "cvae" and label is None:
        raise ValueError("`--label` must be given for a conditional model, got none.")
    parts = [decode(run, z, label) for z in walk.codes.flatten(0, 1).split(AT_ONCE)]
    return torch.cat(parts).unflatten(0, walk.codes.shape[:2])
