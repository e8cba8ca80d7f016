"""All numbers of a run on some data, and the trivial baselines they must be read beside.

The baselines see the same samples: k-means on the raw (scaled) data, or for clouds of points, whose
coordinates have no order, on the distances between their points; and the run's own network with its
weights as drawn. Labels are used here and only here, and only where the data have them.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from nebulatent.apps.completing import completed_measures, trivial_measures
from nebulatent.apps.pictures.mixture_figures import mixture_measures
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.planning.cloud_plan import COUNTED
from nebulatent.apps.raw_values import raw_values
from nebulatent.apps.runs.inputs import (
    condition,
    encoder_input,
    read_like,
    target,
    with_label_names,
)
from nebulatent.apps.runs.runs import Run, decoding
from nebulatent.apps.runs.untrained import untrained_encoder
from nebulatent.data.table import NO_SPLIT, Split, Table
from nebulatent.evaluation.clouds import cloud_measures, strangers
from nebulatent.evaluation.clustering import clustering_measures, label_measures
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.encode import Codes, Model, encode, evidence, reconstruct
from nebulatent.evaluation.latent import latent_measures
from nebulatent.evaluation.measures import Measure, to_json
from nebulatent.evaluation.probes import MAX_TRAIN, probe_measures, single_set_measures
from nebulatent.evaluation.reconstruction import reconstruction_measures
from nebulatent.evaluation.voxels import voxel_measures
from nebulatent.latents.anchors import kmeans
from nebulatent.ops.distances import squared_distances
from nebulatent.typing import Tensor

STRANGERS = 200  # clouds whose distance from one another is the scale of a reconstruction's
MAX_LINEAR = 256  # components of a representation that a linear probe still fits in seconds

LOG_LIKELIHOOD = (
    "-log p(x|z) of one posterior sample, summed over a sample's values, averaged over samples"
)
CHAMFER_NATS = (
    f"A Chamfer distance as nats at the learned noise level, a cloud counting as {COUNTED} points, "
    "of one posterior sample, averaged over samples; not the likelihood of a density"
)
WEIGHTED_NATS = (
    "A cross-entropy in which filled and empty cells weigh differently, summed over a grid, of one "
    "posterior sample, averaged over samples; it has no normaliser"
)
HOW = {"chamfer": CHAMFER_NATS, "weighted": WEIGHTED_NATS}
NO_BOUND = "; with a Chamfer distance it bounds no density and compares runs on the same data only"
NO_NORMALISER = (
    "; with a weighted cross-entropy it bounds no density and compares runs with the same weights "
    "on the same data only"
)
BOUND = {"chamfer": NO_BOUND, "weighted": NO_NORMALISER}


class Evaluated(NamedTuple):
    """Data to measure on, and other labelled data of the same kind for probes to learn from."""

    table: Table
    reference: Table | None = None


class Assessment(NamedTuple):
    """A run's own measures, those of each baseline, and if it reads them, those from pictures."""

    own: list[Measure]
    baselines: Mapping[str, list[Measure]]
    pictures: "Assessment | None" = None

    def to_json(self) -> dict[str, object]:
        """Plain values by name."""
        found: dict[str, object] = {
            "measures": to_json(self.own),
            "baselines": {name: to_json(rows) for name, rows in self.baselines.items()},
        }
        return found if self.pictures is None else {**found, "pictures": self.pictures.to_json()}


def data_for(run: Run, data: str, split: Split) -> Evaluated:
    """Data at a path for a run, with their official training part as reference if they have one."""
    table = read_like(run, data, split)
    if split != "test" or NO_SPLIT in table.found:
        return Evaluated(table)
    reference = read_like(run, data, "train")
    names = sorted({*table.label_names, *reference.label_names})
    return Evaluated(with_label_names(table, names), with_label_names(reference, names))


def evaluation_data(run: Run) -> Evaluated:
    """The official test part of a run's data, or the training data if there is none."""
    record = run.config.data
    if record.split == "train":
        try:
            return data_for(run, record.path, "test")
        except FileNotFoundError:
            pass  # a folder with a training part only
    return Evaluated(read_like(run, record.path, record.split))


def assess_run(run: Run, data: Evaluated, *, baselines: bool = True) -> Assessment:
    """Measure a run on some data."""
    table, reference = data
    codes = _codes(run, run.model, table)
    known = None if reference is None else _codes(run, run.model, reference).mean.numpy()
    own = [
        *_rebuilt(run, table),
        *mixture_measures(run, table),
        *_anchors(run, codes.mean, table),
        *_representation(run, codes.mean.numpy(), known, data),
        *_latent(run, codes),
    ]
    beside = _baselines(run, data) if baselines and _labelled(table) else {}
    if baselines and run.config.model.completion is not None:
        pairs = None if reference is None else _few(reference)
        beside = {**trivial_measures(table, pairs), **beside}
    return Assessment(own, beside)


def _rebuilt(run: Run, table: Table) -> list[Measure]:
    """What says how well samples are rebuilt, or completed."""
    if run.config.model.completion is not None:
        return completed_measures(run, table)
    return [*_reconstruction(run, table), *_density(run, table)] if run.config.model.decodes else []


def _labelled(table: Table) -> bool:
    """Whether labels can tell anything: two classes or more."""
    return table.label is not None and len(np.unique(table.label)) > 1


