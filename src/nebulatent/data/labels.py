"""Label values of a file → numbers 0, 1, 2, … and their names.

Labels are for evaluation only: nothing here or in training reads them to choose anything.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Shaped

LARGEST = 2.0**53  # beyond, floats skip whole numbers

Values = Sequence[str] | Sequence[int] | Shaped[np.ndarray, "labels ..."]

SYNSET = 8  # letters of the number of a synset


def encode_labels(
    values: Values, source: str
) -> tuple[Int[np.ndarray, " samples"], tuple[str, ...]]:
    """Number the distinct labels in sorted order (by value if all are whole numbers).

    Arguments:
        values: One label per sample: whole numbers or text.
        source: File the labels come from, for messages.

    Raises:
        ValueError: If the labels are not one per sample, or neither whole numbers nor text.

    Examples:
        >>> label, names = encode_labels(["10", "9", "10"], "a.csv")
        >>> label.tolist(), names
        ([1, 0, 1], ('9', '10'))
    """
    flat = _one_per_sample(np.asarray(values), source)
    distinct, label = np.unique(_whole_or_text(flat, source), return_inverse=True)
    return label.astype(np.int64), tuple(str(name) for name in distinct)


def _one_per_sample(
    values: Shaped[np.ndarray, "samples ..."], source: str
) -> Shaped[np.ndarray, " samples"]:
    if values.ndim == 0 or values.size != len(values):
        raise ValueError(
            f"labels in `{source}` must be one per sample, got an array of shape {values.shape}; "
            "turn one-hot labels into class numbers with .argmax(1)."
        )
    return values.reshape(-1)


def _whole_or_text(
    values: Shaped[np.ndarray, " samples"], source: str
) -> Shaped[np.ndarray, " samples"]:
    """Whole numbers as integers, text as text (as numbers if every label is one).

    Text like 02691156, a synset of WordNet, is a name: a number would lose its first letter.
    """
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "U":
        values = _numbers_if_all(values)
    if values.dtype.kind == "f":
        return _whole(values, source)
    if values.dtype.kind in "biuU":
        return values.astype(np.int64) if values.dtype == bool else values
    raise ValueError(
        f"labels in `{source}` must be whole numbers or text, got values of type {values.dtype}."
    )


def _whole(values: Float[np.ndarray, " samples"], source: str) -> Int[np.ndarray, " samples"]:
    whole = (np.abs(values) < LARGEST) & (np.rint(values) == values)
    if whole.all():
        return values.astype(np.int64)
    raise ValueError(
        f"labels in `{source}` must be whole numbers or text, got {values[~whole][0]}; labels are "
        "classes: leave a measured quantity out or give it another name."
    )


def _numbers_if_all(values: Shaped[np.ndarray, " samples"]) -> Shaped[np.ndarray, " samples"]:
    distinct, inverse = np.unique(values, return_inverse=True)
    if any(
        len(name) == SYNSET and name[0] == "0" and name.isdecimal() for name in distinct.tolist()
    ):
        return values
    try:
        return distinct.astype(np.float64)[inverse]
    except ValueError:
        return values
