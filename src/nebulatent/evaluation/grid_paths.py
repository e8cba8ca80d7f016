r"""How a path of occupancy grids leads from one shape to another, in numbers.

Of a path :math:`G_0 \dots G_n` with :math:`c_i` the number of cells that differ between
:math:`G_{i-1}` and :math:`G_i`, and :math:`c` that between :math:`G_0` and :math:`G_n`,

.. math::
    \text{largest step} = \frac{\max_i c_i}{\sum_i c_i} \qquad
    \text{detour} = 1 - \frac{c}{\sum_i c_i}

An even path has a largest step of 1/n; a jump has 1. A path that changes no cell to change it back
has no detour. A path without any change counts as one jump without detour: a decoder that always
says the same is not smooth.

Both are blind to what lies between: so the share of grids between the ends that are one connected
body (cells touch by a face, an edge or a corner) is beside them. An empty grid is no body.
"""

import numpy as np
from jaxtyping import Bool, Int
from scipy.ndimage import label as bodies

from nebulatent.evaluation.measures import Better, Measure

Paths = Bool[np.ndarray, "paths steps x y z"]
TOUCHING = np.ones((3, 3, 3))


def in_one_piece(cells: Bool[np.ndarray, "grids x y z"]) -> Bool[np.ndarray, " grids"]:
    """Which grids are one connected body.

    Examples:
        >>> cells = np.zeros((3, 2, 2, 3), bool)
        >>> cells[0, 0, 0, 0] = cells[0, 1, 1, 1] = True  # a corner in common
        >>> cells[1, 0, 0, 0] = cells[1, 0, 0, 2] = True  # a cell between
        >>> in_one_piece(cells)
        array([ True, False, False])
    """
    counts = [bodies(grid, TOUCHING)[1] for grid in cells]  # pyright: ignore[reportIndexIssue]
    return np.array(counts) == 1


def path_measures(paths: Paths) -> list[Measure]:
    """Smoothness of paths and wholeness of what lies on them, mean over paths.

    Arguments:
        paths: Filled cells at equal steps, ends included.

    Raises:
        ValueError: If there is no path, or none with a grid between its ends.
    """
    if not paths.size or paths.shape[1] < 3:
        raise ValueError(
            f"`paths` must hold at least one path of three grids or more, got {paths.shape}."
        )
    count, steps = paths.shape[:2]
    flat = paths.reshape(count, steps, -1)
    changed = _different(flat[:, 1:], flat[:, :-1])
    every, direct = changed.sum(1), _different(flat[:, 0], flat[:, -1])
    moving = every > 0
    whole = np.maximum(every, 1)
    either = (flat[:, 1:] | flat[:, :-1]).sum(2)
    near = np.where(either > 0, 1 - changed / np.maximum(either, 1), 1.0)
    pieces = in_one_piece(paths.reshape(-1, *paths.shape[2:])).reshape(count, steps)
    on = f"{count} paths of {steps} grids."
    rows: tuple[tuple[str, np.ndarray, Better, str], ...] = (
        (
            "largest step",
            np.where(moving, changed.max(1) / whole, 1.0),
            "lower",
            f"Largest change of cells in a step, as a share of all; even is {1 / (steps - 1):.3g}",
        ),
        (
            "detour",
            np.where(moving, 1 - direct / whole, 0.0),
            "lower",
            "Share of all changes of cells along a path that do not lead to its end",
        ),
        ("IoU of neighbours", near, "higher", "IoU of grids one step apart"),
        (
            "between in one piece",
            pieces[:, 1:-1],
            "higher",
            "Share of grids between the ends that are one connected body",
        ),
        (
            "ends in one piece",
            pieces[:, [0, -1]],
            "higher",
            "Share of ends that are one connected body",
        ),
    )
    return [
        Measure(name, float(values.mean()), better, "", f"{text}; {on}", False)
        for name, values, better, text in rows
    ]


def _different(
    a: Bool[np.ndarray, "*grids cells"], b: Bool[np.ndarray, "*grids cells"]
) -> Int[np.ndarray, "*grids"]:
    return np.count_nonzero(a != b, axis=-1)
