r"""Groups that several over-clusterings of the same samples agree on.

Every over-cluster of every member is a node. Two nodes occur together as often as an edge leads
from a sample of the one to a sample of the other: within a member the edges to neighbours, between
members also the edge of a sample to itself. One partition of all nodes (`merge_clusters`) then
aligns the members and merges their clusters at once; each member has a vote on each sample, and a
sample hears its neighbours' votes.

Our reading: instead of merging each member alone and matching the results afterwards, as in cluster
    ensembles (Strehl & Ghosh, JMLR 2002), the partition itself has to agree across members.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nebulatent.ops.neighbours import edge_table
from nebulatent.ops.partitions import merge_clusters
from nebulatent.typing import Float, Int, Tensor

NEAR = 10  # neighbours whose votes a sample hears
OWN = 2.0  # how many neighbours' votes a sample's own count for


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


def agree(
    members: Sequence[Int[Tensor, " samples"]],
    neighbours: Int[Tensor, "samples k"],
    num_groups: int,
    *,
    seed: int = 0,
) -> Consensus:
    """Merge the clusters of all members into `num_groups` groups of samples.

    Arguments:
        members: Over-cluster of each sample, by each member.
        neighbours: Rows of the neighbours of each sample, the nearest first.
        num_groups: Number of groups.
        seed: Fixes the search.
    """
    used = [member.unique(return_inverse=True)[1] for member in members]  # empty ones left out
    sizes = [int(member.max()) + 1 for member in used]
    table = _node_table(used, sizes, neighbours)
    partition = merge_clusters(table.numpy(), num_groups, seed=seed)
    parts = torch.from_numpy(partition.group).split(sizes)
    own = [part[member] for part, member in zip(parts, used, strict=True)]
    votes = torch.stack([torch.nn.functional.one_hot(g, num_groups) for g in own]).sum(0).float()
    heard = OWN * votes
    for column in neighbours[:, :NEAR].T:
        heard += votes[column]
    group = heard.argmax(1)
    agreement = torch.stack([(g == group).double().mean() for g in own])
    return Consensus(group, agreement, partition.information)


def _node_table(
    members: Sequence[Int[Tensor, " samples"]],
    sizes: Sequence[int],
    neighbours: Int[Tensor, "samples k"],
) -> Float[Tensor, "nodes nodes"]:
    own = torch.arange(len(neighbours)).unsqueeze(1)
    both = torch.cat([own, neighbours], 1)
    rows = []
    for i, a in enumerate(members):
        row = [
            edge_table(a, b, neighbours if i == j else both, (sizes[i], sizes[j]))
            for j, b in enumerate(members)
        ]
        rows.append(torch.cat(row, 1))
    return torch.cat(rows)
