"""Codes of samples with their anchors, as arrays and as files."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.runs.inputs import encoder_input
from nebulatent.apps.runs.runs import Run
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import encode


class Embedding(NamedTuple):
    """Rows in the order of the input; the last two are empty for a method without anchors."""

    ids: Sequence[str]
    codes: Float[np.ndarray, "codes latent"]
    anchor: Int[np.ndarray, " codes"]
    probability: Float[np.ndarray, "codes anchors"]


def embed(run: Run, table: Table) -> Embedding:
    """Codes, nearest anchors and probabilities of all samples."""
    codes = encode(run.model, encoder_input(run.config.model, table), run.config.scaling.apply).mean
    anchors = find_anchors(run.model)
    if anchors is None:
        nothing = np.zeros((len(codes), 0), np.float32)
        return Embedding(table.ids, codes.numpy(), np.zeros(0, np.int64), nothing)
    with torch.no_grad():
        probability = anchors.probabilities(codes)
    return Embedding(table.ids, codes.numpy(), anchors.assign(codes).numpy(), probability.numpy())


def write_embedding(embedding: Embedding, path: Path, suffix: str) -> None:
    """Write .npz, .csv or .parquet."""
    if suffix == ".npz":
        with path.open("wb") as file:
            np.savez_compressed(file, **{**embedding._asdict(), "ids": np.array(embedding.ids)})
    elif suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_columns(embedding))
            writer.writerows(_rows(embedding))
    else:
        _write_parquet(embedding, path)


def _columns(embedding: Embedding) -> list[str]:
    codes = [f"z{i}" for i in range(embedding.codes.shape[1])]
    if not len(embedding.anchor):
        return ["id", *codes]
    return ["id", *codes, "anchor", *(f"p{i}" for i in range(embedding.probability.shape[1]))]


def _rows(embedding: Embedding) -> Iterator[list[object]]:
    for row, name in enumerate(embedding.ids):
        anchor = embedding.anchor[row : row + 1].tolist()
        yield [name, *embedding.codes[row].tolist(), *anchor, *embedding.probability[row].tolist()]


def _write_parquet(embedding: Embedding, path: Path) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "`--out` .parquet must have pyarrow, which is not installed; "
            "run `pip install nebulatent[parquet]` or write .csv."
        ) from error
    arrays = [embedding.ids, *embedding.codes.T]
    if len(embedding.anchor):
        arrays += [embedding.anchor, *embedding.probability.T]
    table = pyarrow.table(dict(zip(_columns(embedding), map(pyarrow.array, arrays), strict=True)))
    pyarrow.parquet.write_table(table, path)
