"""S3DIS, indoor scenes cut into blocks, in HDF5: the folder `indoor3d_sem_seg_hdf5_data`.

`all_files.txt` names the files, `room_filelist.txt` the room of each block. `data` is float32
(blocks, 4096, 9), `label` uint8 (blocks, 4096). The nine columns are x and y from the block's
centre and z, in metres; red, green and blue from 0 to 1; x, y and z as shares of the room's size.
They are kept as they are. Rooms that are not cut yet are :mod:`.s3dis_rooms`.

========== ======== ==========
areas      blocks   classes
========== ======== ==========
1 to 6     23 585   13
5          6852     13
6          3294     13
========== ======== ==========

Area 5 is of another building than the rest: it is the test split, the others are training.

Source: Armeni et al., 3D Semantic Parsing of Large-Scale Indoor Spaces, CVPR 2016; Qi et al.,
PointNet, CVPR 2017 (blocks); spec/hosts.md section 19.7.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from nebulatent.data.clouds.hdf5_sets import listed_files, open_h5_set, read_lines
from nebulatent.data.clouds.rows import FLOAT, points_of
from nebulatent.data.rows import Index, Rows, TakenRows, held, lazy_note
from nebulatent.data.table import PointLabels, Split, Table, build_table

CLASSES = tuple(
    "ceiling floor wall beam column window door table chair sofa bookcase board clutter".split()
)
AREAS = {"train": (1, 2, 3, 4, 6), "test": (5,), "all": (1, 2, 3, 4, 5, 6)}
FILES, ROOMS = "all_files.txt", "room_filelist.txt"
ROOM = re.compile(r"Area_([1-6])_\w+")
COLUMNS = 9


class BlockRows:
    """Blocks of scenes, their first points, in the columns in which they are stored.

    Arguments:
        stored: Rows of (points, columns).
        num_points: Points of a row, at most those stored.
    """

    def __init__(self, stored: Rows, num_points: int) -> None:
        self._stored = stored
        self.shape, self.dtype, self.ndim = (len(stored), num_points, COLUMNS), FLOAT, 3

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, rows: Index) -> Float[np.ndarray, "rows points columns"]:
        return self._stored[rows][:, : self.shape[1]].astype(FLOAT, copy=False)


def is_s3dis(folder: Path) -> bool:
    """Whether the folder has the lists of this layout."""
    return (folder / FILES).is_file() and (folder / ROOMS).is_file()


def read_s3dis(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Blocks of Area 5 (test), of the others (training) or of all.

    Raises:
        FileNotFoundError: If a list, or a file that it names, is not there.
        ValueError: If a file is damaged.
    """
    return read_s3dis_areas(folder, AREAS[split], num_points, lazy)


def read_s3dis_areas(
    folder: Path, areas: Sequence[int], num_points: int | None = None, lazy: bool | None = None
) -> Table:
    """Blocks of some areas, for tests on another area than Area 5.

    Raises:
        FileNotFoundError: If a list, or a file that it names, is not there.
        ValueError: If a file is damaged, or no block is of these areas.
    """
    found = open_h5_set(listed_files(folder / FILES))
    rooms, source = read_lines(folder / ROOMS), str(folder)
    if found.points is None or len(rooms) != len(found.clouds) or found.clouds.shape[2] != COLUMNS:
        raise ValueError(
            f"`{folder}` must hold blocks of {COLUMNS} columns, a label for each point and a room "
            f"for each block in {ROOMS}, got {list(found.clouds.shape)} and {len(rooms)} rooms."
        )
    numbers = rooms_of(rooms, areas, folder)
    count = points_of(found.clouds.shape[1], num_points, source)
    x = held(BlockRows(TakenRows(found.clouds, numbers), count), lazy, source)
    return build_table(
        x,
        source=source,
        ids=[f"{rooms[number]}/{number}" for number in numbers],
        notes=(areas_note(areas), *lazy_note(x)),
        point_labels=PointLabels(found.points[numbers, :count], CLASSES),
    )


def areas_note(areas: Sequence[int]) -> str:
    """What was read, for people."""
    return (
        f"S3DIS; read: areas {', '.join(map(str, areas))}. Columns: position from the block's "
        "centre in metres, colour, position in the room; kept as they are."
    )


def rooms_of(rooms: Sequence[str], areas: Sequence[int], folder: Path) -> Int[np.ndarray, " rows"]:
    """Places in a list of rooms of those that lie in some areas.

    Raises:
        ValueError: If a name is none of a room, or none lies there.
    """
    found = [ROOM.fullmatch(room) for room in rooms]
    if not all(found):
        wrong = rooms[found.index(None)]
        raise ValueError(f"`{folder}` must name rooms as Area_1_office_1, got '{wrong[:40]}'.")
    chosen = [place for place, room in enumerate(found) if room and int(room[1]) in areas]
    if not chosen:
        raise ValueError(f"`{folder}` must hold rooms of area {areas[0]}, got none; choose others.")
    return np.array(chosen)
