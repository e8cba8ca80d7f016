"""Training a run that was started, here or in several processes, with what a person sees of it."""

from pathlib import Path

from nebulatent.apps.console import Output
from nebulatent.apps.fitting.launch import how_to_go_on, launch
from nebulatent.apps.fitting.progress import ProgressBar
from nebulatent.apps.fitting.train import Source, train
from nebulatent.apps.planning.engine import rank, world_size
from nebulatent.apps.runs.inputs import in_poses
from nebulatent.apps.runs.runs import DataRecord, Run, load_config, load_run
from nebulatent.data.completion_pairs import read_pairs
from nebulatent.data.read import read
from nebulatent.data.table import Table, check_trainable


def fit_run(path: Path, table: Table, output: Output, name: str = "training") -> Run | None:
    """Train a run to its end, in as many processes as it asks for.

    Returns:
        The complete run; None in all but the first of several processes.

    Raises:
        KeyboardInterrupt: If the user stops it; the message says how to go on.
    """
    devices = load_config(path).engine.devices
    try:
        if devices > 1 and world_size() == 1:
            launch(path, devices, name=name, quiet=output.as_json)
        else:
            train_with_progress(path, table, output, name)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped. {how_to_go_on(path)}") from None
    return load_run(path) if rank() == 0 else None


def train_with_progress(path: Path, table: Table, output: Output, name: str) -> None:
    """Train in this process, with a progress bar on standard error if it is the first one."""
    if rank() > 0:
        train(path, table)
        return
    with ProgressBar(load_config(path), output.progress_console, name) as bar:
        train(path, table, bar)


def read_again(path: Path) -> Table:
    """The data that a run began with."""
    return read_source(load_config(path).data)


def read_source(data: Source | DataRecord) -> Table:
    """The data that a run is to begin with, or began with.

    Raises:
        ValueError: If something was asked for that is not for such data.
    """
    if data.pairs:
        for name in ("image_size", "num_points"):
            if getattr(data, name) is not None:
                raise ValueError(
                    f"`{name}` must be left out for pairs of grids, got {getattr(data, name)}."
                )
        pairs = read_pairs(data.path, split=data.split, resolution=data.voxels)
        check_trainable(pairs, data.path)
        return in_poses(pairs, data.poses, data.path)
    table = read(
        data.path,
        split=data.split,
        image_size=data.image_size,
        num_points=data.num_points,
        resolution=data.voxels,
        views=data.views,
    )
    return in_poses(table, data.poses, data.path)
