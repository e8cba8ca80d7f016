"""VaDE: the bound's divergence, the clusters' posterior, the start from a Gaussian mixture."""

import math
from collections.abc import Callable

import pytest
import torch

from laws.cases import LATENT, anchors, host, vectors
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.vade import VaDE
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def spread() -> VaDE:
    """A method whose mixture is not the standard one."""
    method = VaDE(host(), anchors())
    method.mixture.logits.data.normal_()
    method.mixture.logvar.data.normal_()
    return method


def mixture(method: VaDE) -> tuple[list[float], list[list[float]], list[list[float]]]:
    """Logits, means and log variances as the oracle takes them."""
    return (
        method.mixture.logits.tolist(),
        method.clusters.positions.tolist(),
        method.mixture.logvar.tolist(),
    )


def test_divergence_and_responsibilities_are_the_oracles(matches: Matches) -> None:
    method, batch = spread(), vectors()
    coding = method.code(batch)
    z, (mean, logvar) = coding.z.tolist(), (part.tolist() for part in coding.posterior)
    matches(method.divergence(coding), oracle.vade_kl(z, mean, logvar, *mixture(method)))
    expected = oracle.vade_responsibilities(z, *mixture(method))
    matches(method.assign_probabilities(coding.z), expected)
    assert torch.equal(method.assign(coding.z), method.assign_probabilities(coding.z).argmax(1))


def test_divergence_is_that_from_the_mixture_or_more_and_less_noisy() -> None:
    method = spread().eval()
    batch = vectors()
    codings = [method.code(batch) for _ in range(400)]
    ours = torch.stack([method.divergence(coding) for coding in codings])
    positions = method.clusters.positions
    sampled = torch.stack(
        [method.mixture.kl(c.posterior, c.z, positions) for c in codings]  # pyright: ignore
    )
    error = (sampled - ours).std(0) / math.sqrt(400)
    assert (ours.mean(0) - sampled.mean(0) > -5 * error).all()
    assert ours.std(0).mean() < sampled.std(0).mean()


def test_one_standard_cluster_is_the_vae() -> None:
    method = VaDE(host(), AnchorSet(1, LATENT))
    method.clusters.positions.data.zero_()
    coding = method.code(vectors())
    torch.testing.assert_close(method.divergence(coding), coding.posterior.kl())


def test_warm_up_has_no_divergence() -> None:
    method = VaDE(host(), AnchorSet(3, LATENT, warmup_epochs=1, revive=False))
    method.begin_epoch(0, lambda: pytest.fail("no codes are needed yet"))
    assert method(vectors()).values.keys() == {"reconstruction"}


def test_mixture_starts_where_expectation_maximisation_ends() -> None:
    method = VaDE(host(), AnchorSet(3, LATENT, revive=False))
    label = torch.arange(300) // torch.tensor(100)
    label[:60] = 2
    centres = 9 * torch.eye(3, LATENT)
    scale = torch.tensor([0.1, 0.5, 1.0])[label].unsqueeze(1)
    z = centres[label] + scale * torch.randn(300, LATENT)
    method.begin_epoch(0, lambda: Snapshot(z))
    found = method.assign(z)
    order = [int(found[label == k].mode().values) for k in range(3)]
    assert sorted(order) == [0, 1, 2]
    shares = method.mixture.logits.softmax(0)[order]
    torch.testing.assert_close(shares, torch.tensor([40.0, 100.0, 160.0]) / 300)
    width = (method.mixture.logvar[order].mean(1) / 2).exp()
    torch.testing.assert_close(width, torch.tensor([0.1, 0.5, 1.0]), rtol=0.2, atol=0)
    before = method.mixture.logvar.clone()
    method.begin_epoch(1, lambda: pytest.fail("the mixture is fitted once"))
    assert torch.equal(method.mixture.logvar, before)


def test_training_runs_through_both_phases() -> None:
    method = VaDE(host(), AnchorSet(3, LATENT, warmup_epochs=2, revive=False))
    x = vectors().x.repeat(5, 1)
    history = fit(method, Batches(x, batch_size=24), FitConfig(epochs=6, lr=1e-2))
    assert "kl" not in history[1] and history[-1]["total"] < history[2]["total"]


def test_point_masses_are_refused() -> None:
    with pytest.raises(TypeError, match=r"`Variational` bottleneck, got .*Dirac"):
        VaDE(host(Deterministic), anchors())(vectors())
