"""The rules that choose what a user left open, and the choices that are refused."""

from typing import Any

import numpy as np
import pytest

from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.plan import Plan, plan
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table


def vectors(count: int = 60, size: int = 5) -> Table:
    x = np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)
    return build_table(x, source="rows")


def images(count: int = 60, side: int = 8) -> Table:
    x = np.random.default_rng(0).integers(0, 256, (count, 1, side, side), dtype=np.uint8)
    return build_table(x, source="pictures", labels=[i % 4 for i in range(count)])


def planned(table: Table, **choices: Any) -> Plan:  # noqa: ANN401
    return plan(table, fit_scaling(table), Choices(**choices))


def test_real_vectors_get_a_gaussian_and_a_narrow_network() -> None:
    model = planned(vectors()).model
    assert (model.encoder, model.likelihood, model.beta) == ("fc", "gaussian", 1.0)
    assert (model.widths, model.latent_dim) == ((64, 32, 16, 16), 5)


def test_vectors_of_zeros_and_ones_get_a_bernoulli() -> None:
    x = (np.random.default_rng(0).random((50, 20)) < 0.5).astype(np.float32)
    assert planned(build_table(x, source="bits")).model.likelihood == "bernoulli"


@pytest.mark.parametrize(("side", "encoder", "latent"), [(32, "fc", 10), (33, "conv", 32)])
def test_images_of_more_than_1024_values_get_convolutions(
    side: int, encoder: str, latent: int
) -> None:
    model = planned(images(side=side)).model
    assert (model.encoder, model.latent_dim, model.likelihood) == (encoder, latent, "bernoulli")


def test_the_paper_s_network_is_the_rule_for_mnist() -> None:
    model = planned(images(side=28)).model
    assert (model.widths, model.latent_dim, model.num_anchors) == ((512, 256, 128, 64), 10, 10)
    assert model.beta == 1.0


@pytest.mark.parametrize(("count", "batch"), [(60, 60), (1999, 64), (2000, 128), (10_000, 256)])
def test_batches_grow_with_the_data(count: int, batch: int) -> None:
    assert planned(vectors(count, 2)).batch_size == batch


@pytest.mark.parametrize(("count", "epochs"), [(60, 100), (10_000, 77), (200_000, 6)])
def test_epochs_are_about_three_thousand_steps(count: int, epochs: int) -> None:
    assert planned(vectors(count, 1)).fit.epochs == epochs


@pytest.mark.parametrize(("count", "anchors"), [(3, 1), (20, 4), (60, 10)])
def test_few_samples_get_few_anchors(count: int, anchors: int) -> None:
    assert planned(vectors(count)).model.num_anchors == anchors


@pytest.mark.parametrize(("epochs", "warmup"), [(1, 0), (2, 1), (6, 2), (7, 3)])
def test_a_third_of_the_epochs_is_warm_up(epochs: int, warmup: int) -> None:
    assert planned(vectors(), epochs=epochs).model.warmup_epochs == warmup


def test_every_rule_can_be_overridden() -> None:
    given = planned(
        images(),
        latent_dim=3,
        num_anchors=4,
        epochs=7,
        batch_size=16,
        encoder="conv",
        likelihood="gaussian",
        beta=0.25,
        warmup_epochs=0,
    )
    model = given.model
    assert (model.latent_dim, model.num_anchors, model.encoder) == (3, 4, "conv")
    assert (model.likelihood, model.beta, model.warmup_epochs) == ("gaussian", 0.25, 0)
    assert (given.fit.epochs, given.batch_size) == (7, 16)


def test_a_host_is_chosen_for_anchors_only() -> None:
    assert planned(vectors(), method="nvc", host="dvae").model.host == "dvae"
    assert planned(vectors(), method="dvae").model.host == "dvae"


def test_the_plan_says_what_was_chosen() -> None:
    text = "\n".join(planned(images(), epochs=6).reasons)
    for said in ("fully connected", "10 numbers", "Bernoulli", "never read in training"):
        assert said in text
    assert "anchors: 10, acting from epoch 3" in text
    assert "nvc-ml, 6 epochs, batches of 60" in text
    assert "read in training" in "\n".join(planned(images(), method="cvae").reasons)


REFUSED = [
    ({"num_anchors": 61}, "`num_anchors` must not exceed the number of samples, got 61 anchors"),
    ({"num_anchors": 0}, "`num_anchors` must be at least 1, got 0"),
    ({"latent_dim": 0}, "`latent_dim` must be at least 1, got 0"),
    ({"epochs": 0}, "`epochs` must be at least 1, got 0"),
    ({"batch_size": 2}, "`batch_size` must be at least 3, got 2"),
    ({"lr": 0.0}, "`lr` must be positive and finite, got 0.0"),
    ({"lr": float("inf")}, "`lr` must be positive and finite, got inf"),
    ({"seed": -1}, "`seed` must lie in 0..4294967295, got -1"),
    ({"seed": 2**31}, "`seed` must be below 2147483648, got 2147483648"),
    ({"beta": -1.0}, "`beta` must be 0 or more, got -1.0"),
    ({"nebula_weight": -1.0}, "`nebula_weight` must be 0 or more, got -1.0"),
    ({"pair_weight": float("nan")}, "`pair_weight` must be 0 or more, got nan"),
    ({"triplet_weight": -0.5}, "`triplet_weight` must be 0 or more, got -0.5"),
    ({"warmup_epochs": -1}, "`warmup_epochs` must be 0 or more, got -1"),
    ({"epochs": 2, "warmup_epochs": 2}, "`warmup_epochs` must be below `epochs` .2., got 2"),
    ({"encoder": "conv"}, "`encoder` must be fc for vectors, got conv"),
    ({"likelihood": "bernoulli"}, "`likelihood` bernoulli must have values in .0, 1."),
    ({"method": "cvae"}, "`cvae` must have labelled data, got data without labels"),
    ({"supervised": True}, "`supervised` must have labelled data, got data without labels"),
    ({"method": "vae", "prior": "anchors"}, "`prior` must go with nvc or nvc-ml, got method vae"),
    ({"method": "vae", "host": "dvae"}, "`host` must go with nvc or nvc-ml, got method vae"),
    ({"host": "ae", "prior": "anchors"}, "`prior` anchors must go with a variational host"),
    ({"form": "released", "prior": "anchors"}, "`form` released must go with neither"),
]


@pytest.mark.parametrize(("choices", "sentence"), REFUSED)
def test_choices_that_do_not_fit_are_refused(choices: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        planned(vectors(), **choices)


def test_supervision_needs_an_anchor_for_each_class() -> None:
    with pytest.raises(ValueError, match=r"at least the number of classes \(4\).* got 3"):
        planned(images(), supervised=True, num_anchors=3)


def test_a_conditional_host_has_its_own_use_of_labels() -> None:
    with pytest.raises(ValueError, match="`host` cvae must go with neither"):
        planned(images(), host="cvae", supervised=True)
