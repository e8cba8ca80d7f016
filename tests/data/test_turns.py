"""Sources take turns: an epoch has the first whole, the others go round."""

import pytest
import torch

from nebulatent.data.batch import Batches
from nebulatent.data.turns import Turns


def turns(workers: int = 0) -> Turns:
    """Seven samples without another form, three with one."""
    many = Batches(torch.arange(7.0)[:, None], batch_size=2, seed=1, num_workers=workers)
    few = torch.arange(100.0, 103.0)[:, None]
    return Turns(many, Batches(few, also={"other": -few}, batch_size=2, seed=1))


def test_an_epoch_has_the_first_source_whole_and_the_other_in_turn() -> None:
    batches = list(turns().epoch(0))
    assert len(batches) == len(turns()) == 8
    assert turns().num_samples == 7 + 6
    assert [batch.also is None for batch in batches] == [True, False] * 4
    seen = torch.cat([batch.x for batch in batches[::2]]).flatten()
    assert seen.sort().values.tolist() == list(range(7))
    for batch in batches[1::2]:
        assert batch.also is not None and torch.equal(batch.also["other"], -batch.x)


def test_the_other_source_goes_on_where_the_epoch_before_left_it() -> None:
    few = [batch.x for epoch in range(3) for batch in list(turns().epoch(epoch))[1::2]]
    for round_ in range(6):  # two batches are one round
        seen = torch.cat(few[2 * round_ : 2 * round_ + 2]).flatten()
        assert seen.sort().values.tolist() == [100, 101, 102]


def test_batches_are_the_same_whenever_and_however_they_are_asked_for() -> None:
    whole, later = list(turns().epoch(2)), list(turns().epoch(2, 5))
    ahead = list(turns(workers=1).epoch(2))
    for one, other in zip(whole[5:], later, strict=True):
        assert torch.equal(one.x, other.x)
    for one, other in zip(whole, ahead, strict=True):
        assert torch.equal(one.x, other.x) and (one.also is None) == (other.also is None)


def test_processes_share_every_batch() -> None:
    parts = [turns().share(rank, 2) for rank in range(2)]
    assert len(parts[0]) == len(parts[1])
    seen = [torch.cat([b.x for b in list(part.epoch(0))[::2]]).flatten() for part in parts]
    assert not set(seen[0].tolist()) & set(seen[1].tolist())


def test_one_source_is_no_turn_and_an_index_has_an_end() -> None:
    with pytest.raises(ValueError, match="at least one more source"):
        Turns(turns().sources[0])
    with pytest.raises(IndexError, match=r"must lie in 0\.\.7"):
        turns().batch(0, 8)
