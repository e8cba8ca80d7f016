"""Runs of every kind of model, written without training: small, with weights as drawn."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.apps.runs.runs import DataRecord, Run, RunConfig, save_history, save_run
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.latents.aggregate import Aggregate
from nebulatent.training.config import FitConfig

LATENT, ANCHORS, CLASSES = 3, 4, 3
VECTORS = ModelConfig(
    host="vae",
    method="nvc-ml",
    shape=(5,),
    encoder="fc",
    widths=(8, 6),
    latent_dim=LATENT,
    num_anchors=ANCHORS,
    likelihood="gaussian",
    beta=1.0,
    form="log1p",
    prior="normal",
    supervised=False,
    num_classes=CLASSES,
    warmup_epochs=0,
    nebula_weight=1.0,
    pair_weight=0.1,
    triplet_weight=1.0,
)
IMAGES: dict[str, Any] = {"shape": (1, 6, 5), "encoder": "conv", "likelihood": "bernoulli"}


def write_data(path: Path, shape: tuple[int, ...]) -> None:
    """Bytes for images, else numbers whose features differ in place and spread; three classes."""
    rng = np.random.default_rng(0)
    y = np.arange(30) % CLASSES
    if len(shape) == 3:
        x = rng.integers(0, 256, size=(30, *shape[1:]), dtype=np.uint8)
    else:
        x = (rng.normal(size=(30, *shape)) + 3 * y[:, None]) * 10.0 ** np.arange(-2, 3)
        x = (x + 50).astype(np.float32)
    np.savez(path, x=x, y=y)


def small_run(place: Path, **changes: Any) -> Run:  # noqa: ANN401
    """A complete run in `place / "run"` on data in `place / "data.npz"`.

    Arguments:
        place: A folder that exists.
        changes: Fields of the model's config that differ from NVC-ML on vectors.
    """
    model = replace(VECTORS, **changes)
    data, folder = place / "data.npz", place / "run"
    write_data(data, model.shape)
    folder.mkdir()
    table = read(str(data))
    record = DataRecord(
        path=str(data),
        split="train",
        image_size=None,
        fingerprint=table.fingerprint,
        num_samples=table.num_samples,
        label_names=table.label_names,
        found=table.found,
    )
    config = RunConfig(
        model=model, fit=FitConfig(), batch_size=8, scaling=fit_scaling(table), data=record
    )
    groups = 1 + (ANCHORS if model.has_anchors else 0)
    codes = Aggregate(
        torch.zeros(groups, LATENT),
        torch.eye(LATENT).repeat(groups, 1, 1),
        torch.full((groups,), 30),
    )
    run = Run(folder, config, build(model, seed=0).eval(), codes)
    save_run(run)
    save_history(folder, [{"epoch": 0.0, "total": 9.0}, {"epoch": 1.0, "total": 7.5}])
    return run
