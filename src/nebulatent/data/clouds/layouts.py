"""Public layouts of meshes and clouds, told apart by what lies in a folder.

============================= ==========================================
told by                       reader
============================= ==========================================
lists of HDF5 files           :mod:`.shapenet_part`, :mod:`.s3dis`
`shape_names.txt`             :mod:`.modelnet_h5`
names of HDF5 files           :mod:`.scanobjectnn`
`modelnet40_shape_names.txt`  :mod:`.modelnet_text`
`synsetoffset2category.txt`   :mod:`.shapenet_part_text`
`Area_1_….npy`                :mod:`.s3dis_rooms`
`Area_1/<room>/Annotations`   :mod:`.s3dis_raw`
`db` and `classification`     :mod:`.psb`
`<class>/{train,test}/*.off`  :mod:`.modelnet`
============================= ==========================================
"""

from collections.abc import Callable
from pathlib import Path

from nebulatent.data.clouds.modelnet import is_modelnet, read_modelnet
from nebulatent.data.clouds.modelnet_h5 import is_modelnet_h5, read_modelnet_h5
from nebulatent.data.clouds.modelnet_text import is_modelnet_text, read_modelnet_text
from nebulatent.data.clouds.psb import find_psb, read_psb
from nebulatent.data.clouds.s3dis import is_s3dis, read_s3dis
from nebulatent.data.clouds.s3dis_raw import is_s3dis_raw, read_s3dis_raw
from nebulatent.data.clouds.s3dis_rooms import is_s3dis_rooms, read_s3dis_rooms
from nebulatent.data.clouds.scanobjectnn import is_scanobjectnn, read_scanobjectnn
from nebulatent.data.clouds.shapenet_part import is_shapenet_part_h5, read_shapenet_part_h5
from nebulatent.data.clouds.shapenet_part_text import (
    is_shapenet_part_text,
    read_shapenet_part_text,
)
from nebulatent.data.table import Split, Table

Reader = Callable[[Path, Split, int | None, bool | None], Table]

LAYOUTS: tuple[tuple[Callable[[Path], object], Reader], ...] = (
    (is_shapenet_part_h5, read_shapenet_part_h5),
    (is_s3dis, read_s3dis),
    (is_modelnet_h5, read_modelnet_h5),
    (is_scanobjectnn, read_scanobjectnn),
    (is_modelnet_text, read_modelnet_text),
    (is_shapenet_part_text, read_shapenet_part_text),
    (is_s3dis_rooms, read_s3dis_rooms),
    (is_s3dis_raw, read_s3dis_raw),
    (find_psb, read_psb),
    (is_modelnet, read_modelnet),
)


def find_layout(folder: Path) -> Reader | None:
    """The reader of the layout that a folder has, if it is one of these."""
    return next((reader for told, reader in LAYOUTS if told(folder)), None)
