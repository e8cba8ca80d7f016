"""The card beside an exported model: all that people and programs need to use it right."""

import hashlib
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

import nebulatent
from nebulatent.apps.exports.export_check import BATCHES, TOLERANCE
from nebulatent.apps.exports.export_folder import SUFFIX, Format
from nebulatent.apps.exports.exported import (
    RawDecoder,
    RawEncoder,
    describe_decoder,
    describe_encoder,
)
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.planning.model_config import Poses
from nebulatent.apps.runs.inputs import read_like, with_label_names
from nebulatent.apps.runs.runs import WEIGHTS, Run, load_history
from nebulatent.data.scaling import Scaling
from nebulatent.evaluation.encode import encode

FORMAT = 1
TURNED = (
    "each in the frame of its principal axes, into which the graphs do not turn it "
    "(nebulatent.data.clouds.principal_axes)"
)
MAX_LABELLED = 10_000  # samples from which the label of an anchor is counted
TO_UNIT = "(x - shift) / scale, clamped to 0..1"
FORMULA = {"unit": TO_UNIT, "standard": "(x - shift) / scale", "binary": "x"}


def describe(
    run: Run,
    graphs: tuple[RawEncoder, RawDecoder],
    kind: Format,
    differences: dict[str, dict[str, float]],
) -> dict[str, Any]:
    """The card of an exported run, as plain values.

    Arguments:
        run: The source.
        graphs: What was exported.
        kind: Format of the files.
        differences: Largest difference of each output, for the encoder and the decoder.
    """
    model = run.config.model
    sizes = (model.shape, model.latent_dim)
    ports = (describe_encoder(graphs[0], *sizes), describe_decoder(graphs[1], *sizes))
    parts = {
        name: {
            "file": name + SUFFIX[kind],
            "inputs": [port._asdict() for port in inputs],
            "outputs": [port._asdict() for port in outputs],
            "largest_difference": differences[name],
        }
        for name, (inputs, outputs) in zip(("encoder", "decoder"), ports, strict=True)
    }
    return {
        "nebulatent_card": FORMAT,
        "format": kind,
        "versions": _versions(kind),
        "model": asdict(model),
        "weights_sha256": hashlib.sha256((run.path / WEIGHTS).read_bytes()).hexdigest(),
        "preprocessing": _preprocessing(run.config.scaling, model.shape, run.config.data.poses),
        **parts,
        "check": {
            "against": "the run in PyTorch",
            "tolerance": TOLERANCE,
            "batches": list(BATCHES),
            "inputs": "decoded codes, which look like the data, and noise",
            "relative_to": "the largest expected value, at least the unit: 1, or the data's scale",
        },
        "classes": list(run.config.data.label_names) if model.uses_labels else None,
        "anchor_labels": anchor_labels(run),
        "metrics_of_last_epoch": load_history(run.path)[-1],
    }


def _versions(kind: Format) -> dict[str, str]:
    known = {
        "nebulatent": nebulatent.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    packages = ("onnx", "onnxscript", "onnxruntime") if kind == "onnx" else ()
    return known | {package: version(package) for package in packages}


def _preprocessing(scaling: Scaling, shape: tuple[int, ...], poses: Poses) -> dict[str, Any]:
    what = {
        1: "vectors of {} numbers, columns in the order of the training data",
        2: "clouds of {} points with {} coordinates, of radius 1 around their mean",
        3: "images with channels first: (batch, {}, {}, {})",
        4: "grids of 0 (empty) and 1 (filled): (batch, {}, {}, {}, {})",
    }[len(shape)].format(*shape)
    if poses == "principal-axes":
        what += f", {TURNED}"
    return {
        "inside_the_graphs": True,
        "what_to_do": (
            f"Nothing: cast the values as stored to float32, do not scale them. Give {what}. "
            "The decoder gives the same units back."
        ),
        "encoder_begins_with": FORMULA[scaling.rule],
        "decoder_ends_with": "x" if scaling.rule == "binary" else "x * scale + shift",
        **scaling.to_json(),
    }


def anchor_labels(run: Run) -> dict[str, Any] | None:
    """The most frequent label among each anchor's samples; None if it cannot be told.

    It cannot without anchors or labels, or where the training data are gone or have changed.
    """
    anchors, record = find_anchors(run.model), run.config.data
    if anchors is None or not record.label_names:
        return None
    try:
        table = read_like(run, record.path, record.split)
    except (OSError, ValueError):
        return None
    if table.label is None or table.fingerprint != record.fingerprint:
        return None
    label = with_label_names(table, record.label_names).label
    rows = np.sort(np.random.default_rng(0).permutation(table.num_samples)[:MAX_LABELLED])
    x = torch.from_numpy(table.x[rows])
    anchor = anchors.assign(encode(run.model, x, run.config.scaling.apply).mean)
    counts = np.zeros((anchors.num_anchors, len(record.label_names)), np.int64)
    np.add.at(counts, (anchor.numpy(), np.asarray(label)[rows]), 1)
    return {
        "use": "from labels, for evaluation only",
        "samples": len(rows),
        "of_each_anchor": [_majority(row, record.label_names) for row in counts],
    }


def _majority(counts: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    """Label, its share, and the number of samples; an anchor without samples has no label."""
    total = int(counts.sum())
    if not total:
        return {"label": None, "share": None, "samples": 0}
    most = int(counts.argmax())
    return {"label": names[most], "share": float(counts[most] / total), "samples": total}
