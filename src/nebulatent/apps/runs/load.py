"""A run's folder → its trained method, in one line."""

from pathlib import Path

from nebulatent.apps.planning.build import Trained
from nebulatent.apps.runs.runs import load_run


def load(run: str | Path) -> Trained:
    """The trained method of a run, in eval mode.

    Methods see scaled data: `load_run(run).config.scaling.apply` is what scales. Clouds of a run
    with `--poses principal-axes` must be turned before (`nebulatent.data.clouds.principal_axes`);
    bytes of pictures of shapes are divided by 255 instead.

    Arguments:
        run: A folder written by `nebulatent fit`.

    Raises:
        FileNotFoundError: If there is no run, or it is not complete.
        ValueError: If a file is damaged.
    """
    return load_run(Path(run)).model
