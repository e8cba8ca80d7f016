"""Labels never reach a method that learns without them: not in a step, not in a whole run."""

import copy

import pytest
import torch
from torch import Tensor, nn

from laws.cases import ANCHORS, FEATURES, METHODS, SELF_SUPERVISED, Case, host, labels, vectors
from nebulatent.data.batch import Batch, Batches
from nebulatent.latents.anchors import AnchorSet, Start
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

LATENT = 4
every_self_supervised = pytest.mark.parametrize("case", SELF_SUPERVISED, ids=lambda case: case.name)


def step(method: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Terms and gradients of one step from a fixed state."""
    torch.manual_seed(1)
    method = copy.deepcopy(method)
    terms = method(batch)
    terms.total.backward()
    gradients = {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
    return {**terms.values, **gradients}


@every_self_supervised
def test_labels_change_no_term_and_no_gradient(case: Case, device: torch.device) -> None:
    method, batch = case.build().to(device), case.batch()
    variants = (None, torch.zeros(len(batch.x), dtype=torch.long), labels())
    batches = [batch._replace(label=label) for label in variants]
    first, *others = [step(method, batch.apply(lambda part: part.to(device))) for batch in batches]
    for other in others:
        assert first.keys() == other.keys()
        assert all(torch.equal(first[name], other[name]) for name in first)


def with_warmup(start: Start) -> NVC:
    """NVC-ML that places its anchors after one epoch and revives them after that."""
    anchors = AnchorSet(ANCHORS, LATENT, start=start, warmup_epochs=1)
    return NVC(host(), NebulaAnchors(ANCHORS, LATENT, metric=True, anchors=anchors))


def trained(method: nn.Module, label: Tensor | None) -> dict[str, Tensor]:
    """Weights after three epochs of batches that carry the label."""
    x = torch.rand(30, FEATURES, generator=torch.Generator().manual_seed(3))
    fit(method, Batches(x, label, batch_size=8), FitConfig(epochs=3, lr=1e-2))
    return method.state_dict()


@pytest.mark.parametrize("start", ["kmeans", "normal"])
def test_labels_change_no_bit_of_a_training_run(start: Start) -> None:
    method = with_warmup(start)
    random = torch.randint(0, 99, (30,))
    first, *others = [
        trained(copy.deepcopy(method), label)
        for label in (None, random, torch.full((30,), 7), random.flip(0))
    ]
    for other in others:
        assert all(torch.equal(first[name], other[name]) for name in first)


def test_the_start_on_classes_is_what_reads_labels() -> None:
    method = with_warmup("classes")
    label = torch.arange(30) % ANCHORS
    first, other = trained(copy.deepcopy(method), label), trained(method, label.roll(1))
    name = "latent_terms.anchors.positions"
    assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize(
    "case", [case for case in METHODS if case.supervised], ids=lambda case: case.name
)
def test_supervised_methods_do_read_labels(case: Case) -> None:
    method, batch = case.build(), vectors()
    first = step(method, batch)
    other = step(method, batch._replace(label=(batch.label + 1) % ANCHORS))
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    "case", [case for case in METHODS if case.supervised], ids=lambda case: case.name
)
def test_supervised_methods_ask_for_missing_labels(case: Case) -> None:
    with pytest.raises(ValueError, match=r"`label` must be given.*got .*\."):
        case.build()(vectors()._replace(label=None))


@pytest.mark.parametrize(
    "case", [case for case in METHODS if case.supervised], ids=lambda case: case.name
)
@pytest.mark.parametrize("wrong", [ANCHORS, -1])
def test_supervised_methods_refuse_labels_out_of_range(case: Case, wrong: int) -> None:
    label = labels()
    label[5] = wrong
    with pytest.raises(ValueError, match=rf"must .*got .*{wrong}.*\.$"):
        case.build()(vectors()._replace(label=label))
