"""Retrieval: the samples whose codes are nearest to that of another sample.

The search is exact. Codes of all samples are kept beside the run, in `RUN/search`, so that only the
first search of a collection reads and encodes it:

* an index belongs to the weights and the config that made it, by their SHA-256;
* and to the data: to the names, sizes and times of their files, and where these have changed, to
  the SHA-256 of their content.

It is a copy of what can be made again: one that is damaged or out of date is made anew.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from nebulatent import __version__
from nebulatent.apps.collection import WORDS, Collection, code_of_sample, find_id, read_file
from nebulatent.apps.planning.view_plan import PICTURED
from nebulatent.apps.runs.inputs import encoder_input
from nebulatent.apps.runs.runs import CONFIG, WEIGHTS
from nebulatent.data.folder import list_files
from nebulatent.data.shape_views import view_folder
from nebulatent.evaluation.encode import encode
from nebulatent.ops.distances import squared_distances
from nebulatent.training.strict_json import parse_json
from nebulatent.training.tensor_files import load_tensors, save_tensors
from nebulatent.typing import Float, Tensor

FOLDER = "search"


class CodeIndex(NamedTuple):
    """Codes of a collection, rows in its order.

    Arguments:
        ids: Of the samples.
        codes: Means of their posteriors.
    """

    ids: Sequence[str]
    codes: Float[Tensor, "codes latent"]


class Neighbour(NamedTuple):
    """One answer: a sample and the Euclidean distance of its code."""

    id: str
    row: int
    distance: float


class _Kept(NamedTuple):
    """An index on disk, and the content of the data it was made of."""

    made: CodeIndex
    stamp: str
    fingerprint: str


def nearest_samples(
    index: CodeIndex, code: Float[Tensor, " latent"], count: int, *, without: int | None = None
) -> list[Neighbour]:
    """The nearest samples, the nearest first; of equally near ones the first in the collection.

    Arguments:
        index: Where to search.
        code: Of the sample that is looked for.
        count: How many; all, if there are fewer.
        without: A row that is no answer: the sample itself.

    Raises:
        ValueError: If `count` is not positive.

    Examples:
        >>> index = CodeIndex(("a", "b", "c"), torch.tensor([[0.0], [1.0], [3.0]]))
        >>> nearest_samples(index, torch.tensor([0.0]), 2, without=0)
        [Neighbour(id='b', row=1, distance=1.0), Neighbour(id='c', row=2, distance=3.0)]
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1, got {count}.")
    # In double precision a sample is at distance 0 from itself, not at the root of a rounding.
    distances = squared_distances(code.double().unsqueeze(0), index.codes.double())[0].sqrt()
    order: list[int] = distances.argsort(stable=True)[: count + 1].tolist()
    rows = [row for row in order if row != without][:count]
    return [Neighbour(index.ids[row], row, distances[row].item()) for row in rows]


def code_of(
    collection: Collection, index: CodeIndex, name: str
) -> tuple[Float[Tensor, " latent"], int | None]:
    """The code of a sample, and its row if it is one of the collection.

    Raises:
        FileNotFoundError, ValueError: If the name is that of no sample, or of several.
    """
    run, sample = collection.run, read_file(collection.run, name)
    if sample is None:
        row = find_id(index.ids, name, collection.data)
        return index.codes[row], row
    x = run.config.scaling.apply(torch.as_tensor(sample))
    return code_of_sample(run, x)[0], None


def code_index(collection: Collection) -> CodeIndex:
    """The codes of a collection: those that are kept, if they are still true."""
    run = collection.run
    place = _place(collection)
    maker, stamp = _maker(run.path), _stamp(collection.data)
    kept = _load(place, maker)
    if kept is not None and kept.stamp == stamp:
        return kept.made
    table = collection.table
    if kept is not None and kept.fingerprint == table.fingerprint:
        index = CodeIndex(table.ids, kept.made.codes)
    else:
        codes = encode(
            run.model, encoder_input(run.config.model, table), run.config.scaling.apply
        ).mean
        index = CodeIndex(table.ids, codes)
    _save(place, _Kept(index, stamp, table.fingerprint), maker)
    return index


def _place(collection: Collection) -> Path:
    """One file for each collection, however often it or the run changes."""
    data = collection.data
    seen = [PICTURED] * (collection.run.config.model.host == PICTURED)
    name = _digest(data if data in WORDS else os.path.abspath(data), collection.split, *seen)
    return collection.run.path / FOLDER / f"{name[:16]}.safetensors"


def _digest(*words: str) -> str:
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def _maker(run: Path) -> str:
    """The weights and all that says how they are used."""
    return _digest(
        *(hashlib.sha256((run / name).read_bytes()).hexdigest() for name in (CONFIG, WEIGHTS))
    )


def _stamp(data: str) -> str:
    """Names, sizes and times of the files of data; only our version, where there are none."""
    if data in WORDS:
        return _digest(__version__)
    path = Path(data)
    files = list_files(path) if path.is_dir() else [path] if path.exists() else []
    if (views := view_folder(path)) is not None and views not in path.resolve().iterdir():
        files += list_files(views)
    looks = ((str(file), file.stat()) for file in files)
    return _digest(
        __version__, *(f"{name} {look.st_size} {look.st_mtime_ns}" for name, look in looks)
    )


def _load(place: Path, maker: str) -> _Kept | None:
    """The index that is kept; None if there is none, or none that can be used."""
    try:
        tensors, header = load_tensors(place)
        ids = parse_json(tensors["ids"].numpy().tobytes().decode())
        codes = tensors["codes"]
        whole = len(ids) == len(codes) and all(isinstance(name, str) for name in ids)
        if header["maker"] != maker or codes.ndim != 2 or not whole:
            return None
        return _Kept(CodeIndex(ids, codes), header["stamp"], header["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _save(place: Path, kept: _Kept, maker: str) -> None:
    ids = json.dumps(list(kept.made.ids)).encode()
    tensors = {
        "codes": kept.made.codes,
        "ids": torch.frombuffer(bytearray(ids), dtype=torch.uint8),
    }
    header = {"maker": maker, "stamp": kept.stamp, "fingerprint": kept.fingerprint}
    try:
        place.parent.mkdir(exist_ok=True)
        save_tensors(place, tensors, header)
    except OSError as error:
        warnings.warn(
            f"The codes could not be kept in `{place}` ({error.strerror or error}); the next "
            "search makes them again.",
            stacklevel=2,
        )
