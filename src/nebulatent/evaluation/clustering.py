r"""How well clusters agree with labels, and how evenly the clusters are filled.

A cluster is the set of codes that share an anchor. With $n_{kc}$ the number of samples of class
$c$ in cluster $k$, and $N$ samples in all:

.. math:: \text{ACC} = \tfrac1N \max_{\pi\ \text{one-to-one}} \sum_k n_{k\,\pi(k)}, \qquad
    \text{many-to-one} = \tfrac1N \sum_k \max_c n_{kc}

The table $n_{kc}$ is kept sparse: at most one entry per sample, however many clusters and classes.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from scipy.sparse import coo_array, csr_array, eye_array, hstack
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.stats import entropy
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from nebulatent.evaluation.measures import Measure, require_finite


class Clustered(NamedTuple):
    """A set of samples with their clusters, such as the training set.

    Arguments:
        assign: Cluster of each sample.
        label: Class of each sample, if known.
        distances: From each code to each anchor, in any unit that grows with distance.
    """

    assign: Integer[np.ndarray, " codes"]
    label: Integer[np.ndarray, " codes"] | None = None
    distances: Float[np.ndarray, "codes anchors"] | None = None


def _require_codes(assign: Integer[np.ndarray, " codes"]) -> None:
    if not len(assign):
        raise ValueError("`assign` must have at least one code, got none; evaluate some samples.")


class _Table(NamedTuple):
    """Samples of each class in each cluster; only clusters and classes that occur."""

    counts: csr_array
    clusters: Integer[np.ndarray, " clusters"]
    classes: Integer[np.ndarray, " classes"]


def _table(assign: Integer[np.ndarray, " codes"], label: Integer[np.ndarray, " codes"]) -> _Table:
    clusters, row = np.unique(assign, return_inverse=True)
    classes, column = np.unique(label, return_inverse=True)
    shape = (len(clusters), len(classes))
    # Entries at the same place add up.
    counts = coo_array((np.ones(len(assign)), (row, column)), shape=shape).tocsr()
    return _Table(counts, clusters, classes)


def _occupancy(
    assign: Integer[np.ndarray, " codes"], num_anchors: int
) -> Integer[np.ndarray, " anchors"]:
    _require_codes(assign)
    low, high = int(assign.min()), int(assign.max())
    if low < 0 or high >= num_anchors:
        raise ValueError(
            f"`assign` must lie between 0 and num_anchors - 1 = {num_anchors - 1}, got values "
            f"from {low} to {high}."
        )
    return np.bincount(assign, minlength=num_anchors)


def anchors_in_use(assign: Integer[np.ndarray, " codes"], num_anchors: int) -> int:
    """Number of anchors with at least one sample.

    Raises:
        ValueError: If there is no sample or an index is not that of an anchor.
    """
    return int((_occupancy(assign, num_anchors) > 0).sum())


def perplexity(assign: Integer[np.ndarray, " codes"], num_anchors: int) -> float:
    """Exponential of the entropy of the anchors' shares: 1 to `num_anchors`.

    Raises:
        ValueError: If there is no sample or an index is not that of an anchor.
    """
    return float(np.exp(entropy(_occupancy(assign, num_anchors))))


def matched_accuracy(
    assign: Integer[np.ndarray, " codes"], label: Integer[np.ndarray, " codes"]
) -> float:
    """Share of samples right when each cluster stands for at most one class and vice versa (ACC).

    The best such matching is found exactly (Hungarian). With more clusters than classes, the
    samples of the clusters left over are wrong. Only which samples share a value matters, not the
    values.

    Raises:
        ValueError: If there is no sample.

    Examples:
        >>> matched_accuracy(np.array([7, 7, 3, 3, 5]), np.array([0, 0, 1, 1, 1]))
        0.8
    """
    _require_codes(assign)
    table, clusters, _ = _table(assign, label)
    # One more column per cluster, "no class", makes a matching of every cluster exist. All
    # entries are one higher than their worth, for the solver takes a zero as a missing edge.
    table.data += 1
    padded = csr_array(hstack([table, eye_array(len(clusters))]))
    rows, columns = min_weight_full_bipartite_matching(padded, maximize=True)
    return float((padded[rows, columns].sum() - len(clusters)) / len(assign))


def majority_accuracy(
    assign: Integer[np.ndarray, " codes"],
    label: Integer[np.ndarray, " codes"],
    *,
    fit_assign: Integer[np.ndarray, " fitted"] | None = None,
    fit_label: Integer[np.ndarray, " fitted"] | None = None,
) -> float:
    """Share of samples right when each cluster takes its most frequent class (many-to-one).

    Several clusters may take the same class, so this rises with the number of clusters and is 1
    when each sample is its own cluster. It is also the purity of the clusters.

    Arguments:
        assign: Cluster of each sample.
        label: Class of each sample.
        fit_assign: Clusters from which the classes are read; those of `assign` if missing. A
            cluster that is empty there has no class: its samples are wrong.
        fit_label: Classes that belong to `fit_assign`.

    Raises:
        ValueError: If there is no sample, or only one of `fit_assign` and `fit_label` is given.

    Examples:
        >>> majority_accuracy(np.array([7, 7, 3, 3, 5]), np.array([0, 0, 1, 1, 1]))
        1.0
    """
    fit_assign, fit_label = _fitted((assign, label), (fit_assign, fit_label), "assign")
    _require_codes(assign)
    _require_codes(fit_assign)
    table = _table(fit_assign, fit_label)
    majority = table.classes[table.counts.argmax(1)]
    row = np.searchsorted(table.clusters, assign).clip(max=len(table.clusters) - 1)
    return float(((table.clusters[row] == assign) & (majority[row] == label)).mean())


def nearest_sample_accuracy(
    distances: Float[np.ndarray, "codes anchors"],
    label: Integer[np.ndarray, " codes"],
    *,
    fit_distances: Float[np.ndarray, "fitted anchors"] | None = None,
    fit_label: Integer[np.ndarray, " fitted"] | None = None,
) -> float:
    """Share of samples right when each anchor takes the class of the sample nearest to it.

    Source: Makhzani et al., Adversarial Autoencoders, 2015, section 5; the rule of GMVAE
        (Dilokthanakul et al. 2016), beside which Wang et al., TPAMI 2022, print theirs (Table 3).

    Arguments:
        distances: From each code to each anchor, in any unit that grows with distance.
        label: Class of each sample.
        fit_distances: Of the samples that name the anchors; `distances` if missing.
        fit_label: Classes that belong to `fit_distances`.

    Raises:
        ValueError: If there is no distance, one is not finite, or only one of `fit_distances` and
            `fit_label` is given.

    Examples:
        >>> distances = np.array([[0.1, 9.0], [2.0, 8.0], [9.0, 0.2]])
        >>> nearest_sample_accuracy(distances, np.array([4, 4, 6]))
        1.0
    """
    given = (fit_distances, fit_label)
    fit_distances, fit_label = _fitted((distances, label), given, "distances")
    require_finite("distances", distances)
    require_finite("fit_distances", fit_distances)
    named = fit_label[fit_distances.argmin(0)]
    return float((named[distances.argmin(1)] == label).mean())


def _fitted(
    own: tuple[np.ndarray, np.ndarray],
    fit: tuple[np.ndarray | None, np.ndarray | None],
    name: str,
) -> tuple[np.ndarray, np.ndarray]:
    values, label = fit
    if values is not None and label is not None:
        return values, label
    if values is not None or label is not None:
        raise ValueError(f"`fit_{name}` and `fit_label` must be given together, got one of them.")
    return own


def usage_measures(assign: Integer[np.ndarray, " codes"], num_anchors: int) -> list[Measure]:
    """Anchors in use and their perplexity; labels are not needed."""
    in_use = (
        f"Clusters that hold at least one of the {len(assign)} samples, of {num_anchors} there are."
    )
    evenness = (
        "Exponential of the entropy of the clusters' shares of samples: 1 if one holds all, "
        f"{num_anchors} if all hold equally many."
    )
    used = float(anchors_in_use(assign, num_anchors))
    return [
        Measure("anchors in use", used, "higher", "", in_use, False),
        Measure("perplexity", perplexity(assign, num_anchors), "neither", "", evenness, False),
    ]


ACC = (
    "Share of samples whose class is that of their cluster, clusters and classes matched one to "
    "one in the best way (Hungarian)."
)
MANY_TO_ONE = (
    "Share of samples whose class is the most frequent one in their cluster; rises with the number "
    "of clusters."
)
MANY_TO_ONE_FITTED = (
    "Share of samples whose class is the most frequent one in their cluster on the training set."
)
NEAREST_SAMPLE = (
    "Share of samples whose class is that of the one sample nearest to their cluster's centre."
)
NEAREST_SAMPLE_FITTED = (
    "Share of samples whose class is that of the one training sample nearest to their cluster's "
    "centre."
)
NMI = (
    "Mutual information of cluster and class, divided by the mean of their entropies: 0 to 1; "
    "rises with the number of clusters."
)
ARI = "Rand index of cluster and class, adjusted for chance: 0 for random clusters, 1 if equal."


def _score(name: str, value: float, convention: str) -> Measure:
    return Measure(name, float(value), "higher", "", convention, True)


def label_measures(
    assign: Integer[np.ndarray, " codes"],
    label: Integer[np.ndarray, " codes"],
    distances: Float[np.ndarray, "codes anchors"] | None = None,
) -> list[Measure]:
    """ACC, many-to-one, NMI, ARI, and the nearest-sample rule if there are distances."""
    measures = [
        _score("ACC", matched_accuracy(assign, label), ACC),
        _score("many-to-one", majority_accuracy(assign, label), MANY_TO_ONE),
        _score("NMI", normalized_mutual_info_score(label, assign), NMI),
        _score("ARI", adjusted_rand_score(label, assign), ARI),
    ]
    if distances is not None:
        value = nearest_sample_accuracy(distances, label)
        measures.append(_score("nearest sample", value, NEAREST_SAMPLE))
    return measures


def transfer_measures(test: Clustered, train: Clustered) -> list[Measure]:
    """Many-to-one and nearest-sample accuracy on `test`, the classes read from `train`."""
    if test.label is None or train.label is None:
        return []
    value = majority_accuracy(
        test.assign, test.label, fit_assign=train.assign, fit_label=train.label
    )
    measures = [_score("many-to-one (train)", value, MANY_TO_ONE_FITTED)]
    if test.distances is not None and train.distances is not None:
        value = nearest_sample_accuracy(
            test.distances, test.label, fit_distances=train.distances, fit_label=train.label
        )
        measures.append(_score("nearest sample (train)", value, NEAREST_SAMPLE_FITTED))
    return measures


def clustering_measures(
    assign: Integer[np.ndarray, " codes"],
    label: Integer[np.ndarray, " codes"] | None,
    num_anchors: int,
    *,
    distances: Float[np.ndarray, "codes anchors"] | None = None,
    train: Clustered | None = None,
) -> list[Measure]:
    """All measures of a clustering that its inputs allow.

    Arguments:
        assign: Cluster of each sample, 0 to `num_anchors` - 1.
        label: Class of each sample; without it only the use of the anchors is measured.
        num_anchors: Number of anchors, or of clusters for a method without anchors.
        distances: From each code to each anchor or cluster centre.
        train: The training set's clusters, to name clusters by other samples than those tested.

    Raises:
        ValueError: If there is no sample, an index is not that of an anchor, or a distance is not
            finite.
    """
    measures = usage_measures(assign, num_anchors)
    if label is not None:
        measures += label_measures(assign, label, distances)
    if train is not None:
        measures += transfer_measures(Clustered(assign, label, distances), train)
    return measures
