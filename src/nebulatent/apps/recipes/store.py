"""One JSON file per training, in a folder: what is there need not be trained again.

The name says experiment and seed, and ends in a hash of all that the result depends on
beside the code: the experiment's `repr`, the budget, the data. The file appears whole or not at
all, so a recipe can be stopped at any moment and goes on where it was.
"""

import base64
import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from nebulatent.apps.recipes.recipe import Budget, Experiment, Finished
from nebulatent.apps.runs.runs import write_text
from nebulatent.evaluation.measures import from_json, to_json
from nebulatent.training.strict_json import parse_json

FORMAT = 1
FOLDER = "trainings"
LARGEST = 1 << 24  # bytes of a file that is read: pictures of a hundred anchors take a million
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Job(NamedTuple):
    """One training.

    Arguments:
        experiment: What is trained.
        budget: How much it may use.
        fingerprint: Of the whole data set.
        seed: The seed.
        draws: Whether the arrays of a figure are wanted.
    """

    experiment: Experiment
    budget: Budget
    fingerprint: str
    seed: int
    draws: bool

    @property
    def key(self) -> str:
        """Hash of all that the result depends on, beside seed and code."""
        said = f"{FORMAT}\n{self.experiment!r}\n{self.budget!r}\n{self.fingerprint}"
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def path(self, out: Path) -> Path:
        """Where its result is kept."""
        name = self.experiment.name
        if not NAME.fullmatch(name):
            raise ValueError(
                f"`name` of an experiment must be letters, digits and hyphens, got {name!r}."
            )
        return out / FOLDER / f"{name}-seed{self.seed}-{self.key}.json"


def save(job: Job, out: Path, finished: Finished) -> None:
    """Keep the result of a training."""
    path = job.path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    saved = {
        "format": FORMAT,
        "key": job.key,
        "seed": finished.seed,
        "experiment": repr(job.experiment),
        "budget": dataclasses.asdict(job.budget),
        "draws": job.draws,
        "seconds": finished.seconds,
        "machine": dict(finished.machine),
        "measures": to_json(finished.measures),
        "arrays": dict(finished.arrays),
    }
    write_text(path, json.dumps(saved, allow_nan=False) + "\n")


def load(job: Job, out: Path) -> Finished | None:
    """The result of a training, or None if it is not there yet or lacks the figure's arrays.

    Raises:
        ValueError: If the file is damaged; the message says which.
    """
    path = job.path(out)
    if not path.is_file():
        return None
    try:
        saved = parse_json(read_small(path))
        return _finished(saved, job)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"`{path}` must be a result of this recipe, got {error}; delete it to train again."
        ) from error


def _finished(saved: Mapping[str, Any], job: Job) -> Finished | None:
    if saved["format"] != FORMAT or saved["key"] != job.key or saved["seed"] != job.seed:
        raise ValueError("a result of something else")
    if job.draws and not saved["draws"]:
        return None
    return Finished(
        seed=int(saved["seed"]),
        measures=from_json(saved["measures"]),
        arrays=dict(saved["arrays"]),
        seconds=float(saved["seconds"]),
        machine={str(name): str(value) for name, value in saved["machine"].items()},
    )


def read_small(path: Path) -> str:
    """The text of a file of ours.

    Raises:
        ValueError: If it is larger than ours ever are, or no text.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"a file of more than {LARGEST:,} bytes")
    return path.read_text(encoding="utf-8")


def pack(pictures: UInt8[np.ndarray, "..."]) -> dict[str, Any]:
    """Bytes as JSON.

    Examples:
        >>> unpack(pack(np.array([[0, 255]], np.uint8)))
        array([[  0, 255]], dtype=uint8)
    """
    text = base64.b64encode(np.ascontiguousarray(pictures).tobytes()).decode("ascii")
    return {"shape": list(pictures.shape), "bytes": text}


def unpack(saved: Mapping[str, Any]) -> UInt8[np.ndarray, "..."]:
    """What `pack` was given.

    Raises:
        ValueError: If shape and bytes do not agree.
    """
    values = np.frombuffer(base64.b64decode(saved["bytes"], validate=True), np.uint8)
    return values.reshape([int(side) for side in saved["shape"]])
