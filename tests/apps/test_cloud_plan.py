"""The rules for clouds of points, and the choices that are not for them."""

from typing import Any

import numpy as np
import pytest
import torch

from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.cloud_plan import pointnet_widths
from nebulatent.apps.planning.plan import Plan, plan
from nebulatent.backbones.pointnet import PointNetEncoder
from nebulatent.data.batch import Batch
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table
from nebulatent.objectives.cloud_likelihoods import ChamferLikelihood


def clouds(count: int = 60, points: int = 64, columns: int = 3) -> Table:
    x = np.random.default_rng(0).normal(size=(count, points, columns)).astype(np.float32)
    return build_table(x, source="clouds", labels=[i % 4 for i in range(count)])


def planned(table: Table, **choices: Any) -> Plan:  # noqa: ANN401
    return plan(table, fit_scaling(table), Choices(**choices))


def test_clouds_get_a_quarter_pointnet_and_a_chamfer_distance() -> None:
    chosen = planned(clouds())
    model = chosen.model
    assert (model.encoder, model.likelihood, model.beta) == ("pointnet", "chamfer", 1.0)
    assert (model.widths, model.latent_dim) == ((16, 16, 16, 32, 256), 32)
    assert (model.shape, model.num_anchors, chosen.batch_size) == ((64, 3), 10, 32)


@pytest.mark.parametrize(
    ("count", "points", "epochs"), [(1600, 16, 200), (9_000, 512, 11), (70_000, 128, 6)]
)
def test_epochs_show_fifty_million_points(count: int, points: int, epochs: int) -> None:
    x = np.zeros((count, 1, 1), np.float32)
    table = clouds(4)._replace(x=np.broadcast_to(x, (count, points, 3)))
    assert planned(table, method="vae").fit.epochs == epochs


@pytest.mark.parametrize("width", [1 / 16, 0.3, 1.0])
def test_the_channels_printed_are_those_of_the_network(width: int) -> None:
    model = planned(clouds(), point_width=width).model
    encoder = build(model, seed=0).autoencoder.encoder
    assert isinstance(encoder, PointNetEncoder)
    linear = [m.out_features for m in encoder.modules() if isinstance(m, torch.nn.Linear)]
    assert tuple(linear) == model.widths == pointnet_widths(width)


def test_a_cloud_counts_the_same_however_finely_it_is_sampled() -> None:
    model = build(planned(clouds(points=32)).model, seed=0)
    assert isinstance(model.likelihood, ChamferLikelihood)
    x, recon = torch.randn(1, 32, 3), torch.randn(1, 32, 3)
    nats = model.likelihood(recon, x)
    assert torch.allclose(nats, model.likelihood(recon, x.repeat(1, 4, 1)), rtol=1e-5)


@pytest.mark.parametrize("method", ["ae", "vae", "nvc", "nvc-ml"])
def test_each_method_for_clouds_has_finite_terms(method: str) -> None:
    model = build(planned(clouds(), method=method, warmup_epochs=0, point_width=1 / 16).model, 0)
    assert model(Batch(torch.randn(6, 64, 3))).total.isfinite()


def test_the_plan_says_that_it_is_no_likelihood() -> None:
    text = "\n".join(planned(clouds()).reasons)
    for said in ("PointNet", "16-16-16-32-256", "32 numbers", "64 points", "never read"):
        assert said in text
    assert "not the likelihood of a density" in text


REFUSED = [
    ({"method": "dvae"}, "`method` must be one of ae, vae, nvc, nvc-ml, parae for clouds"),
    (
        {"method": "nvc-consistency"},
        "`method` must be one of ae, vae, nvc, nvc-ml, parae for clouds",
    ),
    ({"host": "cvae"}, "with host ae or vae, got host cvae"),
    ({"encoder": "conv"}, "`encoder` must be pointnet for clouds of points, got conv"),
    ({"likelihood": "gaussian"}, "`likelihood` must be left out for clouds"),
    ({"point_width": 0.0}, "`point_width` must be above 0 and at most 4, got 0"),
    ({"point_width": float("nan")}, "`point_width` must be above 0 and at most 4, got nan"),
]


@pytest.mark.parametrize(("choices", "sentence"), REFUSED)
def test_choices_that_are_not_for_clouds_are_refused(
    choices: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        planned(clouds(), **choices)


def test_points_with_more_than_coordinates_are_refused() -> None:
    with pytest.raises(ValueError, match="clouds of 3 coordinates to be rebuilt, got 6 numbers"):
        planned(clouds(columns=6))


@pytest.mark.parametrize("choices", [{"encoder": "pointnet"}, {"point_width": 0.5}])
def test_other_data_have_no_pointnet(choices: dict[str, Any]) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    with pytest.raises(ValueError, match=r"must go with clouds of points|must be fc for vectors"):
        planned(build_table(x, source="rows"), **choices)


def test_parae_has_the_encoder_and_no_decoder() -> None:
    chosen = planned(clouds(), method="parae", point_width=0.125)
    model = chosen.model
    assert (model.likelihood, model.host, model.latent_dim) == ("mixture", "ae", 128)
    assert not model.decodes
    assert "32 Gaussians" in "\n".join(chosen.reasons)
    built = build(model, seed=0)
    assert built(Batch(torch.randn(6, 64, 3))).total.isfinite()
    assert built.encode(torch.randn(6, 64, 3)).mean.shape == (6, 128)


def test_parae_is_for_clouds_and_chooses_its_own_code() -> None:
    x = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    with pytest.raises(ValueError, match="`method` parae must have clouds of points"):
        planned(build_table(x, source="rows"), method="parae")
    with pytest.raises(ValueError, match="`latent_dim` must be left out for parae"):
        planned(clouds(), method="parae", latent_dim=8)
