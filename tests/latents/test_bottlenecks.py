"""Features become a point or a Gaussian; sizes are checked, variances cannot overflow."""

import pytest
import torch

from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.latents.posterior import DiagonalGaussian, Dirac


def test_deterministic_bottleneck_gives_a_point() -> None:
    posterior = Deterministic(5, 3)(torch.randn(4, 5))
    assert isinstance(posterior, Dirac) and posterior.mean.shape == (4, 3)


def test_variational_bottleneck_gives_a_gaussian_from_one_linear_map() -> None:
    bottleneck, h = Variational(5, 3), torch.randn(4, 5)
    posterior = bottleneck(h)
    assert isinstance(posterior, DiagonalGaussian)
    assert torch.equal(torch.cat(posterior, 1), bottleneck.moments(h))


@pytest.mark.parametrize("size", [-1e6, 1e6])
def test_wild_features_leave_kl_and_samples_finite(size: float) -> None:
    posterior = Variational(5, 3)(torch.full((4, 5), size))
    posterior = posterior._replace(mean=torch.zeros(4, 3))
    assert posterior.kl().isfinite().all()
    assert posterior.rsample().isfinite().all()
    assert posterior.log_prob(torch.ones(4, 3)).isfinite().all()


@pytest.mark.parametrize("kind", [Deterministic, Variational])
@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [((0, 3), "`feature_dim` must be positive, got 0"), ((5, 0), "`latent_dim` must be pos")],
)
def test_sizes_that_are_not_positive_are_refused(
    kind: type[torch.nn.Module], sizes: tuple[int, int], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        kind(*sizes)
