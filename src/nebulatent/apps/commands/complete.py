"""`nebulatent complete`: the whole of what one view shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from nebulatent.apps.planning.options import RunFolder, Split


@dataclass(frozen=True, kw_only=True)
class Complete:
    """Complete grids of which one view shows a part, by a run of rec-ae or rec-gan.

    SCAN is a grid of the cells that were seen (.binvox, .mat, .npy, .npz, or 3D-RecGAN's .txt), a
    file or a folder of several, or the data of pairs that `fit` takes.

    Example: nebulatent complete runs/c scan.binvox --out done.binvox

    Example: nebulatent complete runs/c builtin:scans --out done.html
    """

    path: RunFolder
    """A complete run."""
    scan: Annotated[Positional[str], arg(metavar="SCAN")]
    """One scan or several, of as many cells along each side as the run was trained on, or more."""
    out: Path
    """A .binvox (one scan), .npz or .npy of cells; a .png of seen and completed grids; or an .html
    page on which they turn."""
    split: Split = "test"
    """Part to complete, where the data have official parts."""
    threshold: float = 0.5
    """A cell is filled where its probability is higher."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Read, complete, write."""
        from nebulatent.apps.completed_files import (
            SUFFIXES,
            check_count,
            num_shown,
            write_completed,
        )
        from nebulatent.apps.completing import check_completes, complete
        from nebulatent.apps.console import Output
        from nebulatent.apps.outputs import check_output, whole_file
        from nebulatent.apps.runs.inputs import read_like
        from nebulatent.apps.runs.runs import load_run

        check_output(self.out, SUFFIXES)
        if not 0 <= self.threshold < 1:
            raise ValueError(f"`--threshold` must be at least 0 and below 1, got {self.threshold}.")
        run = load_run(self.path)
        check_completes(run)
        table = read_like(run, self.scan, self.split)
        check_count(table, self.out)
        answer = complete(run, table.x, self.threshold)
        with whole_file(self.out) as place:
            write_completed(table, answer, Path(self.scan), self.out.suffix, place)
        shown, scans = num_shown(table, self.out), table.num_samples
        output = Output(as_json=self.json)
        first = f", the first of {scans}" if shown < scans else ""
        output.say(f"{shown} completed grid{'s' * (shown > 1)} in {self.out}{first}")
        output.result(
            {"run": str(self.path), "scans": scans, "written": shown, "out": str(self.out)}
        )
