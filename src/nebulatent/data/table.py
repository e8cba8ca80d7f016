"""A data set, however it was stored: samples in order, their ids, labels if any.

Values are raw, as found in the file; :mod:`nebulatent.data.scaling` turns them into what a model
sees. Images of bytes stay bytes, a quarter of the memory of floats. Samples are in memory, or stay
on disk (:mod:`nebulatent.data.rows`); all that is said of them is found in one pass over blocks.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Shaped

from nebulatent.data.fingerprint import look
from nebulatent.data.labels import Values, encode_labels
from nebulatent.data.point_labels import PointLabels, check_point_labels
from nebulatent.data.rows import RowNumbers, Rows, blocks, take_rows

Kind = Literal["vectors", "images", "points", "voxels"]
Split = Literal["train", "test", "all"]

NO_SPLIT = "There is no official split: every split is the whole set."
KINDS: dict[int, Kind] = {  # by the number of axes
    2: "vectors",
    3: "points",
    4: "images",
    5: "voxels",
}
PLACES = {3: "point and coordinate", 4: "pixel"}
SAME_CELLS = "cells are the same in every grid"
NAMED = 8  # columns named in a message before "and … more"


class Table(NamedTuple):
    """Samples of one data set.

    Arguments:
        x: Vectors as float32 (samples, features); images as uint8 or float32
            (samples, channels, height, width); raw values, unscaled. Clouds of points as float32
            (samples, points, coordinates), centred and scaled as `found` says. Grids as uint8
            (samples, 1, x, y, z) of zeros and ones, those to be completed as bool. In memory or on
            disk.
        ids: One per sample, in file order: file name relative to the folder, id column, or row
            number as text.
        label: One per sample, an index into `label_names`; for evaluation only.
        label_names: The labels as written in the file; empty when `label` is None.
        kind: What a sample is.
        found: Sentences for people: what was found, what was dropped or resized.
        fingerprint: SHA-256 over `x` (type, shape, bytes), `label`, `views` and
            `whole`.
        low: Smallest value of each feature, in the shape of one sample.
        high: Largest value of each feature.
        point_labels: Labels of points, where clouds have them; read only by supervised methods
            and by evaluation.
        views: Pictures of each sample beside it, bytes (samples, views, channels, height, width),
            in memory or on disk; None if there are none or nobody asked for them.
        whole: Of grids `x` that show a part of a shape, the whole ones (:mod:`.completion_pairs`);
            None for all other samples.
    """

    x: Rows
    ids: Sequence[str]
    label: Int[np.ndarray, " samples"] | None
    label_names: tuple[str, ...]
    kind: Kind
    found: tuple[str, ...]
    fingerprint: str
    low: Shaped[np.ndarray, "*shape"]
    high: Shaped[np.ndarray, "*shape"]
    point_labels: PointLabels | None
    views: Rows | None = None
    whole: Rows | None = None

    @property
    def num_samples(self) -> int:
        """Number of samples (`len` of a named tuple is its number of fields)."""
        return len(self.x)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """(features,), (channels, height, width), (points, coordinates) or (1, x, y, z)."""
        return self.x.shape[1:]

    def take(self, rows: Int[np.ndarray, " rows"]) -> "Table":
        """The table of these rows, in this order."""
        x = take_rows(self.x, rows)
        label = None if self.label is None else self.label[rows]
        points = self.point_labels
        points = points and points._replace(values=points.values[rows])
        views = None if self.views is None else take_rows(self.views, rows)
        whole = None if self.whole is None else take_rows(self.whole, rows)
        seen = look(x)
        return self._replace(
            x=x,
            ids=_take_ids(self.ids, rows),
            label=label,
            fingerprint=seen.fingerprint(label, points, (views, whole)),
            low=seen.low,
            high=seen.high,
            point_labels=points,
            views=views,
            whole=whole,
        )


def build_table(  # noqa: PLR0913
    x: Rows,
    *,
    source: str,
    ids: Sequence[str] = (),
    labels: Values | None = None,
    columns: Sequence[str] = (),
    notes: Sequence[str] = (),
    point_labels: PointLabels | None = None,
    views: Rows | None = None,
    whole: Rows | None = None,
) -> Table:
    """Check samples that were read and say what they are.

    Arguments:
        x: Two axes are vectors, three are clouds of points, four are images, five are grids.
        source: File or folder, for messages.
        ids: One per sample; none means row numbers.
        labels: One per sample, whole numbers or text; None if there are none.
        columns: Names of the features of vectors, for messages; none means column numbers.
        notes: What the reader wants people to know.
        point_labels: Labels of points, if clouds have them.
        views: Pictures of each sample, if they were read.
        whole: Whole grids, where samples are partial ones.

    Raises:
        ValueError: If there is no sample, a value is not finite, or there are not as many labels
            or ids as samples, or labels of points as points.
    """
    if math.prod(x.shape) == 0:
        raise ValueError(f"`{source}` must hold samples, got none (shape {_times(x.shape)}).")
    seen = look(x)
    if not (np.isfinite(seen.low).all() and np.isfinite(seen.high).all()):
        raise ValueError(_not_finite(x, source, columns))
    _check_count("ids", len(ids) or len(x), len(x), source)
    label, names = None, ()
    if labels is not None:
        _check_count("labels", len(labels), len(x), source)
        label, names = encode_labels(labels, source)
    if point_labels is not None:
        check_point_labels(point_labels, x.shape, source)
    if views is not None:
        _check_count("pictures", len(views), len(x), source)
    if whole is not None:
        _check_count("whole grids", len(whole), len(x), source)
    constant = seen.low == seen.high
    return Table(
        x=x,
        ids=tuple(ids) or _numbered(x),
        label=label,
        label_names=names,
        kind=KINDS[x.ndim],
        found=(
            _summary(x, source, names),
            *notes,
            *_constant_note(constant, x, columns),
            *_blank_note(seen.blank, x),
        ),
        fingerprint=seen.fingerprint(label, point_labels, (views, whole)),
        low=seen.low,
        high=seen.high,
        point_labels=point_labels,
        views=views,
        whole=whole,
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
    if (table.low == table.high).all():
        raise ValueError(
            f"`{source}` must hold samples that differ, got {table.num_samples} that are all the "
            "same (every feature is constant); check that the right values were saved."
        )


def _numbered(x: Rows) -> Sequence[str]:
    numbers = RowNumbers(range(len(x)))
    return tuple(numbers) if isinstance(x, np.ndarray) else numbers


def _take_ids(ids: Sequence[str], rows: Int[np.ndarray, " rows"]) -> Sequence[str]:
    if isinstance(ids, RowNumbers):
        return ids.take(rows)
    return tuple(ids[int(row)] for row in rows)


def _check_count(what: str, got: int, expected: int, source: str) -> None:
    if got != expected:
        raise ValueError(
            f"{what} in `{source}` must be one per sample ({expected}), got {got}; check that "
            "both belong together."
        )


def _not_finite(x: Rows, source: str, columns: Sequence[str]) -> str:
    count, done, first = 0, 0, (0,) * x.ndim
    for block in blocks(x):
        bad = ~np.isfinite(block)
        if not count and bad.any():
            row, *place = (int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
            first = (done + row, *place)
        count, done = count + int(bad.sum()), done + len(block)
    row, *place = first
    where = _column(columns, place[0]) if x.ndim == 2 else f"{PLACES[x.ndim]} {tuple(place)}"
    return (
        f"`{source}` must hold finite numbers within float32's range, got {count} "
        f"{'value' if count == 1 else 'values'} of NaN or infinity, the first in row {row} "
        f"(counted from 0), {where}; remove or fill such rows."
    )


def _column(columns: Sequence[str], index: int) -> str:
    return f"column '{columns[index]}'" if columns else f"column {index}"


def _constant_note(
    constant: Bool[np.ndarray, "*shape"], x: Rows, columns: Sequence[str]
) -> tuple[str, ...]:
    count = int(constant.sum())
    if count == 0 or len(x) < 2 or x.ndim == 3:  # the n-th points of clouds have no meaning
        return ()
    if x.ndim > 3:
        what = "pixel values are the same in every image" if x.ndim == 4 else SAME_CELLS
        return (f"{count} of {constant.size} {what}; kept.",)
    first = [_column(columns, int(i)) for i in np.flatnonzero(constant)[:NAMED]]
    rest = f" and {count - NAMED} more" if count > NAMED else ""
    return (f"The same in every sample, kept: {', '.join(first)}{rest}.",)


def _blank_note(count: int, x: Rows) -> tuple[str, ...]:
    if not count or x.ndim != 5:
        return ()
    return (f"{count} of {len(x)} grids {'is' if count == 1 else 'are'} empty; kept.",)


def _summary(x: Rows, source: str, label_names: tuple[str, ...]) -> str:
    match x.shape[1:]:
        case (features,):
            what = f"{len(x)} vectors of {features} numbers"
        case (points, coordinates):
            what = f"{len(x)} clouds of {points} points with {coordinates} coordinates"
        case (channels, height, width):
            colour = {1: "grey", 3: "colour"}[channels]
            what = f"{len(x)} {colour} images of {height}×{width} pixels"
        case sides:
            what = f"{len(x)} grids of {_times(sides[1:])} cells"
    labels = f"{len(label_names)} labels (for evaluation only)" if label_names else "no labels"
    return f"{what}, {labels}, from {source}."


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
