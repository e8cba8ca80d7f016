"""S3DIS as rooms, `Area_<k>_<room>.npy`, cut into blocks as they are read.

A room is an array of rows x, y, z, red, green, blue, label, positions in metres from the room's
smallest. Blocks are columns of 1 m by 1 m, every 0.5 m, of at least 100 points; of each 4096 are
drawn, some twice if there are fewer. The columns are those of :mod:`.s3dis`.

======== =======
area     rooms
======== =======
1        44
2        40
3        23
4        49
5        68
6        48
======== =======

Source: as :mod:`.s3dis`. Our reading: draws are seeded by the block's points.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from nebulatent.data.clouds.points import draw_numbers
from nebulatent.data.clouds.rows import FLOAT
from nebulatent.data.clouds.s3dis import AREAS, CLASSES, COLUMNS, ROOM, areas_note, rooms_of
from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry
from nebulatent.data.limits import check_plain
from nebulatent.data.npy_header import read_header
from nebulatent.data.rows import Index, held, lazy_note, positions
from nebulatent.data.table import PointLabels, Split, Table, build_table

SIDE, STRIDE, FEWEST, NUM_POINTS = 1.0, 0.5, 100, 4096
LONGEST = 500.0  # metres; a room whose positions are larger is in other units

Room = Float[np.ndarray, "points 7"]


class RoomBlocks:
    """Blocks of rooms as rows; a room is read again whenever one of its blocks is asked for.

    Arguments:
        blocks: Room and corner of each block.
        num_points: Points of a block.
    """

    def __init__(self, blocks: Sequence[tuple[Path, float, float]], num_points: int) -> None:
        self._blocks = blocks
        self.shape, self.dtype, self.ndim = (len(blocks), num_points, COLUMNS), FLOAT, 3

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, rows: Index) -> Float[np.ndarray, "rows points columns"]:
        numbers = positions(rows, len(self))
        x = np.empty((len(numbers), *self.shape[1:]), dtype=FLOAT)
        where: dict[Path, list[int]] = {}
        for row, number in enumerate(numbers):
            where.setdefault(self._blocks[number][0], []).append(row)
        for path, mine in where.items():
            room = load_room(path)
            for row in mine:
                _, west, south = self._blocks[numbers[row]]
                x[row] = _columns(room, _draw(room, west, south, self.shape[1]), west, south)
        return x


def is_s3dis_rooms(folder: Path) -> bool:
    """Whether the folder holds rooms."""
    return bool(_rooms(folder))


def read_s3dis_rooms(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Blocks of Area 5 (test), of the others (training) or of all.

    Raises:
        ValueError: If a file is damaged, or no room is of the split.
    """
    rooms, count, source = _rooms(folder), num_points or NUM_POINTS, str(folder)
    chosen = rooms_of([path.stem for path in rooms], AREAS[split], folder)
    blocks, labels, ids = [], [], []
    for path in (rooms[number] for number in chosen):
        room = load_room(path)
        for west, south in _corners(room):
            ids.append(f"{path.stem}/{west:g},{south:g}")
            blocks.append((path, west, south))
            labels.append(room[_draw(room, west, south, count), 6].astype(np.uint8))
    if not blocks:
        raise ValueError(f"`{folder}` must hold rooms with blocks of {FEWEST} points, got none.")
    x = held(RoomBlocks(blocks, count), lazy, source)
    slow = ("Rooms are cut again whenever they are read: save them as blocks.",)
    return build_table(
        x,
        source=source,
        ids=ids,
        notes=(areas_note(AREAS[split]), *lazy_note(x), *(slow if lazy_note(x) else ())),
        point_labels=PointLabels(np.stack(labels), CLASSES),
    )


def load_room(path: Path) -> Room:
    """The rows of a room.

    Raises:
        ValueError: If the file is damaged, or not a room.
    """
    header = read_header(lambda: path.open("rb"), str(path))
    check_plain(header.size, path.stat().st_size, str(path))
    if (
        len(header.shape) != 2
        or header.shape[1] != 7
        or header.dtype.kind not in "fiu"
        or 0 in header.shape
    ):
        raise ValueError(
            f"`{path}` must hold rows x, y, z, red, green, blue, label, got "
            f"{header.dtype}{list(header.shape)}."
        )
    room = np.load(path, allow_pickle=False)
    label, sizes = room[:, 6], np.abs(room[:, :3])
    known = (label >= 0) & (label < len(CLASSES)) & (label == np.floor(label))
    if not (known.all() and sizes.max() <= LONGEST and np.isfinite(room).all()):
        raise ValueError(
            f"`{path}` must hold finite positions in metres and labels 0 to {len(CLASSES) - 1}, "
            "got others; it is damaged or of another data set."
        )
    return room


def _rooms(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("Area_*.npy") if ROOM.fullmatch(path.stem))


def _corners(room: Room) -> Iterator[tuple[float, float]]:
    """West and south of each block that has points enough."""
    counts = [
        max(1, math.ceil((float(high) - SIDE) / STRIDE) + 1) for high in room[:, :2].max(axis=0)
    ]
    for step_x in range(counts[0]):
        for step_y in range(counts[1]):
            west, south = step_x * STRIDE, step_y * STRIDE
            if np.count_nonzero(_inside(room, west, south)) >= FEWEST:
                yield west, south


def _inside(room: Room, west: float, south: float) -> Bool[np.ndarray, " points"]:
    x, y = room[:, 0], room[:, 1]
    return (x >= west) & (x <= west + SIDE) & (y >= south) & (y <= south + SIDE)


def _draw(room: Room, west: float, south: float, count: int) -> Int[np.ndarray, " count"]:
    inside = np.flatnonzero(_inside(room, west, south))
    block = Geometry(room[inside, :3].astype(np.float64), NO_TRIANGLES)
    return inside[draw_numbers(block, count)]


def _columns(
    room: Room, numbers: Int[np.ndarray, " count"], west: float, south: float
) -> Shaped[np.ndarray, "count columns"]:
    position = room[numbers, :3].astype(np.float64)
    largest = room[:, :3].max(axis=0).astype(np.float64)
    centred = position - [west + SIDE / 2, south + SIDE / 2, 0]
    share = position / np.where(largest > 0, largest, 1)
    return np.concatenate([centred, room[numbers, 3:6] / 255, share], axis=1)
