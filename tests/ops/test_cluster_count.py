"""Counting clusters: islands of known number, cut differently by each member."""

import pytest
import torch

from nebulatent.ops.cluster_count import count_clusters, found_again
from nebulatent.ops.distances import squared_distances
from nebulatent.ops.neighbours import nearest_rows


def blobs(count: int, gap: float, *, each: int = 100) -> torch.Tensor:
    """Round blobs on a circle, neighbours `gap` apart in units of their standard deviation."""
    angle = torch.arange(count) * (2 * torch.pi / count)
    radius = gap / 2 / torch.sin(torch.tensor(torch.pi / count))
    centres = radius * torch.stack([angle.cos(), angle.sin()], 1)
    noise = torch.randn(count, each, 2, generator=torch.Generator().manual_seed(count))
    return (centres.unsqueeze(1) + noise).flatten(0, 1)


def members_of(x: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Three members: to each sample the nearest of some points that a member drew for itself."""
    drawn = [
        torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:size]
        for seed in range(3)
    ]
    return [squared_distances(x, x[rows]).argmin(1) for rows in drawn]


@pytest.mark.parametrize("number", [3, 5])
def test_blobs_that_are_cut_differently_by_each_member_are_counted(number: int) -> None:
    x = blobs(number, 9.0)
    told = count_clusters(members_of(x, 5 * number), nearest_rows(x, 6), most=number + 2)
    assert told.number == number
    assert told.candidates.tolist() == [*range(2, number + 3)]
    assert told.stability[number - 2] == 1.0
    assert (told.stability[number - 1 :] < 0.85).all()
    assert told.information.diff().min() > -1e-9  # more groups tell more, and decide nothing


def test_names_of_over_clusters_and_the_order_of_samples_change_nothing() -> None:
    x = blobs(3, 9.0)
    members, neighbours = members_of(x, 12), nearest_rows(x, 6)
    before = count_clusters(members, neighbours, most=4)
    renamed = [7 * member.max() - 7 * member for member in members]
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(9))
    shuffled = [member[order] for member in renamed]
    after = count_clusters(shuffled, order.argsort()[neighbours[order]], most=4)
    assert after.number == before.number == 3
    assert after.stability.tolist() == pytest.approx(before.stability.tolist())


def test_if_nothing_is_stable_the_best_candidate_is_told() -> None:
    generator = torch.Generator().manual_seed(0)
    members = [torch.randint(8, (200,), generator=generator) for _ in range(2)]
    told = count_clusters(members, torch.randint(200, (200, 5), generator=generator))
    assert told.stability.max() < 0.85
    assert told.number == told.candidates[told.stability.argmax()]
    assert told.candidates[-1] == 4  # at least two over-clusters for each group


def test_a_group_is_found_again_as_far_as_it_is_the_same_set() -> None:
    own = torch.tensor([[0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]])
    sets = [[{n for n in range(6) if row[n] == g} for g in range(3)] for row in own.tolist()]
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [
        sum(len(sets[a][g] & sets[b][g]) / max(1, len(sets[a][g] | sets[b][g])) for a, b in pairs)
        / 3
        for g in range(3)
    ]
    assert found_again(own, 3).tolist() == pytest.approx(expected)


def test_impossible_options_are_refused() -> None:
    member, neighbours = torch.arange(10), torch.zeros(10, 1, dtype=torch.long)
    with pytest.raises(ValueError, match=r"`members` must be two at least.*got 1"):
        count_clusters([member], neighbours)
    with pytest.raises(ValueError, match="`most` must be at least 2, got 1"):
        count_clusters([member, member], neighbours, most=1)
    with pytest.raises(ValueError, match=r"`stable` must be in \(0, 1\], got 0.0"):
        count_clusters([member, member], neighbours, stable=0.0)
    with pytest.raises(ValueError, match=r"four over-clusters in use at least.*with 3"):
        count_clusters([member, member % 3], neighbours)
