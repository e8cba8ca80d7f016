"""All that one trained run contributes to a report, as plain arrays.

Whoever trained fills a :class:`RunFigures`; plots, map and report only read it. It knows no model,
so that a report can be rebuilt from files, and so that a test needs no training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nebulatent.data.table import Kind
from nebulatent.evaluation.measures import Measure

History = Sequence[Mapping[str, float]]


class Earlier(NamedTuple):
    """A stage of training before the last one.

    Arguments:
        title: What it is called.
        how: What happened in it, for people; HTML, no user's text.
        histories: Rows of its trainings, by name if there are several.
    """

    title: str
    how: str
    histories: Mapping[str, History]


class Mixtures(NamedTuple):
    """Clouds divided among Gaussians.

    Arguments:
        part: Gaussian of each point.
        surface: Points of the ellipsoids at one standard deviation.
        owner: Gaussian of each of these points.
    """

    part: Int[np.ndarray, "samples points"]
    surface: Float[np.ndarray, "samples many 3"]
    owner: Int[np.ndarray, "samples many"]


class PointDistances(NamedTuple):
    """How far the points of clouds are from one of them.

    Arguments:
        picked: Number of that point in each cloud.
        space: Distance of each point from it by place.
        features: The same by the network's features of points.
    """

    picked: Int[np.ndarray, " samples"]
    space: Float[np.ndarray, "samples points"]
    features: Float[np.ndarray, "samples points"]


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """One run: what was trained, how training went, and what the latent space looks like.

    `x` and everything decoded share one scale: images (n, channels, height, width) in [0, 1],
    vectors (n, features), clouds (n, points, 3), grids (n, 1, x, y, z) of probabilities. Rows of
    `codes`, `x`, `assign`, `label` and `ids` are the same samples.

    Arguments:
        name: Short name of the run, unique in a report ("NVC-ML").
        summary: What was trained, as name and value (data, encoder, latent size, epochs, seed).
        found: Sentences about the data.
        history: One row per epoch of the last stage of training: "epoch" and the unweighted mean
            of every term; a term that begins after a warm-up is missing from the earlier rows.
        measures: Results of the evaluation.
        kind: What a sample is.
        codes: Code of each sample (the posterior mean).
        anchors: Positions of the anchors, or None for a method without.
        assign: Index of each code's nearest anchor.
        label: Class of each sample, or None; only ever used to look at the result.
        label_names: Name of each class; may be empty.
        ids: Name of each sample.
        x: The samples themselves.
        recon: Reconstructions of the first rows of `x`.
        anchor_decoded: What the decoder makes of each anchor.
        anchor_samples: Decoded samples around each anchor.
        anchor_nearest: The real samples nearest to each anchor.
        covariance: Covariance of the codes, sampled from the posterior.
        earlier: Stages of training before that of `history`.
        parts: Part of each point of the clouds that are rebuilt, where the data say; only ever
            used to look at the result.
        mixtures: What a method that divides clouds made of the first ones.
        distances: How far their points are from one another, for such a method.
        surfaces: Pictures of the surfaces of equal density of the first mixtures.
        solids: Such surfaces of the clouds that can be turned, as points and triangles, coarser.
        views: Pictures of the samples that are rebuilt, where the model reads such.
        recon_views: What is rebuilt from these pictures, where `recon` is from the samples.
        whole: Of samples that are parts of grids, the first whole ones; `recon` completes these.

    Raises:
        ValueError: If there are no codes, they are not finite, or lengths disagree.
    """

    name: str
    summary: Mapping[str, str]
    found: tuple[str, ...]
    history: History
    measures: Sequence[Measure]
    kind: Kind
    codes: Float[np.ndarray, "codes latent"]
    anchors: Float[np.ndarray, "anchors latent"] | None
    assign: Int[np.ndarray, " codes"] | None
    label: Int[np.ndarray, " codes"] | None
    label_names: tuple[str, ...]
    ids: Sequence[str]
    x: Float[np.ndarray, "codes ..."]
    recon: Float[np.ndarray, "samples ..."]
    anchor_decoded: Float[np.ndarray, "anchors ..."] | None
    anchor_samples: Float[np.ndarray, "anchors samples ..."] | None
    anchor_nearest: Float[np.ndarray, "anchors samples ..."] | None
    covariance: Float[np.ndarray, "latent latent"]
    earlier: Sequence[Earlier] = ()
    parts: Int[np.ndarray, "samples points"] | None = None
    mixtures: Mixtures | None = None
    distances: PointDistances | None = None
    surfaces: Float[np.ndarray, "samples 3 side side"] | None = None
    solids: Sequence[tuple[np.ndarray, np.ndarray]] | None = None
    views: Float[np.ndarray, "samples views channels height width"] | None = None
    recon_views: Float[np.ndarray, "samples ..."] | None = None
    whole: Float[np.ndarray, "samples 1 x y z"] | None = None

    def __post_init__(self) -> None:
        if not len(self.codes) or not np.isfinite(self.codes).all():
            raise ValueError(
                f"`codes` must be finite and at least one, got {len(self.codes)} codes of "
                f"run {self.name!r}, some NaN or infinite if not none; check the encoder."
            )
        for field in ("assign", "label", "ids", "x"):
            rows = getattr(self, field)
            if rows is not None and len(rows) != len(self.codes):
                raise ValueError(
                    f"`{field}` must have one row per code, got {len(rows)} rows for "
                    f"{len(self.codes)} codes in run {self.name!r}."
                )
        if (self.anchors is None) != (self.assign is None):
            raise ValueError(
                f"`anchors` and `assign` must be given together, got one of them in {self.name!r}."
            )
