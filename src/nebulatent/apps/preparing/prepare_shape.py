"""One mesh → voxels, pictures, scans and a strip of all of them, each file whole or not at all.

========================================== ==============================================
file                                       what it holds
========================================== ==============================================
`ShapeNetVox<n>/CLASS/ID/model.binvox`     the solid; `translate` and `scale` in the mesh's units
`ShapeNetRendering/CLASS/ID/rendering/`    `00.png` … (red, green, blue, cover), `renderings.txt`,
                                           `rendering_metadata.txt`: azimuth, elevation, 0,
                                           distance, field of view
`Scans/CLASS/ID.npz`                       `partial` and `tsdf` of the same grid, `depth` and the
                                           cameras, one row a scan
`Strips/CLASS/ID.png`                      for the gallery
`Records/CLASS/ID.json`                    what was found; written last
========================================== ==============================================

The first two folders have the layout of R2N2 (Choy et al., ECCV 2016). Frame: the bounding box is
centred at the origin, its longest side is 1, z is up; the grid's cube has side 1.1.
"""

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from nebulatent.data.binvox import Voxels, write_binvox
from nebulatent.data.geometry.files import read_geometry
from nebulatent.data.scan_pairs import SCANS
from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.cameras import FIELD, SIZE, Camera, fitting_distance, ring
from nebulatent.ops.rendering import Picture, render
from nebulatent.ops.scans import scan_cells, scan_tsdf
from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Fill, Grid, Voxelised, grid_around, voxelise

