"""`nebulatent prepare`: meshes → voxels, views and partial scans."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from nebulatent.apps.planning.options import WholeByRule


@dataclass(frozen=True, kw_only=True)
class Prepare:
    """Make voxels, shaded views and partial scans of meshes, with a gallery page.

    Run again to go on where it was stopped. Example:
    nebulatent prepare meshes/ --voxels 32 --views 8 --out prepared
    """

    source: Annotated[Positional[str], arg(metavar="MESHES")]
    """A mesh, a folder of meshes (sub-folders are classes), or the word builtin:shapes."""
    out: Path
    """A new folder, or one that was prepared with the same options."""
    voxels: int = 32
    """Cells along each side of the grid."""
    fill: Literal["solid", "surface", "both"] = "both"
    """Cells with their centre inside, cells that the surface touches, or either."""
    views: int = 8
    """Pictures from a ring around the shape."""
    scans: int = 1
    """Of how many of the views partial voxels and signed distances are made."""
    elevation: float = 30.0
    """Of the ring, in degrees above the horizon."""
    size: int = 137
    """Pixels along each side of a picture."""
    up: Literal["y", "z"] = "z"
    """Which axis of the files points up; y for ShapeNet."""
    limit: int = 0
    """Only the first so many shapes; 0 is all."""
    workers: WholeByRule = None
    """Processes that work at the same time; 0 works in this one."""
    json: bool = False
    """Print one JSON object instead of text."""

    def run(self) -> None:
        """Prepare, and say what was made."""
        import sys

        from nebulatent.apps.console import Output
        from nebulatent.apps.preparing.prepare import default_workers, prepare
        from nebulatent.apps.preparing.prepare_shape import Settings

        settings = Settings(
            voxels=self.voxels,
            fill=self.fill,
            views=self.views,
            scans=self.scans,
            elevation=self.elevation,
            size=self.size,
            up=self.up,
        )
        output = Output(as_json=self.json)
        workers = default_workers() if self.workers is None else self.workers
        found = prepare(
            self.source,
            self.out,
            settings,
            workers=workers,
            limit=self.limit,
            console=output.progress_console,
        )
        for why in found.bad.values():
            print(f"nebulatent: warning: left out: {why}", file=sys.stderr)
        output.say(
            f"{len(found.made)} shapes prepared, {len(found.kept)} were there, "
            f"{len(found.bad)} left out: {found.gallery}"
        )
        output.result(
            {
                "out": str(self.out),
                "made": len(found.made),
                "kept": len(found.kept),
                "bad": found.bad,
                "gallery": str(found.gallery),
            }
        )
