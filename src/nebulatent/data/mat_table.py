"""A `.mat` file as a table.

Its arrays are told by their names as in an `.npz` file (:mod:`.arrays`); but a cube that is alone,
or named `instance`, is one occupancy grid.
"""

from pathlib import Path

from nebulatent.data.arrays import read_named
from nebulatent.data.grid_files import OWN, cube_of
from nebulatent.data.mat import read_mat
from nebulatent.data.table import Split, Table
from nebulatent.data.voxel_folder import read_grid


def read_mat_table(path: Path, split: Split, resolution: int | None) -> Table:
    """The samples of a `.mat` file, with labels and ids where it has them.

    Arguments:
        path: The file.
        split: Part, where there are official parts.
        resolution: Cells along each side of grids; None chooses by rule.

    Raises:
        FileNotFoundError: If the file has an official split, but not the one asked for.
        ValueError: If the file is damaged, or it is not clear which array holds the samples.
    """
    arrays = read_mat(path)
    if cube_of(arrays) is not None and (OWN in arrays or len(arrays) == 1):
        return read_grid(path, resolution)
    return read_named(arrays, path, split, resolution)
