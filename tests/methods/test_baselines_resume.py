"""What a baseline keeps between steps and epochs is saved: a stopped run ends bit for bit alike."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from laws.cases import LATENT, host
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.latents.quantized import Codebook
from nebulatent.methods.dec import DEC
from nebulatent.methods.gumbel_vae import GumbelVAE
from nebulatent.methods.prototypes import DeepKMeans
from nebulatent.methods.vade import VaDE
from nebulatent.methods.vq_vae import VQVAE
from nebulatent.training.fit import fit
from training.runs import CONFIG, STEPS, data, equal, every, interrupt


def clusters() -> AnchorSet:
    """Centres that are placed after one epoch."""
    return AnchorSet(3, LATENT, warmup_epochs=1)


def book() -> Codebook:
    """Entries that follow their codes."""
    return Codebook(3, LATENT, decay=0.9, warmup_epochs=1)


METHODS: dict[str, Callable[[], nn.Module]] = {
    "DEC": lambda: DEC(host(Deterministic), clusters()),
    "VaDE": lambda: VaDE(host(), clusters()),
    "VQ-VAE": lambda: VQVAE(host(Deterministic), book()),
    "Gumbel": lambda: GumbelVAE(host(Deterministic), 2),
    "deep k-means": lambda: DeepKMeans(host(Deterministic), clusters()),
}


def made(name: str, seed: int = 0) -> nn.Module:
    """The method with drawn weights."""
    torch.manual_seed(seed)
    return METHODS[name]()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("at", [STEPS - 1, 2 * STEPS + 1])
def test_resumed_run_equals_the_whole_run(name: str, at: int, tmp_path: Path) -> None:
    expected = made(name)
    rows = fit(expected, data(), CONFIG)
    saving = every(1, tmp_path)
    interrupt(made(name), saving, at)
    method = made(name, seed=3)
    assert fit(method, data(), CONFIG, saving=saving) == rows
    assert equal(method.state_dict(), expected.state_dict())
