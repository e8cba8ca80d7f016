"""Agreement of completions with whole grids, beside plain loops."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nebulatent.data.batch import Batch
from nebulatent.data.voxel_pairs import PackedGrids
from nebulatent.evaluation.completion import Completer, completed, completion_measures
from nebulatent.latents.autoencoder import Coding
from nebulatent.latents.posterior import Dirac
from nebulatent.objectives.likelihoods import WeightedBernoulli

NAMES = ("bench", "chair", "couch")


def grids(seed: int, count: int = 7, share: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 1, 3, 3, 3)) < share


def looped(answer: np.ndarray, seen: np.ndarray, whole: np.ndarray, hidden: bool) -> list[float]:
    """IoU of each grid, cell by cell."""
    found = []
    for said, view, full in zip(answer, seen, whole, strict=True):
        both = either = 0
        for place in np.ndindex(said.shape):
            if hidden and view[place]:
                continue
            both += bool(said[place] and full[place])
            either += bool(said[place] or full[place])
        found.append(both / either if either else 1.0)
    return found


def test_measures_are_those_of_the_loops() -> None:
    answer, seen, whole = grids(0), grids(1, share=0.1), grids(2)
    label = np.array([0, 0, 2, 2, 2, 0, 2])  # no chair
    packed = PackedGrids.of(seen), PackedGrids.of(whole)
    found = {m.name: m for m in completion_measures(answer, *packed, label, NAMES)}
    assert list(found) == ["class IoU", "IoU bench", "IoU couch", "hidden IoU"]
    for name, hidden in (("class IoU", False), ("hidden IoU", True)):
        iou = np.array(looped(answer, seen, whole, hidden))
        each = [iou[label == 0].mean(), iou[label == 2].mean()]
        assert found[name].value == pytest.approx(np.mean(each), rel=1e-12)
        if not hidden:
            assert [found["IoU bench"].value, found["IoU couch"].value] == pytest.approx(each)
    assert all(m.uses_labels and m.better == "higher" for m in found.values())


def test_what_was_seen_adds_nothing_and_the_truth_is_one() -> None:
    whole = grids(3)
    seen = whole & grids(4, share=0.5)
    label = np.zeros(7, int)
    packed = PackedGrids.of(seen), PackedGrids.of(whole)
    values = {m.name: m.value for m in completion_measures(seen, *packed, label, NAMES)}
    assert values["hidden IoU"] == 0 < values["class IoU"] < 1
    values = {m.name: m.value for m in completion_measures(whole, *packed, label, NAMES)}
    assert values == {"class IoU": 1, "IoU bench": 1, "hidden IoU": 1}


def test_grids_that_are_empty_on_both_sides_agree() -> None:
    nothing = np.zeros((1, 1, 2, 2, 2), bool)
    packed = PackedGrids.of(nothing)
    found = completion_measures(nothing, packed, packed, np.zeros(1, int), ("a",))
    assert [m.value for m in found] == [1, 1, 1]


def test_numbers_that_differ_are_refused() -> None:
    packed = PackedGrids.of(grids(0))
    label = np.zeros(7, int)
    with pytest.raises(ValueError, match="must be one for each grid, got 7, 6, 7 and 7"):
        completion_measures(grids(0), packed.take(slice(6)), packed, label, NAMES)
    with pytest.raises(ValueError, match="must be one for each grid, got 0, 0, 0 and 0"):
        completion_measures(grids(0, 0), *[packed.take(slice(0))] * 2, np.zeros(0, int), NAMES)


class Doubling(nn.Module):
    """Says that a cell is filled with probability 0.6 where it was seen, else with 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.likelihood = WeightedBernoulli(0.85)
        self.sizes: list[int] = []

    def code(self, batch: Batch) -> Coding:
        self.sizes.append(len(batch.x))
        recon: Tensor = batch.x * torch.tensor(0.6).logit()
        return Coding(batch.x, Dirac(batch.x.flatten(1)), batch.x.flatten(1), recon)


def test_a_cell_is_filled_above_one_half_and_grids_are_asked_some_at_a_time() -> None:
    model, seen = Doubling(), grids(5, 120)
    assert isinstance(model, Completer)
    assert np.array_equal(completed(model, PackedGrids.of(seen)), seen)
    assert model.sizes == [50, 50, 20]
    assert not completed(model, PackedGrids.of(seen), 0.61).any()
    assert completed(model, PackedGrids.of(seen), 0.49).all()
