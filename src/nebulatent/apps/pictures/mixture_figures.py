r"""What ParAE makes of clouds, as arrays for pictures and as numbers.

Source: Eckart et al., CVPR 2021, Fig. 3: points in the colour of their Gaussian, and each Gaussian
as the ellipsoid at one standard deviation, :math:`\mu + L u` with :math:`\Sigma = L L^\top` and u
on the unit sphere.
"""

import math

import numpy as np
import torch

from nebulatent.apps.pictures.figures import Mixtures
from nebulatent.apps.planning.build import Trained
from nebulatent.apps.runs.inputs import samples
from nebulatent.apps.runs.runs import Run
from nebulatent.data.batch import Batch
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import chunks
from nebulatent.evaluation.measures import Measure
from nebulatent.methods.parae import ParAE, mixture_nll
from nebulatent.ops.mixtures import GaussianMixture
from nebulatent.typing import Float, Tensor

SURFACE = 240  # points of an ellipsoid
TEXT = "-log p of a point under the mixture of its cloud, averaged over points and clouds"


@torch.no_grad()
def divided(model: Trained, x: Float[Tensor, "samples ..."]) -> Mixtures | None:
    """The division of clouds, scaled, by a method that divides; None for any other."""
    if not isinstance(model, ParAE):
        return None
    part, mixture = model.assign(x), model.mixture(x)
    surface = ellipsoids(mixture)
    number = torch.arange(surface.shape[1])
    used = torch.stack([torch.bincount(row, minlength=len(number)) > 0 for row in part])
    # A component without a point of its own hides in the middle of one that has points.
    shown = torch.where(used, number, used.int().argmax(1, keepdim=True))
    centre = mixture.means.gather(1, shown.unsqueeze(2).expand(-1, -1, 3)).unsqueeze(2)
    surface = torch.where(used[..., None, None], surface, centre)
    owner = shown.unsqueeze(2).expand(surface.shape[:3])
    return Mixtures(part.numpy(), surface.flatten(1, 2).numpy(), owner.flatten(1, 2).numpy())


def ellipsoids(mixture: GaussianMixture) -> Float[Tensor, "batch components many 3"]:
    """Points of each component at one standard deviation, spread as a sunflower's seeds."""
    sphere = torch.from_numpy(sunflower(SURFACE)).to(mixture.means)
    factor = torch.linalg.cholesky(mixture.covariances)
    return mixture.means.unsqueeze(2) + sphere @ factor.mT


def sunflower(count: int) -> Float[np.ndarray, "count 3"]:
    """Points on the unit sphere, spread as a sunflower's seeds."""
    number = np.arange(count)
    height = 1 - (2 * number + 1) / count
    angle = number * math.pi * (3 - math.sqrt(5))
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=1)


@torch.no_grad()
def mixture_measures(run: Run, table: Table) -> list[Measure]:
    """Negative log-likelihood of clouds under their mixtures, and under one Gaussian each."""
    if not isinstance(run.model, ParAE):
        return []
    own = one = 0.0
    for batch in chunks(samples(table.x), run.config.scaling.apply):
        own += run.model(Batch(batch.x)).values["nll"].item() * len(batch.x)
        alone = mixture_nll(batch.x, torch.zeros(*batch.x.shape[:2], 1))
        one += alone.sum().item()
    count = table.num_samples
    return [
        Measure("mixture NLL", own / count, "lower", "nats per point", f"{TEXT}.", False),
        Measure(
            "single Gaussian NLL",
            one / count,
            "neither",
            "nats per point",
            f"{TEXT}, with one component: what the mixture must beat.",
            False,
        ),
    ]
