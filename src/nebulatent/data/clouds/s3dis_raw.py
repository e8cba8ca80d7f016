"""S3DIS as its authors hand it out, made into rooms: `Stanford3dDataset_v1.2_Aligned_Version`.

`Area_<k>/<room>/Annotations/<class>_<n>.txt` holds one thing: rows x, y, z, red, green, blue. It is
text of several gigabytes, so it is made into one `.npy` a room once (:func:`collect_rooms`), which
:mod:`.s3dis_rooms` reads. Classes that are none of the 13 (stairs) become clutter. Rooms are those
of :mod:`.s3dis_rooms`, 272 together; some papers count 271.

Source: Armeni et al., CVPR 2016; Qi et al., PointNet, CVPR 2017 (`collect_indoor3d_data`).
"""

import os
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from nebulatent.data.clouds.s3dis import CLASSES
from nebulatent.data.geometry.files import LARGEST
from nebulatent.data.geometry.text import to_columns
from nebulatent.data.table import Split, Table

AREA = re.compile(r"Area_[1-6]")
THING = re.compile(r"([a-z]+)_\d+")


def is_s3dis_raw(folder: Path) -> bool:
    """Whether the folder holds areas of rooms of annotated things."""
    return bool(find_raw_rooms(folder))


def find_raw_rooms(folder: Path) -> list[Path]:
    """The rooms of a folder of areas, sorted."""
    areas = (area for area in folder.glob("Area_*") if AREA.fullmatch(area.name))
    return sorted(room.parent for area in areas for room in area.glob("*/Annotations"))


def read_s3dis_raw(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Refuses: rooms are collected first.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f"`{folder}` must be made into rooms before it is read, got S3DIS as text; run "
        "nebulatent.data.clouds.s3dis_raw.collect_rooms(folder, out) once and read the folder out."
    )


def collect_rooms(folder: Path, out: Path) -> list[Path]:
    """Write each room of S3DIS's text as an array; rooms that are there already are left as is.

    Arguments:
        folder: Where the areas are.
        out: Where the arrays go.

    Raises:
        FileNotFoundError: If there is no room.
        ValueError: If a file is damaged. (One is, in Area 5, `hallway_6`: a control character
            in `ceiling_1.txt`, to be replaced by a blank.)
    """
    rooms, written = find_raw_rooms(folder), []
    if not rooms:
        raise FileNotFoundError(f"`{folder}` must hold Area_1/<room>/Annotations, got none.")
    out.mkdir(parents=True, exist_ok=True)
    for room in rooms:
        written.append(out / f"{room.parent.name}_{room.name}.npy")
        if not written[-1].exists():
            _save(written[-1], load_raw_room(room))
    return written


def load_raw_room(room: Path) -> Float[np.ndarray, "points 7"]:
    """Rows x, y, z from the room's smallest, red, green, blue, label.

    Raises:
        ValueError: If a file is damaged, or there is none.
    """
    things = [_load(path) for path in sorted((room / "Annotations").glob("*.txt"))]
    if not things:
        raise ValueError(f"`{room}` must hold things in Annotations, got none.")
    points = np.concatenate(things)
    points[:, :3] -= points[:, :3].min(axis=0)
    return points.astype(np.float32)


def _load(path: Path) -> Float[np.ndarray, "points 7"]:
    name = THING.fullmatch(path.stem)
    if not name or not 0 < path.stat().st_size <= LARGEST:
        raise ValueError(f"`{path}` must be the points of a thing, <class>_<number>, got others.")
    lines = [line for line in path.read_bytes().splitlines() if line and not line.isspace()]
    columns = to_columns(lines, str(path), "points")
    if columns.shape[1] != 6 or not np.isfinite(columns).all():
        raise ValueError(f"`{path}` must hold six finite numbers a line, got others.")
    label = CLASSES.index(name[1] if name[1] in CLASSES else "clutter")
    return np.hstack([columns, np.full((len(columns), 1), float(label))])


def _save(path: Path, room: Float[np.ndarray, "points 7"]) -> None:
    part = path.with_name(f".{path.name}.part")  # a name of its own until it is whole
    with part.open("wb") as file:
        np.save(file, room)
    os.replace(part, path)
