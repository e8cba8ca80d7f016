"""What the latent terms do not depend on, and where they must vanish."""

from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nebulatent.methods.nvc import NebulaAnchors, euclidean_loss, nebula_loss
from nebulatent.objectives.metric import pair_loss, triplet_loss

pytestmark = pytest.mark.filterwarnings("ignore:Anchors are further apart")
forms = st.sampled_from(["log1p", "clamped", "literal", "euclidean"])


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, anchors and a label for each code."""
    codes, anchors, dim = (draw(st.integers(1, high)) for high in (12, 6, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31 - 1)))
    noise = torch.randn(codes + anchors, dim, generator=generator, dtype=torch.float64)
    label = torch.randint(0, anchors, (codes,), generator=generator)
    return noise[:codes], 0.7 * noise[codes:], label


def latent_terms(z: Tensor, anchors: Tensor, label: Tensor, form: str) -> list[float]:
    """Every latent term of one scene."""
    nebula = (
        euclidean_loss(z, anchors, label)
        if form == "euclidean"
        else nebula_loss(z, anchors, label, form=form)
    )
    return [nebula.item(), pair_loss(z, label).item(), triplet_loss(z, label).item()]


def same(found: list[float], expected: list[float]) -> bool:
    """Equal up to rounding; the triplet term is a series with an error of 8e-11."""
    return found == pytest.approx(expected, rel=1e-8, abs=1e-10)


@given(scenes(), forms, st.randoms(use_true_random=False))
def test_order_of_codes_does_not_matter(scene: tuple, form: str, random: Random) -> None:
    z, anchors, label = scene
    rows = list(range(len(z)))
    random.shuffle(rows)
    assert same(latent_terms(z[rows], anchors, label[rows], form), latent_terms(*scene, form))


@given(scenes(), forms, st.randoms(use_true_random=False))
def test_order_of_anchors_does_not_matter(scene: tuple, form: str, random: Random) -> None:
    z, anchors, label = scene
    order = list(range(len(anchors)))
    random.shuffle(order)
    place = torch.tensor(order).argsort()
    assert same(latent_terms(z, anchors[order], place[label], form), latent_terms(*scene, form))


@given(scenes(), forms, st.floats(-50, 50))
def test_moving_everything_does_not_matter(scene: tuple, form: str, shift: float) -> None:
    z, anchors, label = scene
    assert same(latent_terms(z + shift, anchors + shift, label, form), latent_terms(*scene, form))


@given(scenes(), forms)
def test_rotating_everything_does_not_matter(scene: tuple, form: str) -> None:
    z, anchors, label = scene
    generator = torch.Generator().manual_seed(0)
    square = torch.randn(z.shape[1], z.shape[1], generator=generator, dtype=z.dtype)
    turn = torch.linalg.qr(square).Q
    assert same(latent_terms(z @ turn, anchors @ turn, label, form), latent_terms(*scene, form))


@given(scenes(), st.sampled_from(["log1p", "clamped", "literal"]))
def test_one_anchor_has_nothing_to_repel(scene: tuple, form: str) -> None:
    z, anchors, label = scene
    z, anchor = z.clone().requires_grad_(), anchors[:1].clone().requires_grad_()
    loss = nebula_loss(z, anchor, torch.zeros_like(label), form=form)
    loss.backward()
    assert loss.item() == 0.0
    assert not z.grad.any() and not anchor.grad.any()


@given(scenes(), st.sampled_from(["log1p", "clamped"]))
def test_positive_forms_are_never_negative(scene: tuple, form: str) -> None:
    z, anchors, label = scene
    assert nebula_loss(z, anchors, label, form=form) >= 0


@given(scenes())
def test_clamped_form_is_zero_when_all_anchors_are_further_apart_than_one(scene: tuple) -> None:
    z, anchors, label = scene
    spread = torch.arange(len(anchors), dtype=z.dtype).unsqueeze(1) * 1.001
    anchors = spread.expand(-1, z.shape[1]).clone().requires_grad_()
    z = z.clone().requires_grad_()
    loss = nebula_loss(z, anchors, label, form="clamped")
    loss.backward()
    assert loss.item() == 0.0
    assert not z.grad.any() and not anchors.grad.any()


@given(scenes(), st.sampled_from(["log1p", "clamped", "literal"]))
def test_coincident_anchors_are_finite(scene: tuple, form: str) -> None:
    z, anchors, label = scene
    assert nebula_loss(z, anchors[:1].expand_as(anchors), label, form=form).isfinite()


@given(scenes(), st.sampled_from([0, 1, 2]))
def test_coincident_codes_are_finite(scene: tuple, where: int) -> None:
    z, anchors, _ = scene
    nebula = NebulaAnchors(len(anchors), z.shape[1], metric=True).double()
    nebula.anchors.positions.data = anchors
    z = (anchors[where % len(anchors)].expand_as(z)).clone().requires_grad_()
    total = nebula(z).total
    total.backward()
    assert total.isfinite() and z.grad.isfinite().all()


def test_codes_are_pulled_to_their_anchor_and_anchors_pushed_apart() -> None:
    anchors = torch.tensor([[0.0, 0.0], [0.5, 0.0]], requires_grad=True)
    z = torch.tensor([[0.0, 1.0], [0.5, 0.0]], requires_grad=True)
    nebula_loss(z, anchors, torch.tensor([0, 1])).backward()
    assert z.grad[0, 1] > 0  # descent lowers the code's distance
    assert not z.grad[1].any()
    assert anchors.grad[0, 0] > 0 > anchors.grad[1, 0]  # descent moves them apart


def test_literal_form_pushes_codes_away_once_anchors_are_further_apart_than_one() -> None:
    anchors, z = torch.tensor([[0.0], [2.0]]), torch.tensor([[-1.0]], requires_grad=True)
    nebula_loss(z, anchors, torch.tensor([0]), form="literal", reduction="sum").backward()
    assert z.grad[0, 0] > 0  # descent moves the code from -1 further to the left
