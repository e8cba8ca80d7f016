"""Batches cut up among processes."""

from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.data.batch import Batches

counts, worlds = st.integers(1, 60), st.integers(1, 5)


def numbered(count: int, size: int) -> Batches:
    x = torch.arange(count).unsqueeze(1)
    return Batches(x, 2 * torch.arange(count), batch_size=size, seed=3)


def visited(batches: Batches, epoch: int) -> list[list[int]]:
    return [batch.x.flatten().tolist() for batch in batches.epoch(epoch)]


@given(worlds, st.integers(1, 6), st.integers(1, 6), st.integers(0, 3))
def test_processes_together_see_what_one_sees_alone(
    world: int, each: int, steps: int, epoch: int
) -> None:
    batches = numbered(world * each * steps, world * each)
    alone = [sorted(batch) for batch in visited(batches, epoch)]
    shares = [visited(batches.share(rank, world), epoch) for rank in range(world)]
    assert [sorted(chain(*parts)) for parts in zip(*shares, strict=True)] == alone


@given(counts, counts, worlds, st.integers(0, 3))
def test_shares_are_even_disjoint_and_leave_out_the_remainder(
    count: int, size: int, world: int, epoch: int
) -> None:
    batches = numbered(count, size)
    if world > min(count, size):
        with pytest.raises(ValueError, match=r"`world_size` must be at most `batch_size`"):
            batches.share(0, world)
        return
    shares = [batches.share(rank, world) for rank in range(world)]
    parts = [visited(share, epoch) for share in shares]
    assert len({len(share) for share in shares}) == 1
    assert {len(part) for part in parts} == {len(shares[0])}
    sizes = [[len(batch) for batch in part] for part in parts]
    assert all(other == sizes[0] for other in sizes)
    assert world * max(sizes[0]) <= size and max(sizes[0]) - min(sizes[0]) <= 1
    seen = [row for part in parts for batch in part for row in batch]
    assert len(set(seen)) == len(seen) == count - count % world
    assert shares[0].num_samples == len(seen)


def test_what_is_left_out_differs_between_epochs() -> None:
    batches = numbered(7, 3)
    left = set()
    for epoch in range(20):
        seen = {
            row
            for rank in range(3)
            for batch in visited(batches.share(rank, 3), epoch)
            for row in batch
        }
        left |= set(range(7)) - seen
    assert len(left) > 3


def test_labels_go_with_their_samples() -> None:
    for batch in numbered(20, 6).share(1, 2).epoch(0):
        assert torch.equal(batch.label, 2 * batch.x.flatten())


def test_the_sample_is_the_same_everywhere() -> None:
    batches = numbered(20, 6)
    assert torch.equal(batches.share(1, 2).sample(9).x, batches.sample(9).x)


def test_views_of_processes_differ() -> None:
    batches = Batches(
        torch.zeros(20, 3), batch_size=10, view=lambda x, g: x + torch.rand(x.shape, generator=g)
    )
    first, second = (batches.share(rank, 2).batch(0, 0).x for rank in range(2))
    assert (first != second).all()
    assert torch.equal(batches.share(0, 1).batch(0, 0).x, batches.batch(0, 0).x)


@pytest.mark.parametrize(("rank", "world"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_that_does_not_exist_is_refused(rank: int, world: int) -> None:
    with pytest.raises(ValueError, match=r"`rank` must lie in 0\.\."):
        numbered(9, 4).share(rank, world)
