"""Runs for the tools of the latent: clouds of points, with weights as drawn."""

from pathlib import Path

import numpy as np
import torch

from nebulatent.apps.fitting.train import Source, start_run
from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.model_config import Method
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.runs.runs import Run, load_config, save_run
from nebulatent.apps.runs.untrained import settle
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.latents.aggregate import Aggregate


def write_clouds(path: Path, seed: int, count: int = 12, points: int = 20) -> Path:
    """Clouds of normal points."""
    x = np.random.default_rng(seed).normal(size=(count, points, 3))
    np.savez(path, x=x.astype(np.float32))
    return path


def cloud_run(place: Path, method: Method) -> Run:
    """A complete run in `place / "run"` on clouds in `place / "data.npz"`."""
    data, folder = write_clouds(place / "data.npz", 0), place / "run"
    table = read(data)
    chosen = plan(table, fit_scaling(table), Choices(method=method, point_width=0.0625))
    start_run(folder, table, Source(path=str(data)), fit_scaling(table), chosen, overwrite=False)
    config = load_config(folder)
    groups = 1 + (config.model.num_anchors if config.model.has_anchors else 0)
    size = config.model.latent_dim
    codes = Aggregate(
        torch.zeros(groups, size), torch.eye(size).repeat(groups, 1, 1), torch.ones(groups).long()
    )
    run = Run(folder, config, build(config.model, seed=0), codes)
    settle(run.model, run, table)  # with the statistics of other data all codes may be the same
    run.model.eval()
    save_run(run)
    return run
