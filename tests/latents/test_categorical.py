"""Categorical posteriors: relaxed samples, one-hot samples, divergence."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from laws.cases import RowNoise
from nebulatent.latents.categorical import Categorical, gumbel_noise
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def drawn(temperature: float, codes: int = 5) -> Categorical:
    """Two variables of three categories."""
    return Categorical(torch.randn(codes, 2, 3), torch.tensor(temperature))


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_relaxed_sample_is_the_oracles(temperature: float, matches: Matches) -> None:
    posterior = drawn(temperature)
    with RowNoise():
        found, noise = posterior.rsample(), gumbel_noise(posterior.logits)
    rows = zip(posterior.logits.flatten(0, 1).tolist(), noise.flatten(0, 1).tolist(), strict=True)
    expected = [oracle.gumbel_softmax(a, g, temperature) for a, g in rows]
    matches(found.unflatten(1, (2, 3)).flatten(0, 1), expected)


def test_divergence_is_the_oracles(matches: Matches) -> None:
    posterior = drawn(1.0)
    expected = [sum(oracle.categorical_kl(v) for v in row) for row in posterior.logits.tolist()]
    matches(posterior.kl(), expected)


def test_divergence_of_uniform_variables_is_zero_and_of_certain_ones_log_k() -> None:
    uniform = Categorical(torch.zeros(1, 2, 3), torch.ones(()))
    assert uniform.kl().item() == pytest.approx(0.0, abs=1e-12)
    certain = Categorical(torch.tensor([[[90.0, 0.0, 0.0]]]), torch.ones(()))
    assert certain.kl().item() == pytest.approx(math.log(3))


def test_noise_is_gumbels() -> None:
    noise = gumbel_noise(torch.empty(200_000))
    assert noise.isfinite().all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.02)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, abs=0.03)


@pytest.mark.parametrize("extreme", [-30.0, -8.0, 5.0])
def test_noise_is_finite_on_the_tails(extreme: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def extremes(like: Tensor) -> Tensor:
        return torch.full_like(like, extreme)

    monkeypatch.setattr(torch, "randn_like", extremes)
    assert gumbel_noise(torch.zeros(1, dtype=torch.float32)).isfinite().all()


def test_cold_samples_are_one_hot_with_the_stated_probabilities() -> None:
    posterior = Categorical(drawn(0.0).logits[:1].expand(40_000, -1, -1), torch.tensor(0.0))
    z = posterior.rsample()
    assert torch.equal(z.unflatten(1, (2, 3)).sum(2), torch.ones(40_000, 2))
    assert (z.mean(0) - posterior.mean[0]).abs().max() < 0.02
    expected = (z[0] * posterior.mean[0].log()).sum()
    torch.testing.assert_close(posterior.log_prob(z)[0], expected)


def test_relaxed_samples_carry_a_gradient() -> None:
    logits = torch.randn(2, 1, 3, requires_grad=True)

    def sample(logits: Tensor) -> Tensor:
        torch.manual_seed(0)
        return Categorical(logits, torch.tensor(0.7)).rsample()

    assert torch.autograd.gradcheck(sample, (logits,))
