"""Every reader of files that others may have damaged, with files that it reads.

| group | what is damaged | what must read it |
|---|---|---|
| tensors | a file of tensors of every type | `load_tensors`, and safetensors alike |
| run | weights.safetensors of a run | `load_run` |
| config | config.json of a run | `load_config`, then `load_run` |
| history | metrics.jsonl | `load_history` |
| checkpoint | a checkpoint, with an average of the weights | `load_checkpoint`, then a step |
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from fuzz.mutations import damaged_bytes, damaged_header, damaged_json, forged
from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.apps.runs.runs import (
    CONFIG,
    METRICS,
    WEIGHTS,
    DataRecord,
    Run,
    RunConfig,
    load_config,
    load_history,
    load_run,
    save_history,
    save_run,
)
from nebulatent.data.batch import Batch
from nebulatent.data.scaling import Scaling
from nebulatent.latents.aggregate import Aggregate
from nebulatent.training.average import Average
from nebulatent.training.checkpoints import Weights, load_checkpoint, save_checkpoint
from nebulatent.training.config import FitConfig
from nebulatent.training.progress import Progress
from nebulatent.training.tensor_files import load_tensors, save_tensors

HISTORY = [{"epoch": float(epoch), "total": 1 / (epoch + 3), "weight_kl": 1.0} for epoch in (0, 1)]


@dataclass(frozen=True, kw_only=True)
class Group:
    """One kind of file: how it is made, damaged and read.

    Arguments:
        name: Its name.
        file: The file in the folder that is damaged.
        make: Writes valid files into a folder.
        damage: Changes the content; a folder is given for temporary files.
        read: What was read, as plain values.
        sealed: Whether a checksum must notice every change that is no forgery.
    """

    name: str
    file: str
    make: Callable[[Path], None]
    damage: Callable[[random.Random, bytes, Path], tuple[bytes, bool]]
    read: Callable[[Path], object]
    sealed: bool


def _damaged_tensors(rng: random.Random, content: bytes, folder: Path) -> tuple[bytes, bool]:
    """New content, and whether it is a forgery, which may hold other numbers."""
    how = rng.random()
    if how < 0.35:
        return damaged_bytes(rng, content), False
    if how < 0.65:
        return damaged_header(rng, content), False
    new = forged(rng, content, folder / "forged")
    return (damaged_bytes(rng, new) if how > 0.97 else new), True


def _damaged_text(rng: random.Random, content: bytes, folder: Path) -> tuple[bytes, bool]:
    if rng.random() < 0.3:
        return damaged_bytes(rng, content), True
    lines = content.decode().splitlines() if b"\n{" in content else [content.decode()]
    line = rng.randrange(len(lines))
    lines[line] = damaged_json(rng, lines[line])
    return "\n".join(lines).encode(errors="surrogatepass"), True


def plain(tensors: dict[str, Tensor]) -> dict[str, object]:
    """Names, types, shapes and bytes, which can be compared."""
    return {
        name: (
            value.dtype,
            tuple(value.shape),
            value.reshape(-1).view(torch.uint8).numpy().tobytes(),
        )
        for name, value in tensors.items()
    }


def _make_tensors(folder: Path) -> None:
    torch.manual_seed(0)
    tensors = {
        "weight": torch.randn(3, 4),
        "step": torch.tensor(3.0),
        "generator": torch.arange(50, dtype=torch.uint8),
        "count": torch.tensor([1, 2]),
        "half": torch.randn(5).bfloat16(),
        "mask": torch.tensor([True, False]),
        "none": torch.zeros(0, 4),
    }
    save_tensors(folder / "tensors", tensors, {"epoch": 2, "history": HISTORY})


def _read_tensors(folder: Path) -> object:
    tensors, header = load_tensors(folder / "tensors")
    with safe_open(folder / "tensors", framework="pt") as file:
        theirs = {name: file.get_tensor(name) for name in file.keys()}
    assert plain(theirs) == plain(tensors), "safetensors reads other tensors"
    return plain(tensors), json.dumps(header)


@cache
def _configs() -> tuple[RunConfig, ...]:
    common: dict[str, Any] = {
        "latent_dim": 2,
        "num_anchors": 3,
        "likelihood": "bernoulli",
        "beta": 1.0,
        "form": "log1p",
        "supervised": False,
        "num_classes": 2,
        "warmup_epochs": 1,
        "nebula_weight": 1.0,
        "pair_weight": 1.0,
        "triplet_weight": 1.0,
    }
    vectors = ModelConfig(
        host="vae",
        method="nvc-ml",
        shape=(5,),
        encoder="fc",
        widths=(6, 4),
        prior="anchors",
        **common,
    )
    images = ModelConfig(
        host="cvae",
        method="cvae",
        shape=(1, 4, 4),
        encoder="conv",
        widths=(2, 3),
        prior="normal",
        **common,
    )
    per_feature = Scaling("standard", torch.arange(5.0).double(), torch.ones(5).double())
    bytes_ = Scaling("unit", torch.tensor(0.0).double(), torch.tensor(255.0).double())
    data = DataRecord(
        path="blobs.csv",
        split="train",
        image_size=None,
        fingerprint="0" * 64,
        num_samples=9,
        label_names=("a", "b"),
        found=("9 vectors.",),
    )
    fit = FitConfig(epochs=2)
    return (
        RunConfig(model=vectors, fit=fit, batch_size=4, scaling=per_feature, data=data),
        RunConfig(model=images, fit=fit, batch_size=4, scaling=bytes_, data=data),
    )


def _make_run(index: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        config = _configs()[index]
        model = build(config.model, seed=0)
        groups, size = 1 + (3 if config.model.has_anchors else 0), config.model.latent_dim
        aggregate = Aggregate(
            torch.zeros(groups, size),
            torch.eye(size).expand(groups, -1, -1),
            torch.ones(groups).long(),
        )
        save_run(Run(folder, config, model.eval(), aggregate))
        save_history(folder, HISTORY)

    return make


def _read_run(folder: Path) -> object:
    run = load_run(folder)
    tensors = plain(run.model.state_dict()) | plain(run.aggregate._asdict())
    assert all(v.isfinite().all() for v in (*run.model.state_dict().values(), *run.aggregate))
    return json.dumps(run.config.to_json()), tensors


def _read_config(folder: Path) -> object:
    config = load_config(folder)
    saved = config.to_json()
    assert RunConfig.from_json(json.loads(json.dumps(saved))).to_json() == saved
    load_run(folder)
    return json.dumps(saved)


def _read_history(folder: Path) -> object:
    rows = load_history(folder)
    assert all(type(value) is float for row in rows for value in row.values())
    return json.dumps(rows, allow_nan=False)


def _training(seed: int) -> Weights:
    model = build(_configs()[0].model, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    return Weights(model.train(), optimizer, Average(model, 0.9).values)


def _step(weights: Weights) -> None:
    weights.optimizer.zero_grad()
    next(m for m in weights.method.modules() if hasattr(m, "warmup_epochs")).epoch = 3
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights.method(Batch(torch.full((4, 5), 0.5))).total.backward()
    weights.optimizer.step()


def _make_checkpoint(folder: Path) -> None:
    weights = _training(seed=0)
    _step(weights)
    progress = Progress(step=1, index=1, epoch=2, sums={"total": 1.5}, history=HISTORY, best=0.5)
    save_checkpoint(folder / "step", weights, progress.to_json())


def _read_checkpoint(folder: Path) -> object:
    weights = _training(seed=1)
    progress = load_checkpoint(folder / "step", weights)
    moments = {
        f"{index}.{key}": value
        for index, state in weights.optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }
    read = plain(weights.method.state_dict()), plain(dict(weights.average)), plain(moments)
    saved = json.dumps(progress.to_json(), allow_nan=False)
    everything = (
        *weights.method.state_dict().values(),
        *weights.average.values(),
        *moments.values(),
    )
    assert all(value.isfinite().all() for value in everything), "not finite"
    _step(weights)
    return saved, read


def _group(
    name: str,
    file: str,
    make: Callable[[Path], None],
    read: Callable[[Path], object],
    *,
    text: bool,
) -> Group:
    damage = _damaged_text if text else _damaged_tensors
    return Group(name=name, file=file, make=make, damage=damage, read=read, sealed=not text)


GROUPS = (
    _group("tensors", "tensors", _make_tensors, _read_tensors, text=False),
    _group("run of vectors", WEIGHTS, _make_run(0), _read_run, text=False),
    _group("run of images", WEIGHTS, _make_run(1), _read_run, text=False),
    _group("config of vectors", CONFIG, _make_run(0), _read_config, text=True),
    _group("config of images", CONFIG, _make_run(1), _read_config, text=True),
    _group("history", METRICS, _make_run(0), _read_history, text=True),
    _group("checkpoint", "step", _make_checkpoint, _read_checkpoint, text=False),
)
