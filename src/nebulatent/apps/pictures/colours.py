"""Which colour and which mark a group of samples gets, the same in every figure.

Up to ten groups differ by colour, up to twenty by colour and mark. The ten colours are those of
Petroff (2021), chosen to stay apart for readers with a colour vision deficiency. Beyond twenty no
set of colours stays apart, and neighbouring numbers get neighbouring colours.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from matplotlib import colormaps
from matplotlib.colors import to_hex

PALETTE = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
MARKS = ("circle", "diamond")
MAX_DISTINCT = len(PALETTE) * len(MARKS)
UNKNOWN = "#c9ced8"


class Group(NamedTuple):
    """Samples that are drawn alike.

    Arguments:
        name: What a legend calls them.
        colour: As "#rrggbb".
        mark: Shape of a point, in Plotly's words.
        rows: Which samples, by row.
    """

    name: str
    colour: str
    mark: str
    rows: Int[np.ndarray, " rows"]


def colours(count: int) -> list[str]:
    """One colour for each of `count` groups.

    Examples:
        >>> colours(2)
        ['#3f90da', '#ffa90e']
    """
    if count <= MAX_DISTINCT:
        return [PALETTE[i % len(PALETTE)] for i in range(count)]
    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 0.95, count))]


def marks(count: int) -> list[str]:
    """One mark for each of `count` groups."""
    if count <= MAX_DISTINCT:
        return [MARKS[i // len(PALETTE)] for i in range(count)]
    return [MARKS[0]] * count


def group_rows(index: Int[np.ndarray, " codes"], names: Sequence[str]) -> list[Group]:
    """Groups of rows with the same index; rows with a negative index come last, as "unknown".

    Groups without rows are left out, but colours are those of the whole list of names.
    """
    count = len(names)
    looks = zip(names, colours(count), marks(count), strict=True)
    groups = [
        Group(name, colour, mark, np.flatnonzero(index == i))
        for i, (name, colour, mark) in enumerate(looks)
    ]
    unknown = Group("unknown", UNKNOWN, MARKS[0], np.flatnonzero(index < 0))
    return [group for group in [*groups, unknown] if len(group.rows)]


def anchor_names(num_anchors: int) -> list[str]:
    """Anchors are numbered from 0, as in `nebulatent sample --anchor`."""
    return [f"anchor {i}" for i in range(num_anchors)]


def class_names(label: Int[np.ndarray, " codes"], label_names: Sequence[str]) -> list[str]:
    """The given names, and the number itself for labels beyond them.

    Examples:
        >>> class_names(np.array([0, 2]), ["cat"])
        ['cat', '1', '2']
    """
    count = int(label.max(initial=-1)) + 1
    return [label_names[i] if i < len(label_names) else str(i) for i in range(count)]
