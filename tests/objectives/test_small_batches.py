"""Terms of small batches by numpy: the same numbers as by torch, wherever both are possible."""

from functools import partial

import pytest
import torch
from torch import Tensor

from nebulatent.methods.nvc import CLOSEST, NebulaAnchors, nebula_value_and_gradients
from nebulatent.objectives import small_batches
from nebulatent.objectives.metric import pair_value_and_gradient
from nebulatent.objectives.small_batches import SmallBatch, small_batch


def scene(num_anchors: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, anchors of which the first two coincide, and labels that leave the last one out."""
    generator = torch.Generator().manual_seed(num_anchors)
    z = torch.randn(40, 5, generator=generator, dtype=dtype)
    anchors = torch.randn(num_anchors, 5, generator=generator, dtype=dtype)
    anchors[: min(2, num_anchors)] = anchors[0].clone()
    return z, anchors, torch.randint(max(num_anchors - 1, 1), (40,), generator=generator)


def small(*tensors: Tensor) -> SmallBatch:
    batch = small_batch(*tensors)
    assert batch is not None
    return batch


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("num_anchors", [1, 2, 3, 12])
def test_both_ways_give_the_same_terms_and_gradients(num_anchors: int, dtype: torch.dtype) -> None:
    z, anchors, label = scene(num_anchors, dtype)
    bound = 2e-5 if dtype == torch.float32 else 1e-12
    close = partial(torch.testing.assert_close, rtol=bound, atol=bound)
    batch = small(z, anchors, label)
    close(batch.nebula(0.7, CLOSEST), nebula_value_and_gradients(z, anchors, label, scale2=0.7))
    value, (by_code, by_anchor) = batch.pair()
    assert by_anchor is None
    close((value, by_code), pair_value_and_gradient(z, label))


@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_codes_without_labels_belong_to_the_nearest_anchor(far: float) -> None:
    z, anchors, _ = scene(12, torch.float32)
    batch = small_batch(z + far, anchors + far)
    assert batch is not None
    assert batch.owner.tolist() == torch.cdist(z.double(), anchors.double()).argmin(1).tolist()


def test_a_class_of_one_has_no_pairs() -> None:
    z = torch.tensor([[0.0], [2.0], [9.0]])
    value, (gradient, _) = small(z, z, torch.tensor([0, 1, 2])).pair()
    assert value == 0 and gradient is not None and not gradient.any()


def test_the_module_trains_alike_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    z = torch.randn(64, 4, requires_grad=True)
    terms = NebulaAnchors(6, 4, metric=True)
    found = []
    for most in (small_batches.MOST, 0):
        monkeypatch.setattr(small_batches, "MOST", most)
        total = terms(z).total
        found.append((total, *torch.autograd.grad(total, (z, terms.anchors.positions))))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_what_is_large_is_left_to_torch() -> None:
    label = torch.zeros(2, dtype=torch.long)
    assert small_batch(torch.zeros(2, 1), torch.zeros(400, 1), label) is None  # anchors by anchors
    many = torch.zeros(7000, dtype=torch.long)
    assert small_batch(torch.zeros(7000, 1), torch.zeros(10, 1), many) is None


@pytest.mark.parametrize("wrong", [-1, 3])
def test_labels_that_name_no_anchor_are_errors(wrong: int) -> None:
    z, anchors, _ = scene(3, torch.float32)
    with pytest.raises(IndexError, match=r"`label` must lie in 0\.\.2"):
        small_batch(z, anchors, torch.full((40,), wrong))
