"""One pass over samples, in memory or on disk: the extremes of each feature, and a fingerprint."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from nebulatent.data.point_labels import PointLabels
from nebulatent.data.rows import Rows, blocks


class Seen(NamedTuple):
    """What one pass over samples finds.

    Arguments:
        low: Smallest value of each feature; NaN if one is NaN.
        high: Largest value of each feature; NaN if one is NaN.
        digest: Of type, shape and bytes.
        blank: Empty grids; of other samples none are counted.
    """

    low: Shaped[np.ndarray, "*shape"]
    high: Shaped[np.ndarray, "*shape"]
    digest: "hashlib._Hash"
    blank: int

    def fingerprint(
        self,
        label: Int[np.ndarray, " samples"] | None,
        points: PointLabels | None,
        beside: Sequence[Rows | None],
    ) -> str:
        """SHA-256 over type, shape and bytes of the samples, over labels and what is beside them.

        Arguments:
            label: One per sample.
            points: Labels of points.
            beside: The same samples in other forms, pictures before whole grids; None is no form.
        """
        digest = self.digest.copy()
        for values in (label, points and points.values):
            if values is not None:
                digest.update(_described(values))
                digest.update(np.ascontiguousarray(values).data.cast("B"))
        for form in beside:
            if form is not None:
                digest.update(_described(form))
                for block in blocks(form):
                    digest.update(np.ascontiguousarray(block).data.cast("B"))
        return digest.hexdigest()


def look(x: Rows) -> Seen:
    """See all samples once, block by block."""
    digest = hashlib.sha256(_described(x))
    low, high, blank = x[:1][0], x[:1][0], 0
    for block in blocks(x):
        digest.update(np.ascontiguousarray(block).data.cast("B"))
        with np.errstate(invalid="ignore"):
            low = np.minimum(low, block.min(axis=0))
            high = np.maximum(high, block.max(axis=0))
        if x.ndim == 5:
            blank += len(block) - int(block.reshape(len(block), -1).any(axis=1).sum())
    return Seen(low, high, digest, blank)


def _described(x: Rows) -> bytes:
    return f"{x.dtype.str}{x.shape}".encode()
