"""A trained model on test samples → measures and arrays, the same for every row.

Labels of the training samples name neighbours and clusters of test samples, after training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from nebulatent.apps.fitting.groups import aggregate_posterior
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.recipes.recipe_data import RecipeData, images, labels
from nebulatent.apps.recipes.store import pack
from nebulatent.evaluation.clustering import clustering_measures, label_measures
from nebulatent.evaluation.encode import Codes, Model, encode, evidence, reconstruct
from nebulatent.evaluation.latent import covariance, latent_measures
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.probes import probe_measures
from nebulatent.evaluation.reconstruction import reconstruction_measures
from nebulatent.latents.anchors import AnchorSet, kmeans
from nebulatent.ops.distances import squared_distances
from nebulatent.typing import Tensor

AROUND = 8  # decoded samples beside each anchor


def density_measures(
    model: Model, data: RecipeData, seed: int, label: Tensor | None = None
) -> list[Measure]:
    """ELBO and its two terms; of a model without a KL only the reconstruction."""
    parts = evidence(model, images(data.test), data.scaling.apply, label, seed)
    nll = parts["reconstruction"]
    text = "-log p(x|z) of one posterior sample, summed over a sample's values, mean over samples."
    rows = [Measure("reconstruction", nll, "lower", "nats", text, False)]
    if "kl" in parts:
        elbo = "-(reconstruction + KL), one posterior sample each, under the model's own prior."
        kl = "KL[q(z|x) || p(z)], mean over samples: the information that a code carries."
        rows += [
            Measure("ELBO", -nll - parts["kl"], "higher", "nats", elbo, False),
            Measure("KL", parts["kl"], "neither", "nats", kl, False),
        ]
    return rows


def reconstruction_rows(
    model: Model, data: RecipeData, label: Tensor | None = None
) -> list[Measure]:
    """rel, δ, SSE and their kin on the test samples."""
    pairs = reconstruct(model, images(data.test), data.scaling.apply, label)
    return reconstruction_measures(pairs, "images")


def anchor_measures(anchors: AnchorSet, z: Tensor, data: RecipeData) -> list[Measure]:
    """How nearest anchors agree with labels."""
    assign, label = anchors.assign(z).numpy(), labels(data.test)
    distances = squared_distances(z, anchors.positions.detach()).numpy()
    return [
        *clustering_measures(assign, label, anchors.num_anchors, distances=distances),
        classes_measure(_counts(assign, data, anchors.num_anchors)),
    ]


def classes_measure(counts: Int[np.ndarray, "clusters classes"]) -> Measure:
    """How many classes are the most frequent one of some cluster."""
    majority = counts[counts.sum(1) > 0].argmax(1)
    text = "Classes that are the most frequent one in at least one cluster."
    return Measure("classes named", float(len(np.unique(majority))), "higher", "", text, True)


def _counts(
    assign: Int[np.ndarray, " codes"], data: RecipeData, num_clusters: int
) -> Int[np.ndarray, "clusters classes"]:
    """Test samples of each class in each cluster."""
    counts = np.zeros((num_clusters, len(data.test.label_names)), np.int64)
    np.add.at(counts, (assign, labels(data.test)), 1)
    return counts


def kmeans_measures(
    known: Float[np.ndarray, "known values"],
    z: Float[np.ndarray, "codes values"],
    data: RecipeData,
    num_clusters: int,
    seed: int,
) -> list[Measure]:
    """How k-means of the training codes, read on the test codes, agrees with labels."""
    centres = kmeans(torch.from_numpy(known), min(num_clusters, len(known)), seed, num_starts=5)
    assign = squared_distances(torch.from_numpy(z), centres).argmin(1).numpy()
    return label_measures(assign, labels(data.test))


def on_codes(measures: Sequence[Measure]) -> list[Measure]:
    """The same measures under names of their own, for a table that has both."""
    text = " Clusters of k-means on the training codes."
    return [m._replace(name=f"k-means {m.name}", convention=m.convention + text) for m in measures]


def model_measures(
    model: torch.nn.Module, data: RecipeData, seed: int, *, num_clusters: int, conditional: bool
) -> list[Measure]:
    """All measures of a trained model.

    Arguments:
        model: A `Model`, in eval mode.
        data: Training and test samples.
        seed: Of the posterior samples and of k-means.
        num_clusters: Clusters of k-means on the codes.
        conditional: Whether the decoder must be told the class.
    """
    assert isinstance(model, Model)
    label = torch.from_numpy(labels(data.test)) if conditional else None
    codes = encode(model, images(data.test), data.scaling.apply)
    known = encode(model, images(data.train), data.scaling.apply).mean.numpy()
    z, anchors = codes.mean.numpy(), find_anchors(model)
    clusters = kmeans_measures(known, z, data, num_clusters, seed)
    return [
        *reconstruction_rows(model, data, label),
        *density_measures(model, data, seed, label),
        *latent_measures(drawn(codes, seed), z),
        *([] if anchors is None else anchor_measures(anchors, codes.mean, data)),
        *on_codes(clusters),
        *probe_measures(known, labels(data.train), z, labels(data.test), linear=False),
    ]


def drawn(codes: Codes, seed: int) -> Float[np.ndarray, "codes latent"]:
    """One draw of each sample's posterior; the code itself for a method without noise."""
    noise = torch.randn(codes.mean.shape, generator=torch.Generator().manual_seed(seed))
    return (codes.mean + noise * codes.variance.sqrt()).numpy()


def model_arrays(
    model: torch.nn.Module, data: RecipeData, seed: int, *, conditional: bool
) -> dict[str, Any]:
    """What figures show: the covariance of the codes and, with anchors, what these decode to."""
    assert isinstance(model, Model)
    codes = encode(model, images(data.test), data.scaling.apply)
    arrays: dict[str, Any] = {"covariance": covariance(drawn(codes, seed)).round(4).tolist()}
    anchors = find_anchors(model)
    if anchors is None or conditional:
        return arrays
    return arrays | _anchor_arrays(model, anchors, codes, data, seed)


def _anchor_arrays(
    model: Model, anchors: AnchorSet, codes: Codes, data: RecipeData, seed: int
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    clouds, owner = aggregate_posterior(codes, anchors), anchors.assign(codes.mean).numpy()
    with torch.no_grad():
        groups = range(1, anchors.num_anchors + 1)
        around = [model.decode(clouds.sample(group, AROUND, generator)) for group in groups]
        centre = model.decode(anchors.positions)
    tiles = torch.cat([centre[:, None], torch.stack(around)], dim=1)
    counts = _counts(owner, data, anchors.num_anchors)
    return {"anchors": pack(_bytes(tiles)), "counts": counts.tolist()}


def _bytes(x: Tensor) -> np.ndarray:
    return (255 * x.clamp(0, 1)).round().to(torch.uint8).numpy()
