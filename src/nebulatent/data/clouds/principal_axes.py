r"""Clouds of points in the frame of their principal axes: what their poses were no longer matters.

.. math:: p_i' = s \odot V^\top (p_i - \bar p), \qquad
    \tfrac1N \textstyle\sum_i (p_i - \bar p)(p_i - \bar p)^\top = V \Lambda V^\top

with the axes in the order of their variance, x the shortest. An axis has no sign of its own: the
longer tail lies in front, :math:`s_x = \operatorname{sign} \sum_i p_{ix}'^3`, and so for y; then
:math:`s_z` makes it a rotation. Where tails are alike that is a guess; so is the order of axes
along which a cloud is as long. `EITHER_WAY` has the four rotations that the choice of signs allows,
as the diagonals of their matrices: a mean over them is the same whatever was guessed.

A cloud is turned by itself alone, without labels, so that it is the same in any file. It is then
centred on its mean and scaled to the unit sphere, if its reader had not done so.
"""

import numpy as np
from jaxtyping import Float, Shaped

from nebulatent.data.clouds.points import to_unit_sphere
from nebulatent.data.rows import Index, Rows
from nebulatent.data.table import Table, build_table

TOGETHER = 256  # clouds turned at once, in float64
PRINCIPAL = "Each cloud was turned into the frame of its principal axes."
ONLY_PLACES = "Of each point only the coordinates were kept."

Diagonal = tuple[int, int, int]  # of a matrix that turns a cloud
AS_IT_IS: tuple[Diagonal, ...] = ((1, 1, 1),)
EITHER_WAY: tuple[Diagonal, ...] = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


class TurnedRows:
    """Clouds that stay on disk, turned when they are read.

    Arguments:
        clouds: Rows of (points, three columns or more).
    """

    def __init__(self, clouds: Rows) -> None:
        self._clouds = clouds
        self.shape, self.ndim = (*clouds.shape[:2], 3), 3
        self.dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self._clouds)

    def __getitem__(self, rows: Index) -> Float[np.ndarray, "rows points 3"]:
        return turned(self._clouds[rows])


def in_principal_axes(table: Table) -> Table:
    """The same clouds, each in the frame of its principal axes and in the unit sphere.

    Columns after the first three, such as normals, are left out. Labels, those of points too, stay.

    Raises:
        ValueError: If these are no clouds of three coordinates.
    """
    if table.kind != "points" or table.sample_shape[1] < 3:
        got = f"{table.kind} of shape {'×'.join(map(str, table.sample_shape))}"
        raise ValueError(
            f"`table` must hold clouds of three coordinates to be turned into their principal "
            f"axes, got {got}."
        )
    x = turned(table.x) if isinstance(table.x, np.ndarray) else TurnedRows(table.x)
    seen = build_table(x, source="data")
    notes = (PRINCIPAL, ONLY_PLACES) if table.sample_shape[1] > 3 else (PRINCIPAL,)
    return table._replace(
        x=seen.x,
        found=(*table.found, *notes),
        fingerprint=f"{seen.fingerprint} {table.fingerprint}",
        low=seen.low,
        high=seen.high,
    )


def turned(
    clouds: Shaped[np.ndarray, "clouds points columns"],
) -> Float[np.ndarray, "clouds points 3"]:
    """Clouds in the frame of their principal axes and in the unit sphere, a few at a time."""
    points = np.asarray(clouds)[..., :3]
    found = np.empty(points.shape, np.float32)
    for start in range(0, len(points), TOGETHER):
        found[start : start + TOGETHER] = principal_frame(points[start : start + TOGETHER])
    return to_unit_sphere(found)


def principal_frame(
    points: Float[np.ndarray, "clouds points 3"],
) -> Float[np.ndarray, "clouds points 3"]:
    """Clouds about their means, the axis of the least variance first.

    Examples:
        >>> flat = np.array([[[0.0, 5, 0], [2, 5, 0], [0, 5, 1], [2, 5, 1], [1, 6, 3]]])
        >>> np.ptp(principal_frame(flat), axis=1).round(1).tolist()
        [[0.3, 2.0, 3.2]]
    """
    centred = points.astype(np.float64) - points.mean(1, keepdims=True, dtype=np.float64)
    axes = np.linalg.eigh(centred.mT @ centred)[1]
    turned = centred @ axes
    sign = np.where((turned**3).sum(1) < 0, -1.0, 1.0)
    sign[:, 2] = sign[:, 0] * sign[:, 1] * np.linalg.det(axes)
    return (turned * sign[:, None]).astype(points.dtype)
