"""Groups that several over-clusterings agree on."""

import torch

from nebulatent.ops.consensus import agree, merge_members, most_informed
from nebulatent.ops.neighbours import nearest_rows


def islands(count: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three islands on a line, far apart, the neighbours of their points, and the points."""
    island = torch.arange(count) % 3
    x = (100.0 * island + torch.arange(count)).unsqueeze(1).float()
    return island, nearest_rows(x, 4), x


def same_partition(a: torch.Tensor, b: torch.Tensor) -> bool:
    return len({*zip(a.tolist(), b.tolist(), strict=True)}) == len(set(a.tolist()))


def test_members_with_other_numbers_for_their_clusters_agree() -> None:
    island, neighbours, x = islands()
    half = island * 2 + (torch.arange(60) >= 30)
    found = agree([half, 9 - half, island + 20], neighbours, x, 3)
    assert same_partition(found.group, island)
    assert found.agreement.tolist() == [1.0, 1.0, 1.0]


def test_the_majority_and_the_neighbours_decide_a_sample_that_one_member_has_wrong() -> None:
    island, neighbours, x = islands()
    wrong = island.clone()
    wrong[:6] = (wrong[:6] + 1) % 3
    found = agree([island, wrong, island], neighbours, x, 3)
    assert same_partition(found.group, island)
    assert found.agreement.tolist() == [1.0, 0.9, 1.0]


def test_one_member_and_one_group_are_enough() -> None:
    island, neighbours, x = islands()
    assert agree([island], neighbours, x, 1).group.unique().tolist() == [0]


def test_an_island_joins_those_that_are_least_far() -> None:
    """Five points of the first group live apart; without strangers the small group gets them."""
    generator = torch.Generator().manual_seed(0)
    sizes, centres = torch.tensor([40, 5, 40, 25]), torch.tensor([0.0, 6.0, 40.0, 80.0])
    block = torch.arange(4).repeat_interleave(sizes)
    x = (centres[block] + torch.rand(len(block), generator=generator)).unsqueeze(1)
    neighbours, truth = nearest_rows(x, 3), torch.tensor([0, 0, 1, 2])[block]
    without = merge_members([block, block], neighbours, 3).own[0]
    assert not same_partition(without, truth)
    assert same_partition(agree([block, block], neighbours, x, 3).group, truth)


def test_members_that_did_not_tell_two_islands_apart_are_the_least_informed() -> None:
    island, neighbours, _ = islands()
    members = [island.clamp_max(1), island, island * 0, island + 5]
    assert most_informed(members, neighbours, 2) == [1, 3]
    assert most_informed(members, neighbours, 3) == [0, 1, 3]
    assert most_informed(members, neighbours, 9) == [0, 1, 2, 3]