MARGIN = 1.1
RECORDS, STRIPS, RENDERINGS = "Records", "Strips", "ShapeNetRendering"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is made of each mesh.

    Arguments:
        voxels: Cells along each side of the grid.
        fill: Which cells are filled, as in :func:`nebulatent.ops.voxels.voxelise`. Both kinds by
            default: so no thin wall is lost, and what a scan sees is part of the whole.
        views: Pictures.
        scans: Of how many of the views the partial grids are made.
        elevation: Of the cameras, in degrees.
        size: Pixels along each side of a picture.
        up: Which axis of the file points up; with `"y"` the front looks to -z, as in ShapeNet.
    """

    voxels: int = 32
    fill: Fill = "both"
    views: int = 8
    scans: int = 1
    elevation: float = 30.0
    size: int = SIZE
    up: Literal["y", "z"] = "z"


class Job(NamedTuple):
    """One mesh.

    Arguments:
        source: Its file, or the number of a built-in shape.
        label: Its class: a name of a folder.
        name: Its own name in that folder.
    """

    source: Path | int
    label: str
    name: str

    def stamp(self) -> list[int]:
        """Size and time of the file, so that a changed one is prepared again."""
        if isinstance(self.source, int):
            return [self.source]
        state = self.source.stat()
        return [state.st_size, state.st_mtime_ns]


class _Shape(NamedTuple):
    points: Float[np.ndarray, "points 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    grid: Grid  # in the units of the file


def prepare_shape(job: Job, out: Path, settings: Settings) -> None:
    """Make and write all files of one mesh.

    Raises:
        ValueError: If the mesh cannot be read, or is empty or flat.
        OSError: If a file cannot be read or written.
    """
    stamp = job.stamp()
    shape = _read(job, settings)
    grid = Grid(settings.voxels, MARGIN)
    found = voxelise(shape.points, shape.triangles, grid, settings.fill)
    if not found.cells.any():
        raise ValueError(
            f"`{job.source}` must fill a cell, got none of {settings.voxels}³: it is thinner than "
            "a cell everywhere; give more --voxels, or --fill both."
        )
    cameras = _cameras(shape, settings)
    pictures = render(shape.points, shape.triangles, cameras)
    x, y, z = shape.grid.corner.tolist()
    place = _made(out / f"ShapeNetVox{settings.voxels}" / job.label / job.name)
    write_binvox(place / "model.binvox", Voxels(found.cells, (x, y, z), shape.grid.side))
    _write_renderings(_made(out / RENDERINGS / job.label / job.name), pictures, shape, settings)
    _write_scans(out, job, pictures, cameras, settings)
    strip = _strip(pictures, cameras, found, grid)
    _write(_made(out / STRIPS / job.label) / f"{job.name}.png", _png(strip))
    record = {
        "label": job.label,
        "name": job.name,
        "source": str(job.source),
        "stamp": stamp,
        "triangles": len(shape.triangles),
        "closed": found.closed,
        "filled": int(found.cells.sum()),
    }
    text = json.dumps(record, indent=1).encode()
    _write(_made(out / RECORDS / job.label) / f"{job.name}.json", text)


def _read(job: Job, settings: Settings) -> _Shape:
    """The mesh in our frame."""
    if isinstance(job.source, int):
        mesh = draw_shape(job.source).shape().mesh()
        points, triangles = mesh.vertices, mesh.faces
    else:
        geometry = read_geometry(job.source)
        points, triangles = geometry.points, geometry.triangles
    if not len(triangles):
        raise ValueError(
            f"`{job.source}` must be a mesh, got a cloud of {len(points)} points; a cloud has no "
            "inside."
        )
    if settings.up == "y" and not isinstance(job.source, int):
        points = points[:, (0, 2, 1)] * (-1.0, 1.0, 1.0)
    # Points that no triangle uses would count for the frame.
    used, triangles = np.unique(triangles, return_inverse=True)
    points, triangles = points[used], triangles.reshape(-1, 3)
    own = grid_around(points, settings.voxels, MARGIN)
    return _Shape((points - np.array(own.centre)) * (MARGIN / own.side), triangles, own)


def _cameras(shape: _Shape, settings: Settings) -> tuple[Camera, ...]:
    """On a ring from which the shape just fills the pictures."""
    distance = fitting_distance(shape.points)
    return ring(settings.views, settings.elevation, distance=distance, size=settings.size)


def _write_renderings(
    folder: Path, pictures: list[Picture], shape: _Shape, settings: Settings
) -> None:
    place, names = _made(folder / "rendering"), [f"{i:02d}.png" for i in range(len(pictures))]
    for name, picture in zip(names, pictures, strict=True):
        _write(place / name, _png(picture.image))
    distance = fitting_distance(shape.points)
    rows = [
        f"{360 * i / len(pictures):.6f} {settings.elevation:.6f} 0 {distance:.6f} {FIELD}"
        for i in range(len(pictures))
    ]
    _write(place / "rendering_metadata.txt", ("\n".join(rows) + "\n").encode())
    _write(place / "renderings.txt", ("\n".join(names) + "\n").encode())


def _write_scans(
    out: Path,
    job: Job,
    pictures: list[Picture],
    cameras: tuple[Camera, ...],
    settings: Settings,
) -> None:
    """Partial grids of some views, evenly spread over the ring."""
    grid = Grid(settings.voxels, MARGIN)
    chosen = [i * len(pictures) // settings.scans for i in range(settings.scans)]
    if not chosen:
        return
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        view=np.array(chosen),
        partial=np.stack([scan_cells(pictures[i], cameras[i], grid) for i in chosen]),
        tsdf=np.stack([scan_tsdf(pictures[i], cameras[i], grid) for i in chosen]),
        depth=np.stack([pictures[i].depth for i in chosen]),
        position=np.stack([cameras[i].position for i in chosen]),
        axes=np.stack([cameras[i].axes for i in chosen]),
        focal=np.array([cameras[i].focal for i in chosen]),
    )
    _write(_made(out / SCANS / job.label) / f"{job.name}.npz", buffer.getvalue())


def _strip(
    pictures: list[Picture], cameras: tuple[Camera, ...], found: Voxelised, grid: Grid
) -> UInt8[np.ndarray, "height width 3"]:
    """The first view, the cells it sees, all cells, then the other views."""
    camera = cameras[0]
    seen = scan_cells(pictures[0], camera, grid)
    grids = [render(*cell_surface(cells, grid), [camera])[0].on() for cells in (seen, found.cells)]
    views = [picture.on() for picture in pictures]
    return np.concatenate([views[0], *grids, *views[1:]], axis=1)


def _png(pixels: UInt8[np.ndarray, "height width channels"]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
