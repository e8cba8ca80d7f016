"""The folder of an export: which files, and how they appear together or not at all.

This file is imported to print help, so it must stay free of PyTorch.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Format = Literal["onnx", "torch-export"]
SUFFIX: dict[Format, str] = {"onnx": ".onnx", "torch-export": ".pt2"}
CARD = "model_card.json"


def check_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse a place that cannot be written, or holds what may not be replaced.

    Raises:
        FileExistsError: If it is a file, an export without `overwrite`, or has other files in it.
        FileNotFoundError: If the folder around it does not exist.
    """
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"`--out` must be a folder, got the file `{out}`.")
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f"`--out` must lie in a folder that exists, got `{out}`; create `{out.parent}` first."
        )
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not _is_export(out):
        raise FileExistsError(
            f"`--out` must be a new folder or an export, got `{out}` with other files in it; "
            "choose another folder."
        )
    if not overwrite:
        raise FileExistsError(
            f"`--out` must be a new folder, got the existing export `{out}`; "
            "pass --overwrite to replace it."
        )


def _is_export(folder: Path) -> bool:
    """Whether the folder holds an export of ours and nothing else."""
    names = {path.name for path in folder.iterdir()}
    files = {f"{part}{suffix}" for part in ("encoder", "decoder") for suffix in SUFFIX.values()}
    data = {f"{part}.onnx.data" for part in ("encoder", "decoder")}
    return CARD in names and names <= {CARD} | files | data


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of `out` only if nothing goes wrong."""
    out = out.resolve()
    part, old = (out.with_name(f"{out.name}.{os.getpid()}.{what}") for what in ("part", "old"))
    part.mkdir()
    try:
        yield part
        if out.is_dir():
            os.replace(out, old)
        os.replace(part, out)
    finally:
        if old.is_dir() and not out.exists():
            os.replace(old, out)
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
