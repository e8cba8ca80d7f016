"""Files that commands write: the place is checked before any work, the file appears whole."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def check_output(path: Path, suffixes: Sequence[str]) -> None:
    """Refuse a place that cannot be written.

    Raises:
        ValueError: If the name ends in something else, or is a folder.
        FileNotFoundError: If its folder does not exist.
    """
    if path.suffix not in suffixes:
        raise ValueError(f"`--out` must end in {' or '.join(suffixes)}, got `{path}`.")
    if path.is_dir():
        raise ValueError(f"`--out` must be a file, got the folder `{path}`.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`--out` must lie in a folder that exists, got `{path}`; create `{path.parent}` first."
        )


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write to, which becomes `path` only if nothing goes wrong."""
    part = path.with_name(path.name + ".part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
