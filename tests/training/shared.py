"""What each of two processes does: see `test_processes`."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from laws.cases import FEATURES
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.nvc import NVC, NebulaAnchors, NebulaWeights
from nebulatent.objectives.contrastive import info_nce
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

CODES, LATENT, ANCHORS = 256, 6, 5
TERMS = ("nebula", "pair", "triplet", "InfoNCE")


class Coder(nn.Module):
    """A linear encoder under one latent term, as a network with a loss."""

    def __init__(self, term: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(FEATURES, LATENT)
        weights = NebulaWeights(*(float(name == term) for name in TERMS[:3]))
        anchors = AnchorSet(ANCHORS, LATENT)
        self.nebula = NebulaAnchors(ANCHORS, LATENT, metric=True, weights=weights, anchors=anchors)
        self.term = term

    def forward(self, x: Tensor) -> Tensor:
        z = self.encoder(x)
        if self.term == "InfoNCE":
            return info_nce(z, self.encoder(x.flip(1)))
        return self.nebula(z).total


def samples(count: int) -> Tensor:
    """The same vectors in every process."""
    return torch.rand(count, FEATURES, generator=torch.Generator().manual_seed(1))


def gradients(model: nn.Module, x: Tensor) -> dict[str, np.ndarray]:
    """The loss of a batch and its gradients by name."""
    loss = model(x)
    loss.backward()
    named = {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}
    return {"loss": loss.detach().numpy()} | named


def one_process_gradients(term: str) -> dict[str, np.ndarray]:
    """What two processes must agree with."""
    return gradients(Coder(term), samples(CODES))


def gradients_of_part(rank: int, count: int, folder: Path) -> None:
    """Each process has its part of the rows, of different length if they do not divide."""
    for term in TERMS:
        model = DistributedDataParallel(Coder(term), find_unused_parameters=True)
        found = gradients(model, samples(CODES).tensor_split(count)[rank])
        named = {name.removeprefix("module."): value for name, value in found.items()}
        np.savez(folder / f"{term}-{rank}.npz", **named)


def nvc_ml() -> NVC:
    """NVC-ML without what differs from process to process: noise, batch normalisation."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(FEATURES, 16), nn.ReLU())
    decoder = nn.Sequential(nn.Linear(LATENT, 16), nn.ReLU(), nn.Linear(16, FEATURES))
    anchors = AnchorSet(ANCHORS, LATENT, warmup_epochs=1)
    terms = NebulaAnchors(ANCHORS, LATENT, metric=True, anchors=anchors)
    return NVC(Autoencoder(encoder, Deterministic(16, LATENT), decoder), terms)


def train(fabric: Fabric | None, epochs: int = 3) -> tuple[dict[str, np.ndarray], float]:
    """Weights after some epochs with a global batch of 64, and samples a second."""
    method, batches = nvc_ml(), Batches(samples(640), batch_size=64, seed=2)
    started = time.perf_counter()
    history = fit(method, batches, FitConfig(epochs=epochs, lr=3e-3), fabric=fabric)
    rate = epochs * 640 / (time.perf_counter() - started)
    last = {name: np.array(value) for name, value in history[-1].items()}
    return {name: value.numpy() for name, value in method.state_dict().items()} | last, rate


def train_part(rank: int, count: int, folder: Path) -> None:
    """The whole loop on two processes."""
    fabric = Fabric(accelerator="cpu", devices=count, strategy="ddp_find_unused_parameters_true")
    fabric.launch()
    values, rate = train(fabric)
    np.savez(folder / f"fit-{rank}.npz", **values, samples_per_second=rate)


def join_and(job: Callable[[int, int, Path], None], rank: int, count: int, folder: Path) -> None:
    """Do a job as one of some processes that know one another."""
    torch.set_num_threads(1)
    os.environ["LOCAL_RANK"] = str(rank)  # to Fabric: the processes are there already
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=count)
    job(rank, count, folder)
    dist.destroy_process_group()
