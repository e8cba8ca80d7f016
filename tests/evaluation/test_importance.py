"""The importance-weighted bound against a model whose evidence is known, and against loops."""

import math

import pytest
import torch
from torch import nn

from nebulatent.evaluation import importance
from nebulatent.evaluation.importance import importance_bounds, log_prior
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.latents.priors import AnchorMixture
from nebulatent.methods.gmvae import GMVAE
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.methods.vade import VaDE
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import Gaussian
from oracles import nvc as oracle

pytestmark = pytest.mark.usefixtures("float64")
WIDTHS = torch.tensor([2.0, 0.5, 0.1], dtype=torch.float64)  # of three orthogonal directions
NOISE = 0.3  # variance


def same(x: torch.Tensor) -> torch.Tensor:
    return x


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def directions() -> torch.Tensor:
    """Five features by three codes, orthogonal, so that the exact posterior is diagonal."""
    return torch.linalg.qr(torch.randn(5, 3, generator=seeded(), dtype=torch.float64))[0] * WIDTHS


def linear_gaussian(offset: float = 0.0, wider: float = 0.0) -> VAE:
    """A linear map and noise with its exact posterior, shifted and widened if asked to."""
    columns = directions()
    variance = 1 / (1 + WIDTHS.square() / NOISE)
    bottleneck, decoder = Variational(5, 3), nn.Linear(3, 5, bias=False)
    with torch.no_grad():
        bottleneck.moments.weight[:3] = variance.unsqueeze(1) * columns.T / NOISE
        bottleneck.moments.weight[3:] = 0
        bottleneck.moments.bias[:3] = offset
        bottleneck.moments.bias[3:] = variance.log() + wider
        decoder.weight.copy_(columns)
    likelihood = Gaussian()
    nn.init.constant_(likelihood.logvar, math.log(NOISE))
    return VAE(Autoencoder(nn.Identity(), bottleneck, decoder), likelihood=likelihood).eval()


def evidence_of(x: torch.Tensor) -> torch.Tensor:
    """Density N(x; 0, W W^T + noise): what the bound must never pass, but by chance."""
    columns = directions()
    covariance = columns @ columns.T + NOISE * torch.eye(5)
    return torch.distributions.MultivariateNormal(torch.zeros(5), covariance).log_prob(x)


@pytest.mark.parametrize("draws", [1, 7])
def test_bound_is_the_evidence_when_the_posterior_is_exact(draws: int) -> None:
    x = torch.randn(6, 5)
    found = importance_bounds(linear_gaussian(), x, same, generator=seeded(), draws=draws)
    torch.testing.assert_close(found, evidence_of(x), rtol=1e-10, atol=1e-10)


def test_bound_rises_with_the_draws_towards_the_evidence() -> None:
    x, model = torch.randn(400, 5), linear_gaussian(offset=0.3, wider=0.5)
    means = [
        importance_bounds(model, x, same, generator=seeded(), draws=draws).mean().item()
        for draws in (1, 5, 50, 1000)
    ]
    exact = evidence_of(x).mean().item()
    assert means[0] < means[1] < means[2] < means[3] < exact + 0.01
    assert exact - means[0] > 0.3 and exact - means[3] < 0.01


def test_one_draw_is_an_elbo_of_the_right_mean() -> None:
    x, model = torch.randn(4000, 5), linear_gaussian(offset=0.3, wider=0.5)
    posterior = model.encode(x)
    variance = 1 / (1 + WIDTHS.square() / NOISE)
    # ELBO = evidence - KL[q || exact posterior], in closed form.
    shift = 0.5 * (0.3**2 / variance + math.exp(0.5) - 1 - 0.5).sum()
    found = importance_bounds(model, x, same, generator=seeded(), draws=1)
    assert found.mean().item() == pytest.approx(
        (evidence_of(x).mean() - shift).item(), abs=4 * found.std().item() / 4000**0.5
    )
    assert posterior.kl().shape == found.shape


def small_host(latent: int = 2, decoded: int = 2, features: int = 4) -> Autoencoder:
    return Autoencoder(nn.Identity(), Variational(features, latent), nn.Linear(decoded, features))


def mixed(prior: AnchorMixture) -> AnchorMixture:
    prior.logits.data.normal_()
    prior.logvar.data.normal_()
    return prior


def mixture_nvc() -> NVC:
    return NVC(small_host(), NebulaAnchors(3, 2), prior=mixed(AnchorMixture(3, 2)))


