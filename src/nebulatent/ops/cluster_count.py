r"""How many clusters? As many as independent members find again, each of them, and no more.

For each candidate number k the over-clusters of all members are merged into k groups at once
(:mod:`nebulatent.ops.consensus`), so that group i means the same in every member. Member a then has
the set :math:`G_i^a` of samples in group i, and

.. math:: J_i = \operatorname{mean}_{a \ne b} \frac{|G_i^a \cap G_i^b|}{|G_i^a \cup G_i^b|}, \qquad
    s(k) = \min_i J_i

A boundary that is in the data is drawn by every member in the same place; one that is not is drawn
where the member's own over-clusters happen to end, and the groups on its two sides agree badly.
Fewer groups than there are agree as well, so that s alone prefers few: the answer is the *largest*
k at which every group is found again, :math:`s(k) \ge 0.85`.

Source: Hennig, Cluster-wise assessment of cluster stability, Computational Statistics & Data
    Analysis 52, 2007 (the Jaccard coefficient of each cluster; those of 0.85 and more are called
    highly stable in the documentation of his `fpc::clusterboot`). The largest k whose worst cluster
    passes is the rule of Tibshirani & Walther, Cluster validation by prediction strength, JCGS
    2005, with another coefficient.
Our reading: members are independent models of the same samples, where Hennig has resampled data.
Valid when: members cut a cluster differently, as a handful of over-clusters for each do. Very
    many small ones can draw any boundary, also one that chance has put into the samples, and
    members that started alike agree on what is not there; both find too many clusters.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nebulatent.ops.consensus import merge_members
from nebulatent.typing import Float, Int, Tensor

STABLE = 0.85
STARTS = 8  # random starts of each merge; there are many


class ClusterCount(NamedTuple):
    """A number of clusters, and what spoke for it.

    Arguments:
        number: The largest candidate whose groups are all stable; if there is none, the candidate
            of highest stability.
        candidates: Numbers that were tried.
        stability: The Jaccard coefficient of the worst group, for each candidate.
        information: Mutual information of the merged table in nats, for each candidate.
    """

    number: int
    candidates: Int[Tensor, " candidates"]
    stability: Float[Tensor, " candidates"]
    information: Float[Tensor, " candidates"]


def count_clusters(
    members: Sequence[Int[Tensor, " samples"]],
    neighbours: Int[Tensor, "samples k"],
    *,
    most: int = 30,
    stable: float = STABLE,
    seed: int = 0,
) -> ClusterCount:
    """The largest number of groups that all members find again.

    Arguments:
        members: Over-cluster of each sample, by each member; two members at least.
        neighbours: Rows of the neighbours of each sample, the nearest first.
        most: Largest candidate; fewer, if there are fewer over-clusters than twice that.
        stable: Jaccard coefficient from which a group counts as found again.
        seed: Fixes the search for each partition.

    Raises:
        ValueError: If there are fewer than two members, a member has fewer than four over-clusters
            in use, or an option is out of its range.
    """
    if len(members) < 2:
        raise ValueError(
            f"`members` must be two at least, for their agreement is the criterion, got "
            f"{len(members)}."
        )
    if most < 2:
        raise ValueError(f"`most` must be at least 2, got {most}.")
    if not 0 < stable <= 1:
        raise ValueError(f"`stable` must be in (0, 1], got {stable}.")
    used = min(len(member.unique()) for member in members)
    if used < 4:
        raise ValueError(
            f"`members` must have four over-clusters in use at least, got a member with {used}; "
            f"use more over-clusters, or train longer."
        )
    candidates = range(2, min(most, used // 2) + 1)
    stability, information = [], []
    for number in candidates:
        merged = merge_members(members, neighbours, number, seed=seed, num_starts=STARTS)
        stability.append(float(found_again(merged.own, number).min()))
        information.append(merged.information)
    scores = torch.tensor(stability, dtype=torch.double)
    passed = [k for k, score in zip(candidates, stability, strict=True) if score >= stable]
    number = passed[-1] if passed else candidates[int(scores.argmax())]
    return ClusterCount(
        number, torch.tensor(candidates), scores, torch.tensor(information, dtype=torch.double)
    )


def found_again(
    groups: Int[Tensor, "members samples"], num_groups: int
) -> Float[Tensor, " groups"]:
    """Mean Jaccard coefficient of each group over all pairs of members.

    A group that neither of two members has counts as lost.

    Examples:
        >>> found_again(torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]]), 2)
        tensor([0.6667, 0.5000], dtype=torch.float64)
    """
    found = []
    for a in range(len(groups)):
        for b in range(a):
            pair = groups[a] * num_groups + groups[b]
            table = torch.bincount(pair, minlength=num_groups**2).view(num_groups, num_groups)
            both = table.diagonal().double()
            found.append(both / (table.sum(0) + table.sum(1) - both).clamp_min(1))
    return torch.stack(found).mean(0)
