"""Groups that several over-clusterings agree on."""

import torch

from nebulatent.ops.consensus import agree
from nebulatent.ops.neighbours import nearest_rows


def islands(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Three islands on a line, far apart, and the neighbours of their points."""
    island = torch.arange(count) % 3
    x = 100.0 * island + torch.arange(count)
    return island, nearest_rows(x.unsqueeze(1).float(), 4)


def same_partition(a: torch.Tensor, b: torch.Tensor) -> bool:
    return len({*zip(a.tolist(), b.tolist(), strict=True)}) == len(set(a.tolist()))


def test_members_with_other_numbers_for_their_clusters_agree() -> None:
    island, neighbours = islands()
    half = island * 2 + (torch.arange(60) >= 30)
    found = agree([half, 9 - half, island + 20], neighbours, 3)
    assert same_partition(found.group, island)
    assert found.agreement.tolist() == [1.0, 1.0, 1.0]


def test_the_majority_and_the_neighbours_decide_a_sample_that_one_member_has_wrong() -> None:
    island, neighbours = islands()
    wrong = island.clone()
    wrong[:6] = (wrong[:6] + 1) % 3
    found = agree([island, wrong, island], neighbours, 3)
    assert same_partition(found.group, island)
    assert found.agreement.tolist() == [1.0, 0.9, 1.0]


def test_one_member_and_one_group_are_enough() -> None:
    island, neighbours = islands()
    assert agree([island], neighbours, 1).group.unique().tolist() == [0]
