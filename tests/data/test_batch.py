"""The order in which an epoch visits the data: all of it, evenly, as the seed says."""

from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from data.spies import SpyRows
from nebulatent.data.batch import Batch, Batches

counts = st.integers(1, 60)


def noisy(x: Tensor, generator: torch.Generator) -> Tensor:
    """A corruption."""
    return x + torch.randn(x.shape, generator=generator)


def order(batches: Batches, epoch: int) -> list[int]:
    """Samples in the order of their visit."""
    return torch.cat([batch.x for batch in batches.epoch(epoch)]).flatten().int().tolist()


def numbered(count: int, **options: int) -> Batches:
    """Samples that are their own numbers, labelled by twice the number."""
    return Batches(torch.arange(count).float().unsqueeze(1), 2 * torch.arange(count), **options)


@given(counts, counts, st.integers(0, 5))
def test_an_epoch_visits_every_sample_exactly_once(count: int, size: int, epoch: int) -> None:
    assert sorted(order(numbered(count, batch_size=size), epoch)) == list(range(count))


@given(counts, counts)
def test_sizes_differ_by_at_most_one_and_never_exceed_the_largest(count: int, size: int) -> None:
    batches = numbered(count, batch_size=size)
    found = [len(batch.x) for batch in batches.epoch(0)]
    assert len(found) == len(batches)
    assert 1 <= min(found) and max(found) <= size and max(found) - min(found) <= 1


@given(st.integers(4, 60), st.integers(3, 60))
def test_no_batch_is_a_single_sample_when_three_fit(count: int, size: int) -> None:
    assert min(len(batch.x) for batch in numbered(count, batch_size=size).epoch(0)) >= 2


@given(counts, st.integers(0, 9))
def test_labels_travel_with_their_samples(count: int, epoch: int) -> None:
    for batch in numbered(count, batch_size=7).epoch(epoch):
        assert torch.equal(batch.label, 2 * batch.x.long().flatten())
        assert batch.y is None


@given(st.integers(0, 2**32), st.integers(0, 1000))
def test_order_depends_on_seed_and_epoch_alone(seed: int, epoch: int) -> None:
    first = numbered(40, seed=seed, batch_size=8)
    again = numbered(40, seed=seed, batch_size=8)
    order(again, epoch + 1)  # an epoch visited before makes no difference
    torch.randn(3)
    assert order(first, epoch) == order(again, epoch) == order(first, epoch)


def test_epochs_and_seeds_have_different_orders() -> None:
    orders = [tuple(order(numbered(40, seed=s), e)) for s in range(4) for e in range(5)]
    assert len(set(orders)) == 20


def test_order_does_not_touch_the_global_state() -> None:
    batches = Batches(torch.rand(9, 2), view=noisy)
    state = torch.get_rng_state()
    order(batches, 0)
    batches.sample(4)
    assert torch.equal(torch.get_rng_state(), state)


def test_without_labels_there_are_none() -> None:
    assert next(Batches(torch.rand(9, 2)).epoch(0)).label is None


def test_view_corrupts_what_the_encoder_sees_and_keeps_the_target_clean() -> None:
    data = torch.rand(20, 3)
    batches = Batches(data, torch.arange(20), batch_size=6, view=noisy)
    for batch in batches.epoch(0):
        assert torch.equal(batch.y, data[batch.label])
        assert (batch.x != batch.y).all()


