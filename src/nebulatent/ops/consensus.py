r"""Groups that several over-clusterings of the same samples agree on.

Every over-cluster of every member is a node. Two nodes occur together as often as an edge leads
from a sample of the one to a sample of the other: within a member the edges to neighbours, between
members also the edge of a sample to itself. One partition of all nodes (`merge_clusters`) then
aligns the members and merges their clusters at once; each member has a vote on each sample, and a
sample hears its neighbours' votes.

Neighbours say nothing of an island, a handful of samples that have all their neighbours among
themselves (one way of writing a one, say): nearly no edge leaves it, and the mutual information
lets it join whichever group is too small. So the nodes are merged twice. The first time there are
twice as many groups as wanted, blocks; the second time an edge in five is one to a *stranger*, one
of the nearest samples outside the block.

Our reading: instead of merging each member alone and matching the results afterwards, as in cluster
    ensembles (Strehl & Ghosh, JMLR 2002), the partition itself has to agree across members.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nebulatent.ops.neighbours import edge_table, nearest_strangers
from nebulatent.ops.partitions import information, merge_clusters
from nebulatent.typing import Float, Int, Tensor

NEAR = 10  # neighbours whose votes a sample hears
OWN = 2.0  # how many neighbours' votes a sample's own count for
BLOCKS = 2  # blocks for each group
STRANGERS = 5  # strangers of a sample
STARTS = 20  # random starts of a merge
FAR = 0.2  # share of the edges to strangers
ASKED = 10_000  # samples whose strangers are looked for, at most


class Consensus(NamedTuple):
    """Groups of samples, and how sure they are.

    Arguments:
        group: Group of each sample.
        agreement: Share of samples of each member whose own group is the consensus.
        information: Mutual information of the merged table, in nats.
    """

    group: Int[Tensor, " samples"]
    agreement: Float[Tensor, " members"]
    information: float


class MergedMembers(NamedTuple):
    """One partition of the over-clusters of all members.

    Arguments:
        own: Group of each sample, by each member; numbers mean the same to all members.
        information: Mutual information of the merged table, in nats.
    """

    own: Int[Tensor, "members samples"]
    information: float


def merge_members(
    members: Sequence[Int[Tensor, " samples"]],
    neighbours: Int[Tensor, "samples k"],
    num_groups: int,
    *,
    seed: int = 0,
    num_starts: int = STARTS,
) -> MergedMembers:
    """Merge the over-clusters of all members into `num_groups` groups.

    Arguments:
        members: Over-cluster of each sample, by each member.
        neighbours: Rows of the neighbours of each sample, the nearest first.
        num_groups: Number of groups.
        seed: Fixes the search.
        num_starts: Random starts of the search.
    """
    nodes = _nodes(members)
    near = _node_table(nodes, torch.arange(len(neighbours)), neighbours)
    return _merge(nodes, near, num_groups, seed, num_starts)


def most_informed(
    members: Sequence[Int[Tensor, " samples"]], neighbours: Int[Tensor, "samples k"], count: int
) -> list[int]:
    """Numbers of the members whose over-clusters tell most of one another's neighbours, in order.

    A member that has not told two classes apart puts them into the same nodes, and the merge
    follows it; such a member has little mutual information of its own.

    Arguments:
        members: Over-cluster of each sample, by each member.
        neighbours: Rows of the neighbours of each sample.
        count: How many members to name; all, if there are fewer.
    """
    worth = []
    for member in members:
        size = int(member.max()) + 1
        table = edge_table(member, member, neighbours, (size, size)).numpy()
        worth.append(information((table + table.T) / 2))
    best = sorted(range(len(members)), key=lambda i: worth[i], reverse=True)[:count]
    return sorted(best)


def agree(
    members: Sequence[Int[Tensor, " samples"]],
    neighbours: Int[Tensor, "samples k"],
    features: Float[Tensor, "samples features"],
    num_groups: int,
    *,
    seed: int = 0,
) -> Consensus:
    """Merge the clusters of all members into `num_groups` groups of samples.

    Arguments:
        members: Over-cluster of each sample, by each member.
        neighbours: Rows of the neighbours of each sample, the nearest first.
        features: The space in which they are near, in which strangers are looked for.
        num_groups: Number of groups.
        seed: Fixes the search.
    """
    nodes = _nodes(members)
    rows = torch.arange(len(neighbours))
    near = _node_table(nodes, rows, neighbours)
    blocks = _merge(nodes, near, min(BLOCKS * num_groups, sum(nodes.sizes)), seed)
    block = hear(blocks.own, neighbours, int(blocks.own.max()) + 1)
    if block.unique().numel() > 1:
        rows = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:ASKED]
        far = _node_table(nodes, rows, nearest_strangers(features, block, rows, STRANGERS))
        near = (1 - FAR) * near / near.sum() + FAR * far / far.sum()
    own, shared = _merge(nodes, near, num_groups, seed)
    group = hear(own, neighbours, num_groups)
    return Consensus(group, (own == group).double().mean(1), shared)


def hear(
    own: Int[Tensor, "members samples"], neighbours: Int[Tensor, "samples k"], num_groups: int
) -> Int[Tensor, " samples"]:
    """The group with most votes, of a sample's own members and of its nearest neighbours."""
    votes = torch.nn.functional.one_hot(own, num_groups).sum(0).float()
    heard = OWN * votes
    for column in neighbours[:, :NEAR].T:
        heard += votes[column]
    return heard.argmax(1)


class _Nodes(NamedTuple):
    """Over-clusters in use, numbered within each member, and how many there are."""

    of_sample: list[Int[Tensor, " samples"]]
    sizes: list[int]


def _nodes(members: Sequence[Int[Tensor, " samples"]]) -> _Nodes:
    used = [member.unique(return_inverse=True)[1] for member in members]  # empty ones left out
    return _Nodes(used, [int(member.max()) + 1 for member in used])


def _merge(
    nodes: _Nodes,
    table: Float[Tensor, "nodes nodes"],
    num_groups: int,
    seed: int,
    num_starts: int = STARTS,
) -> MergedMembers:
    partition = merge_clusters(table.numpy(), num_groups, seed=seed, num_starts=num_starts)
    parts = torch.from_numpy(partition.group).split(nodes.sizes)
    own = [part[member] for part, member in zip(parts, nodes.of_sample, strict=True)]
    return MergedMembers(torch.stack(own), partition.information)


def _node_table(
    nodes: _Nodes, rows: Int[Tensor, " rows"], ends: Int[Tensor, "rows k"]
) -> Float[Tensor, "nodes nodes"]:
    """Edges from the nodes of some samples to those of others; a sample meets itself, too."""
    both = torch.cat([rows.unsqueeze(1), ends], 1)
    table = []
    for i, (a, size_a) in enumerate(zip(*nodes, strict=True)):
        row = [
            edge_table(a[rows], b, ends if i == j else both, (size_a, size_b))
            for j, (b, size_b) in enumerate(zip(*nodes, strict=True))
        ]
        table.append(torch.cat(row, 1))
    return torch.cat(table)
