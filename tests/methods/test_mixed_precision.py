"""Latent terms inside a network that computes in half precision keep the anchors' precision."""

import math
from collections.abc import Callable

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from laws.cases import LATENT, SELF_SUPERVISED, Case, nebula, released
from nebulatent.data.batch import Batches
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

every_module = pytest.mark.parametrize(
    "build", [lambda: nebula(metric=True), lambda: nebula(form="euclidean"), lambda: released(-1)]
)
low_precision = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])


@every_module
@low_precision
def test_codes_of_half_precision_give_the_terms_of_their_values(
    build: Callable[[], nn.Module], dtype: torch.dtype
) -> None:
    module, z = build(), torch.randn(12, LATENT).to(dtype).requires_grad_()
    terms, expected = module(z), module(z.detach().float())
    for name, value in expected.values.items():
        torch.testing.assert_close(terms.values[name].float(), value, rtol=1e-5, atol=1e-6)
    terms.total.backward()
    assert z.grad is not None and z.grad.dtype == dtype and z.grad.isfinite().all()


@every_module
def test_autocast_does_not_round_the_terms(build: Callable[[], nn.Module]) -> None:
    module, z = build(), torch.randn(12, LATENT).bfloat16()
    expected = module(z.float())
    with torch.autocast("cpu", torch.bfloat16):
        terms = module(z)
    for name, value in expected.values.items():
        torch.testing.assert_close(terms.values[name].float(), value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
@pytest.mark.parametrize(
    "case",
    [case for case in SELF_SUPERVISED if "released" not in case.name],
    ids=lambda case: case.name,
)
def test_fit_trains_in_the_precision_of_its_fabric(case: Case, precision: str) -> None:
    method, batch = case.build(), case.batch()
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    history = fit(method, Batches(batch.x, batch_size=12), FitConfig(epochs=2), fabric=fabric)
    assert math.isfinite(history[-1]["total"])
    assert len(history[-1]) >= 4