@pytest.mark.parametrize("draws", [1, 4])
@pytest.mark.parametrize(
    "method", [lambda: VAE(small_host()), mixture_nvc, lambda: GMVAE(small_host(3, 2), 4, 2, 1)]
)
def test_bound_is_the_loop_over_draws(method, draws: int) -> None:  # noqa: ANN001
    model, x = method().eval(), torch.rand(5, 4)
    posterior, generator = model.encode(x), seeded(3)
    weights = []
    for _ in range(draws):
        noise = torch.randn(posterior.mean.shape, generator=generator)
        z = posterior.mean + noise * (0.5 * posterior.logvar).exp()
        recon = model.autoencoder.decode(z[:, :2])
        log_p = log_prior(model, z) - model.likelihood(recon, x)
        weights.append((log_p - posterior.log_prob(z)).tolist())
    found = importance_bounds(model, x, same, generator=seeded(3), draws=draws).tolist()
    for n, value in enumerate(found):
        mean = sum(math.exp(row[n]) for row in weights) / draws
        assert value == pytest.approx(math.log(mean), rel=1e-10)


def test_draws_at_once_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = mixture_nvc().eval(), torch.rand(5, 4)
    whole = importance_bounds(model, x, same, generator=seeded(), draws=7)
    assert torch.equal(whole, importance_bounds(model, x, same, generator=seeded(), draws=7))
    assert not torch.equal(whole, importance_bounds(model, x, same, generator=seeded(1), draws=7))
    monkeypatch.setattr(importance, "VALUES", 60)  # three draws of five samples
    parts = importance_bounds(model, x, same, generator=seeded(), draws=7)
    torch.testing.assert_close(parts, whole)


def test_memory_does_not_grow_with_the_draws() -> None:
    sizes: list[int] = []
    model = VAE(small_host(features=400)).eval()
    model.autoencoder.decoder.register_forward_hook(lambda *args: sizes.append(args[2].numel()))
    importance_bounds(model, torch.rand(500, 400), same, generator=seeded(), draws=50)
    assert max(sizes) <= importance.VALUES and sum(sizes) == 500 * 400 * 50


def test_weights_far_below_zero_do_not_underflow() -> None:
    x = 1e4 * torch.ones(2, 5)
    model = linear_gaussian(offset=1.0)
    found = importance_bounds(model.float(), x.float(), same, generator=seeded(), draws=20)
    assert found.dtype == torch.float64 and found.isfinite().all() and (found < -1e6).all()


def test_priors_are_the_oracles_densities() -> None:
    z = torch.randn(6, 2)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    torch.testing.assert_close(log_prior(VAE(small_host()), z), normal)
    torch.testing.assert_close(log_prior(NVC(small_host(), NebulaAnchors(3, 2)), z), normal)
    model = mixture_nvc()
    assert model.prior is not None
    anchors = model.latent_terms.anchors.positions
    parts = [part.tolist() for part in (anchors, model.prior.logits, model.prior.logvar)]
    expected = torch.tensor(oracle.mixture_log_density(z.tolist(), *parts))
    torch.testing.assert_close(log_prior(model, z), expected)
    vade = VaDE(small_host(), AnchorSet(3, 2))
    vade.mixture.load_state_dict(model.prior.state_dict())
    vade.clusters.positions.data.copy_(anchors)
    torch.testing.assert_close(log_prior(vade, z), expected)


def test_mixture_counts_only_once_the_anchors_act() -> None:
    model, z = mixture_nvc(), torch.randn(6, 2)
    model.latent_terms.anchors.warmup_epochs = 2
    model.latent_terms.anchors.epoch = 1
    torch.testing.assert_close(log_prior(model, z), log_prior(VAE(small_host()), z))
    model.latent_terms.anchors.epoch = 2
    assert not torch.allclose(log_prior(model, z), log_prior(VAE(small_host()), z))


def test_prior_of_the_gmvae_is_a_density_of_both_parts_of_its_code() -> None:
    model = GMVAE(small_host(2, 1), 3, 1, 1, hidden_dim=5)
    model.shape_net[2].weight.data.mul_(3)
    line = torch.linspace(-9, 9, 721)
    z = torch.cartesian_prod(line, line)
    mass = log_prior(model, z).exp().sum() * (line[1] - line[0]) ** 2
    assert mass.item() == pytest.approx(1.0, abs=1e-4)


def test_wrong_input_is_named() -> None:
    x, model = torch.rand(2, 4), VAE(small_host())
    with pytest.raises(ValueError, match="`draws` must be at least 1, got 0"):
        importance_bounds(model, x, same, generator=seeded(), draws=0)
    with pytest.raises(ValueError, match="at least one sample, got none"):
        importance_bounds(model, x[:0], same, generator=seeded())
    point = VAE(Autoencoder(nn.Identity(), Deterministic(4, 2), nn.Linear(2, 4)))
    with pytest.raises(TypeError, match="got a Dirac posterior"):
        importance_bounds(point, x, same, generator=seeded())