def test_corruption_repeats_with_the_epoch_and_differs_between_epochs() -> None:
    batches = Batches(torch.zeros(20, 3), batch_size=6, view=noisy)
    first, again, other = (next(batches.epoch(epoch)).x for epoch in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_batches_of_an_epoch_are_corrupted_differently() -> None:
    batches = Batches(torch.zeros(20, 3), batch_size=10, view=noisy)
    first, second = (batch.x for batch in batches.epoch(0))
    assert not torch.equal(first, second)


def test_preparation_comes_before_the_view_and_is_part_of_the_target() -> None:
    data = torch.arange(8, dtype=torch.uint8).unsqueeze(1)
    batches = Batches(
        data, prepare=lambda x: x.float() / 255, view=lambda x, generator: -x, batch_size=8
    )
    batch = next(batches.epoch(0))
    assert batch.y.dtype == torch.float32 and batch.y.max() == 7 / 255
    assert torch.equal(batch.x, -batch.y)


@given(counts, st.integers(1, 20), st.integers(0, 2**32), st.integers(0, 3))
def test_the_order_is_the_seeded_permutation_cut_evenly(
    count: int, size: int, seed: int, epoch: int
) -> None:
    batches = numbered(count, batch_size=size, seed=seed)
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    parts = torch.randperm(count, generator=generator).tensor_split(len(batches))
    for batch, rows in zip(batches.epoch(epoch), parts, strict=True):
        assert torch.equal(batch.x.flatten().long(), rows)


@given(counts, st.integers(1, 20), st.randoms())
def test_batches_asked_for_in_any_order_are_those_of_the_epoch(
    count: int, size: int, random: Random
) -> None:
    batches = Batches(torch.rand(count, 2), batch_size=size, view=noisy)
    places = [(epoch, index) for epoch in (0, 5) for index in range(len(batches))]
    random.shuffle(places)
    found = {place: batches.batch(*place) for place in places}
    for epoch in (0, 5):
        for index, batch in enumerate(batches.epoch(epoch)):
            assert torch.equal(batch.x, found[epoch, index].x)
            assert torch.equal(batch.y, found[epoch, index].y)


@given(counts, st.integers(1, 20), st.integers(0, 70))
def test_an_epoch_may_begin_in_the_middle(count: int, size: int, start: int) -> None:
    batches = Batches(torch.rand(count, 2), batch_size=size, view=noisy)
    rest = list(batches.epoch(2))[start:]
    for mine, theirs in zip(batches.epoch(2, start), rest, strict=True):
        assert torch.equal(mine.x, theirs.x)


@pytest.mark.parametrize("index", [-1, 4])
def test_a_batch_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=rf"`index` must lie in 0\.\.3, got {index}\."):
        numbered(20, batch_size=5).batch(0, index)


def test_only_the_rows_of_a_batch_are_read() -> None:
    spy = SpyRows(np.arange(40, dtype=np.float32).reshape(20, 2))
    batches = Batches(spy, batch_size=5).share(1, 2)
    batch = batches.batch(0, 1)
    assert spy.read == (batch.x[:, 0] / 2).int().tolist() and len(spy.read) == len(batch.x)
    spy.read.clear()
    assert len(batches.sample(3).x) == len(spy.read) == 3


def test_rows_and_tensors_give_the_same_batches() -> None:
    x = np.random.default_rng(0).random((20, 2), dtype=np.float32)
    kinds = [Batches(kind, batch_size=6, view=noisy) for kind in (torch.tensor(x), x, SpyRows(x))]
    for one, two, three in zip(*(batches.epoch(1) for batches in kinds), strict=True):
        assert torch.equal(one.x, two.x) and torch.equal(one.x, three.x)


def test_the_order_of_an_epoch_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    batches, draw, drawn = numbered(20, batch_size=5), torch.randperm, []
    monkeypatch.setattr(torch, "randperm", lambda *a, **k: (drawn.append(a), draw(*a, **k))[1])
    list(batches.epoch(0))
    assert len(drawn) == 1


def test_sample_is_prepared_clean_labelled_and_the_same_every_time() -> None:
    batches = Batches(
        torch.arange(30).unsqueeze(1), torch.arange(30), prepare=lambda x: x + 100.0, view=noisy
    )
    first, again = batches.sample(12), batches.sample(12)
    assert torch.equal(first.x, again.x) and len(first.x) == 12 and first.y is None
    assert torch.equal(first.x[:, 0], first.label + 100.0)
    assert len(first.label.unique()) == 12
    assert len(batches.sample(99).x) == 30


def test_batch_of_samples_alone_has_neither_target_nor_label() -> None:
    assert Batch(torch.zeros(1)) == (torch.zeros(1), None, None, None)


@pytest.mark.parametrize(
    ("samples", "labels", "size", "sentence"),
    [
        (0, None, 4, r"`x` must hold at least one sample, got none\."),
        (5, None, 0, r"`batch_size` must be positive, got 0\."),
        (5, 4, 2, r"`label` must have one entry per sample .5., got 4; check that both come"),
    ],
)
def test_wrong_data_are_refused(samples: int, labels: int | None, size: int, sentence: str) -> None:
    label = None if labels is None else torch.zeros(labels, dtype=torch.long)
    with pytest.raises(ValueError, match=sentence):
        Batches(torch.zeros(samples, 2), label, batch_size=size)
