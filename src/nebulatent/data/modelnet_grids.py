"""ModelNet as grids and as pictures, in the folders in which both are handed out.

    <class>/{train,test}/<id>.binvox                            what binvox makes of its meshes
    <class>/30/{train,test}/<id>_<turn>.mat                     3D ShapeNets' volumes
    <class>/{train,test}/<id>.obj.shaded_v001.png … v012.png    MVCNN's views of each shape

Grids and pictures may lie in one such tree or in several inside a folder: they are told apart and
brought together by class, part and id. The turns of a volume are samples of their own, with the
views of their shape.

Source: Wu et al., 3D ShapeNets, CVPR 2015; Su et al., MVCNN, ICCV 2015, and the 12 views of
Su, Gadelha, Wang, Maji: A Deeper Look at 3D Shape Classifiers, 2018, which SwitchVAE uses.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nebulatent.data.folder import is_picture, is_split_folder, list_files
from nebulatent.data.grid_files import MAT
from nebulatent.data.table import Split

PARTS = ("train", "test")
CELLS = re.compile(r"\d{1,3}")  # along each side, as the name of a folder
TURN = re.compile(r"_\d{1,2}$")  # in the name of a volume
VIEW = re.compile(r"(?P<id>.+?)(\.(obj|off))?[._](shaded_v)?\d{1,3}")


class Place(NamedTuple):
    """Which shape a file is of.

    Arguments:
        kind: Its class.
        part: `"train"` or `"test"`.
        id: Name of the file, without its ending.
    """

    kind: str
    part: str
    id: str


def place_of(path: Path) -> Place | None:
    """What the folders of a file say; None if they are not ModelNet's.

    Examples:
        >>> place_of(Path("volumetric_data/bed/30/test/bed_1_2.mat"))
        Place(kind='bed', part='test', id='bed_1_2')
    """
    *_, above, kind, part, name = ("", "", "", "", *path.parts)
    volume = path.suffix.lower() == MAT and CELLS.fullmatch(kind) is not None
    kind = above if volume else kind
    return Place(kind, part, Path(name).stem) if part in PARTS and kind else None


def are_modelnet(grids: Sequence[Path], folder: Path) -> bool:
    """Whether all these files within a folder lie in ModelNet's folders."""
    if not grids or is_split_folder(folder):
        return False
    return all(place_of(path.relative_to(folder)) is not None for path in grids)


def part_of(grids: Sequence[Path], folder: Path, split: Split) -> tuple[list[Path], list[str]]:
    """Files of a part, training first if of both, and the class of each."""
    wanted = PARTS if split == "all" else (split,)
    places = [(path, place_of(path.relative_to(folder))) for path in grids]
    found = [(path, at.kind) for part in wanted for path, at in places if at and at.part == part]
    return [path for path, _ in found], [kind for _, kind in found]


def find_pictures(folder: Path) -> dict[Place, list[Path]]:
    """Pictures of each shape, sorted by name."""
    found: dict[Place, list[Path]] = defaultdict(list)
    for path in list_files(folder):
        place, view = place_of(path.relative_to(folder)), VIEW.fullmatch(path.stem)
        if is_picture(path) and place is not None and view is not None:
            found[place._replace(id=view["id"])].append(path)
    return dict(found)


def pictures_beside(folder: Path, grids: Sequence[Path]) -> list[list[Path]]:
    """Pictures of the shape of each grid; none of a shape that has none."""
    found = find_pictures(folder)
    places = [place_of(path.relative_to(folder)) for path in grids]
    return [_views_of(place, found) if place else [] for place in places]


def _views_of(place: Place, found: Mapping[Place, list[Path]]) -> list[Path]:
    """Views of a shape, or of the one of which a volume is a turn."""
    shape = place if place in found else place._replace(id=TURN.sub("", place.id))
    return found.get(shape, [])
