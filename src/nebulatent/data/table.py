"""A data set in memory, however it was stored: samples in order, their ids, labels if any.

Values are raw, as found in the file; :mod:`nebulatent.data.scaling` turns them into what a model
sees. Images of bytes stay bytes, a quarter of the memory of floats.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Shaped

from nebulatent.data.labels import Values, encode_labels

Kind = Literal["vectors", "images"]
Split = Literal["train", "test", "all"]
Samples = Shaped[np.ndarray, "samples *shape"]

NO_SPLIT = "There is no official split: every split is the whole set."
NAMED = 8  # columns named in a message before "and … more"


class Table(NamedTuple):
    """Samples of one data set.

    Arguments:
        x: Vectors as float32 (samples, features); images as uint8 or float32
            (samples, channels, height, width); raw values, unscaled.
        ids: One per sample, in file order: file name relative to the folder, id column, or row
            number as text.
        label: One per sample, an index into `label_names`; for evaluation only.
        label_names: The labels as written in the file; empty when `label` is None.
        kind: What a sample is.
        found: Sentences for people: what was found, what was dropped or resized.
        fingerprint: SHA-256 over `x` (type, shape, bytes) and `label`.
    """

    x: Samples
    ids: tuple[str, ...]
    label: Int[np.ndarray, " samples"] | None
    label_names: tuple[str, ...]
    kind: Kind
    found: tuple[str, ...]
    fingerprint: str

    @property
    def num_samples(self) -> int:
        """Number of samples (`len` of a named tuple is its number of fields)."""
        return len(self.x)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (features,) or (channels, height, width)."""
        return self.x.shape[1:]

    def take(self, rows: Int[np.ndarray, " rows"]) -> "Table":
        """The table of these rows, in this order."""
        x = self.x[rows]
        label = None if self.label is None else self.label[rows]
        ids = tuple(self.ids[row] for row in rows)
        return self._replace(x=x, ids=ids, label=label, fingerprint=fingerprint(x, label))


def build_table(
    x: Samples,
    *,
    source: str,
    ids: Sequence[str] = (),
    labels: Values | None = None,
    columns: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Table:
    """Check samples that were read and say what they are.

    Arguments:
        x: Two axes are vectors, four are images.
        source: File or folder, for messages.
        ids: One per sample; none means row numbers.
        labels: One per sample, whole numbers or text; None if there are none.
        columns: Names of the features of vectors, for messages; none means column numbers.
        notes: What the reader wants people to know.

    Raises:
        ValueError: If there is no sample, a value is not finite, or there are not as many labels
            or ids as samples.
    """
    if x.size == 0:
        raise ValueError(f"`{source}` must hold samples, got none (shape {_times(x.shape)}).")
    low, high = _range(x)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError(_not_finite(x, source, columns))
    _check_count("ids", len(ids) or len(x), len(x), source)
    label, names = None, ()
    if labels is not None:
        _check_count("labels", len(labels), len(x), source)
        label, names = encode_labels(labels, source)
    return Table(
        x=x,
        ids=tuple(ids) or tuple(map(str, range(len(x)))),
        label=label,
        label_names=names,
        kind="vectors" if x.ndim == 2 else "images",
        found=(_summary(x, source, names), *notes, *_constant_note(low == high, x, columns)),
        fingerprint=fingerprint(x, label),
    )


def check_trainable(table: Table, source: str) -> None:
    """Refuse what no model can learn from.

    Raises:
        ValueError: If there are fewer than 2 samples, or all samples are the same.
    """
    if table.num_samples < 2:
        raise ValueError(
            f"`{source}` must hold at least 2 samples to train on, got {table.num_samples}."
        )
    low, high = _range(table.x)
    if (low == high).all():
        raise ValueError(
            f"`{source}` must hold samples that differ, got {table.num_samples} that are all the "
            "same (every feature is constant); check that the right values were saved."
        )


def fingerprint(x: Samples, label: Int[np.ndarray, " samples"] | None) -> str:
    """SHA-256 over type, shape and bytes of the samples, and over the labels."""
    digest = hashlib.sha256()
    for array in (x,) if label is None else (x, label):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def _range(x: Samples) -> tuple[Shaped[np.ndarray, "*shape"], Shaped[np.ndarray, "*shape"]]:
    """Smallest and largest value of each feature; a NaN in a feature makes both NaN."""
    with np.errstate(invalid="ignore"):
        return x.min(axis=0), x.max(axis=0)


def _check_count(what: str, got: int, expected: int, source: str) -> None:
    if got != expected:
        raise ValueError(
            f"{what} in `{source}` must be one per sample ({expected}), got {got}; check that "
            "both belong together."
        )


def _not_finite(x: Samples, source: str, columns: Sequence[str]) -> str:
    bad = ~np.isfinite(x)
    count = int(bad.sum())
    row, *place = (int(i) for i in np.unravel_index(int(bad.argmax()), x.shape))
    where = _column(columns, place[0]) if x.ndim == 2 else f"pixel {tuple(place)}"
    return (
        f"`{source}` must hold finite numbers within float32's range, got {count} "
        f"{'value' if count == 1 else 'values'} of NaN or infinity, the first in row {row} "
        f"(counted from 0), {where}; remove or fill such rows."
    )


def _column(columns: Sequence[str], index: int) -> str:
    return f"column '{columns[index]}'" if columns else f"column {index}"


def _constant_note(
    constant: Bool[np.ndarray, "*shape"], x: Samples, columns: Sequence[str]
) -> tuple[str, ...]:
    count = int(constant.sum())
    if count == 0 or len(x) < 2:
        return ()
    if x.ndim == 4:
        return (f"{count} of {constant.size} pixel values are the same in every image; kept.",)
    first = [_column(columns, int(i)) for i in np.flatnonzero(constant)[:NAMED]]
    rest = f" and {count - NAMED} more" if count > NAMED else ""
    return (f"The same in every sample, kept: {', '.join(first)}{rest}.",)


def _summary(x: Samples, source: str, label_names: tuple[str, ...]) -> str:
    if x.ndim == 2:
        what = f"{len(x)} vectors of {x.shape[1]} numbers"
    else:
        colour = {1: "grey", 3: "colour"}[x.shape[1]]
        what = f"{len(x)} {colour} images of {x.shape[2]}×{x.shape[3]} pixels"
    labels = f"{len(label_names)} labels (for evaluation only)" if label_names else "no labels"
    return f"{what}, {labels}, from {source}."


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