def _codes(run: Run, model: torch.nn.Module, table: Table) -> Codes:
    x = encoder_input(run.config.model, table)
    return encode(model, x, run.config.scaling.apply)  # pyright: ignore[reportArgumentType]


def _measurable(run: Run) -> Model:
    model = decoding(run)
    assert isinstance(model, Model)  # those without an ELBO complete, and are measured by that
    return model


def _reconstruction(run: Run, table: Table) -> list[Measure]:
    model, label = run.config.model, condition(run, table)
    x, y = encoder_input(model, table), target(model, table)
    pairs = reconstruct(_measurable(run), x, run.config.scaling.apply, label, y)
    if table.kind == "voxels":
        return voxel_measures(pairs)
    if table.kind != "points":
        return reconstruction_measures(pairs, table.kind)
    order = np.random.default_rng(0).permutation(table.num_samples)[:STRANGERS]
    others = run.config.scaling.apply(torch.from_numpy(table.x[order]))
    return [*cloud_measures(pairs), *strangers(others)]


def _density(run: Run, table: Table) -> list[Measure]:
    model, label = run.config.model, condition(run, table)
    x, y = encoder_input(model, table), target(model, table)
    parts = evidence(_measurable(run), x, run.config.scaling.apply, label, run.config.fit.seed, y)
    nll = parts["reconstruction"]
    likelihood = model.likelihood
    how = HOW.get(likelihood, LOG_LIKELIHOOD)
    rows = [Measure("reconstruction", nll, "lower", "nats", how, False)]
    if "kl" not in parts:
        return rows
    prior = "the anchor mixture" if run.config.model.prior == "anchors" else "N(0, I)"
    return [
        Measure(
            "ELBO",
            -nll - parts["kl"],
            "higher",
            "nats",
            f"-(reconstruction + KL), one posterior sample per sample, under {prior} with beta 1"
            + BOUND.get(likelihood, ""),
            False,
        ),
        *rows,
        Measure(
            "KL",
            parts["kl"],
            "neither",
            "nats",
            f"KL[q(z|x) || {prior}], averaged over samples: the information a code carries",
            False,
        ),
    ]


def _anchors(run: Run, z: Tensor, table: Table) -> list[Measure]:
    anchors = find_anchors(run.model)
    if anchors is None:
        return []
    assign = anchors.assign(z).numpy()
    distances = squared_distances(z, anchors.positions.detach()).numpy()
    label = table.label if _labelled(table) else None
    return clustering_measures(assign, label, anchors.num_anchors, distances=distances)


def _representation(
    run: Run,
    z: Float[np.ndarray, "codes latent"],
    known: Float[np.ndarray, "known latent"] | None,
    data: Evaluated,
) -> list[Measure]:
    """What labels say of a representation: k-means on it, and probes."""
    label = data.table.label
    if label is None or not _labelled(data.table):
        return []
    assign = kmeans_assign(z, z if known is None else known, run)
    clusters = [m._replace(name=f"k-means {m.name}") for m in label_measures(assign, label)]
    reference = data.reference
    if known is None or reference is None or reference.label is None:
        return [*clusters, *single_set_measures(z, label)]
    linear = z.shape[1] <= MAX_LINEAR
    return [*clusters, *probe_measures(known, reference.label, z, label, linear=linear)]


def kmeans_assign(
    z: Float[np.ndarray, "codes latent"], known: Float[np.ndarray, "known latent"], run: Run
) -> Int[np.ndarray, " codes"]:
    """Nearest of the k-means centres of other codes, as many as the run has anchors."""
    count = min(run.config.model.num_anchors, len(known))
    centres = kmeans(torch.from_numpy(known), count, run.config.fit.seed, num_starts=5)
    return squared_distances(torch.from_numpy(z), centres).argmin(1).numpy()


def _latent(run: Run, codes: Codes) -> list[Measure]:
    generator = torch.Generator().manual_seed(run.config.fit.seed)
    noise = torch.randn(codes.mean.shape, generator=generator)
    z = codes.mean + noise * codes.variance.sqrt()
    return latent_measures(z.numpy(), codes.mean.numpy())


def _baselines(run: Run, data: Evaluated) -> dict[str, list[Measure]]:
    untrained = untrained_encoder(run, data.table if data.reference is None else data.reference)
    known = None
    if data.reference is not None:
        known = _codes(run, untrained, data.reference).mean.numpy()
    codes = _codes(run, untrained, data.table).mean.numpy()
    few = None if data.reference is None else _few(data.reference)
    shown = data.table if isinstance(data.table.x, np.ndarray) else _few(data.table)
    return {
        "untrained encoder": _representation(run, codes, known, data),
        "D2 distribution" if data.table.kind == "points" else "raw data": _representation(
            run,
            _raw(run, shown),
            None if few is None else _raw(run, few),
            Evaluated(shown, few),
        ),
    }


def _few(table: Table) -> Table:
    """At most as many rows as the probes use: raw data are held as floats, and in memory."""
    if table.num_samples <= MAX_TRAIN:
        return table
    return table.take(np.random.default_rng(0).permutation(table.num_samples)[:MAX_TRAIN])


def _raw(run: Run, table: Table) -> Float[np.ndarray, "samples values"]:
    if table.kind == "points":
        return d2_distribution(table.x)
    return raw_values(run, table)
