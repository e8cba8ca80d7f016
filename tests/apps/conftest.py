"""A small run, every part of which a test can replace."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nebulatent.apps.cli import main
from nebulatent.apps.pictures.figures import Kind, RunFigures
from nebulatent.evaluation.measures import Measure

MakeRun = Callable[..., RunFigures]
CLASSES, AROUND = 3, 4
SHAPES: dict[Kind, tuple[int, ...]] = {
    "images": (1, 6, 5),
    "vectors": (7,),
    "points": (40, 3),
    "voxels": (1, 4, 4, 4),
}


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """Builds a run of well-separated codes; keyword arguments replace its fields."""
    return build_run


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 rows of 5 numbers around 3 centres, with ids and labels."""
    path = tmp_path_factory.mktemp("data") / "blobs.csv"
    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    x = 6.0 * rng.normal(size=(3, 5))[label] + rng.normal(size=(60, 5))
    rows = [
        f"s{i}," + ",".join(f"{v:.4f}" for v in x[i]) + f",{'abc'[label[i]]}" for i in range(60)
    ]
    path.write_text("\n".join(["id,f0,f1,f2,f3,f4,label", *rows]) + "\n")
    return path


@pytest.fixture(scope="session")
def blobs_run(blobs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs on the blobs, with a report; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "blobs"
    assert main(["fit", str(blobs), "--out", str(path), "--epochs", "2"]) == 0
    return path


def build_run(
    *, kind: Kind = "images", num_samples: int = 30, num_anchors: int = 3, **changes: object
) -> RunFigures:
    rng = np.random.default_rng(0)
    anchors = 10.0 * rng.normal(size=(num_anchors, 4))
    assign = np.arange(num_samples) % num_anchors
    codes = anchors[assign] + rng.normal(size=(num_samples, 4))
    shape = SHAPES[kind]
    fields: dict[str, Any] = {
        "name": "NVC",
        "summary": {"Data": "blobs", "Seed": "0"},
        "found": ("Found blobs.",),
        "history": HISTORY,
        "measures": MEASURES,
        "kind": kind,
        "codes": codes,
        "anchors": anchors,
        "assign": assign,
        "label": assign % CLASSES,
        "label_names": ("circle", "square", "star"),
        "ids": tuple(f"row {i}" for i in range(num_samples)),
        "x": rng.random((num_samples, *shape)),
        "recon": rng.random((min(num_samples, 5), *shape)),
        "anchor_decoded": rng.random((num_anchors, *shape)),
        "anchor_samples": rng.random((num_anchors, AROUND, *shape)),
        "anchor_nearest": rng.random((num_anchors, AROUND, *shape)),
        "covariance": np.cov(codes.T),
    }
    return RunFigures(**(fields | changes))


HISTORY = (
    {"epoch": 0, "reconstruction": 9.0, "kl": 1.0, "total": 10.0, "anchors_in_use": 1},
    {"epoch": 1, "reconstruction": 7.0, "kl": 2.0, "total": 9.0, "anchors_in_use": 1},
    {
        "epoch": 2,
        "reconstruction": 5.0,
        "kl": 3.0,
        "nebula": 2.0,
        "total": 8.0,
        "anchors_in_use": 3,
    },
)
MEASURES = (
    Measure("ACC", 0.75, "higher", "", "Share of samples under the best matching.", True),
    Measure("ELBO", -107.75, "higher", "nats", "Evidence lower bound per sample.", False),
    Measure("rel", 0.2, "lower", "", "Mean relative error of bright pixels.", False),
    Measure("deviation", 0.3, "neither", "", "Distance of the covariance from I.", False),
)
