"""Latent spaces that organise themselves by meaning, without labels.

>>> import torch
>>> from nebulatent import NebulaAnchors
>>> nebula = NebulaAnchors(num_anchors=10, latent_dim=16, metric=True)
>>> loss = nebula(torch.randn(128, 16)).total  # add it to any network's loss

Names are loaded when first used: `import nebulatent` costs what `import torch` costs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nebulatent.apps.estimator import NebulaClustering
    from nebulatent.apps.exports.hub import from_pretrained, push_to_hub
    from nebulatent.apps.runs.load import load
    from nebulatent.data.batch import Batch, Batches
    from nebulatent.latents.anchors import AnchorSet
    from nebulatent.latents.autoencoder import Autoencoder
    from nebulatent.latents.bottlenecks import Deterministic, Variational
    from nebulatent.methods.cvae import CVAE
    from nebulatent.methods.nvc import NVC, NebulaAnchors
    from nebulatent.methods.vae import VAE
    from nebulatent.terms import Terms
    from nebulatent.training.checkpoints import Saving
    from nebulatent.training.config import FitConfig
    from nebulatent.training.fit import fit

__version__ = "0.1.0"

_HOMES = {
    "AnchorSet": "latents.anchors",
    "Autoencoder": "latents.autoencoder",
    "Batch": "data.batch",
    "Batches": "data.batch",
    "CVAE": "methods.cvae",
    "Deterministic": "latents.bottlenecks",
    "FitConfig": "training.config",
    "NVC": "methods.nvc",
    "NebulaAnchors": "methods.nvc",
    "NebulaClustering": "apps.estimator",
    "Saving": "training.checkpoints",
    "Terms": "terms",
    "VAE": "methods.vae",
    "Variational": "latents.bottlenecks",
    "fit": "training.fit",
    "from_pretrained": "apps.exports.hub",
    "load": "apps.runs.load",
    "push_to_hub": "apps.exports.hub",
}

__all__ = [
    "CVAE",
    "NVC",
    "VAE",
    "AnchorSet",
    "Autoencoder",
    "Batch",
    "Batches",
    "Deterministic",
    "FitConfig",
    "NebulaAnchors",
    "NebulaClustering",
    "Saving",
    "Terms",
    "Variational",
    "fit",
    "from_pretrained",
    "load",
    "push_to_hub",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nebulatent' has no attribute {name!r}")
    return getattr(import_module(f"nebulatent.{_HOMES[name]}"), name)
