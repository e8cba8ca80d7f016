"""One picture file as a table of one row, as one mesh is."""

from pathlib import Path

from nebulatent.data.picture_rows import to_rows
from nebulatent.data.pictures import inspect
from nebulatent.data.table import NO_SPLIT, Table, build_table


def read_picture(path: Path, image_size: int | None) -> Table:
    """The picture, brought to a size by the rule for folders (:mod:`.picture_rows`).

    Raises:
        ValueError: If it is truncated, damaged or of another kind than its name says.
    """
    rows, notes = to_rows([inspect(path)], image_size)
    return build_table(rows[:], source=str(path), ids=[path.name], notes=(NO_SPLIT, *notes))
