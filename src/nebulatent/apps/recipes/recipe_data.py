"""The images that recipes train on and are measured on: an official training and test part."""

import os
from pathlib import Path
from typing import NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from jaxtyping import Int

from nebulatent.data.read import DIGITS, read
from nebulatent.data.scaling import Scaling, fit_scaling
from nebulatent.data.table import Table
from nebulatent.typing import Tensor

VARIABLE = "NEBULATENT_DATA"
MNIST = "mnist"


class Takeable(Protocol):
    """Data of which some rows can be taken."""

    def take(self, rows: Int[np.ndarray, " rows"], /) -> Self:
        """These rows, in this order."""
        ...


Part = TypeVar("Part", bound=Takeable)


class Cuttable(Protocol):
    """What the runner must know of any recipe's data."""

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets apart."""
        ...

    def cut(self, samples: int, test_samples: int) -> "Cuttable":
        """At most so many samples of each part: the same for every row and seed."""
        ...


class RecipeData(NamedTuple):
    """Training and test part of a data set with labels.

    Arguments:
        source: What was read: "mnist", "digits".
        train: Training samples; labels are read by supervised rows only.
        test: Test samples; labels are for evaluation.
        scaling: Fitted on the training samples.
    """

    source: str
    train: Table
    test: Table
    scaling: Scaling

    @property
    def fingerprint(self) -> str:
        """Tells any two data sets apart."""
        return f"{self.train.fingerprint} {self.test.fingerprint}"

    def cut(self, samples: int, test_samples: int) -> "RecipeData":
        """At most so many samples of each part, drawn once: the same for every row and seed."""
        return self._replace(
            train=few(self.train, self.train.num_samples, samples),
            test=few(self.test, self.test.num_samples, test_samples),
        )


def few(part: Part, size: int, count: int) -> Part:
    """At most so many rows, in their order, drawn once: the same for every row and seed.

    Arguments:
        part: What has the rows.
        size: How many it has.
        count: How many are kept.
    """
    if count >= size:
        return part
    order = np.random.default_rng(0).permutation(size)
    return part.take(np.sort(order[:count]))


def default_data() -> str:
    """MNIST in the folder that NEBULATENT_DATA names.

    Raises:
        FileNotFoundError: If it is not there; the message says what to do.
    """
    folder = os.environ.get(VARIABLE, "")
    path = Path(folder) / MNIST
    if folder and path.is_dir():
        return str(path)
    got = f"got no folder `{path}`" if folder else "got none"
    raise FileNotFoundError(
        f"`{VARIABLE}` must name a folder with MNIST's four files in a folder `{MNIST}`, {got}; "
        f"set it, or pass --data PATH, or --data {DIGITS} for the small digits of scikit-learn."
    )


def load_recipe_data(path: str) -> RecipeData:
    """Read both parts of a data set of images.

    Raises:
        FileNotFoundError: If the path, or its test part, is not there.
        ValueError: If these are no images with labels, or there is no test part of its own.
    """
    train, test = read(path, split="train"), read(path, split="test")
    if train.kind != "images" or train.label is None or test.label is None:
        kind = f"{train.kind} {'without' if train.label is None else 'with'} labels"
        raise ValueError(f"`--data` must be images with labels, got {kind} in `{path}`.")
    if train.fingerprint == test.fingerprint:
        raise ValueError(
            f"`--data` must have a test part of its own, got one part in `{path}`; make folders "
            "`train` and `test`."
        )
    if train.label_names != test.label_names:
        raise ValueError(f"`--data` must have the same classes in both parts of `{path}`.")
    return RecipeData(Path(path).name, train, test, fit_scaling(train))


def images(table: Table) -> Tensor:
    """All samples, as they were stored."""
    return torch.from_numpy(np.asarray(table.x[:]))


def labels(table: Table) -> Int[np.ndarray, " samples"]:
    """The labels, which `load_recipe_data` has seen to be there."""
    assert table.label is not None
    return table.label
