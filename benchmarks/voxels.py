"""Solid voxels against trimesh's, as ratios of one run, and the time and memory of rendered views.

    python benchmarks/voxels.py

Three built-in shapes and a sphere of 20 480 triangles, at 32³ and 64³. The rival is
`trimesh.voxel.creation.voxelize(method="subdivide")` followed by `fill()`, with the cell of our
grid. Both run in turn on the same mesh, and their medians are compared. Beside the time stands how
far each is from the exact solid: cells whose centre is on the wrong side, in percent of the solid
(subdivision marks every cell that the surface touches, so it must differ). Peaks of memory are
those of a process of its own over what it held before. Needs the extra `mesh`.

Below stand a forward and a backward pass of SwitchVAE's networks on a batch of 32, with their
channels side by side in memory against the same layers as PyTorch lays them out.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from nebulatent.backbones.voxels import VoxelDecoder, VoxelEncoder
from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.cameras import ring
from nebulatent.ops.rendering import render
from nebulatent.ops.voxels import Grid, voxelise

SHAPES = (0, 3, 7)  # airplane, bookshelf, chair of seed 1
RESOLUTIONS = (32, 64)
VIEWS = 8
LEVEL = 5  # of the sphere: 20 * 4^5 triangles


class Mesh(NamedTuple):
    """A mesh in the unit cube around the origin, and the truth about points."""

    name: str
    points: np.ndarray
    triangles: np.ndarray
    contains: Callable[[np.ndarray], np.ndarray]


def meshes() -> list[Mesh]:
    """Shapes of few large faces and one of many small ones."""
    from trimesh.creation import icosphere

    found = []
    for index in SHAPES:
        drawn = draw_shape(index, seed=1)
        shape = drawn.shape()
        mesh = shape.mesh()
        found.append(Mesh(drawn.category, mesh.vertices, mesh.faces, shape.contains))
    ball = icosphere(LEVEL, radius=0.5)
    points, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    found.append(Mesh("sphere", points, faces, partial(in_convex, points[faces])))
    return found


def in_convex(corners: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Whether places lie behind all faces; far from the surface of radius ½ that is plain."""
    radius = np.linalg.norm(places, axis=1)
    inside = radius < 0.49
    near = np.flatnonzero((radius >= 0.49) & (radius <= 0.5))
    a, b, c = corners.transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    level = np.einsum("fi,fi->f", normals, a)
    for part in np.array_split(near, len(near) // 256 + 1):
        inside[part] = (places[part] @ normals.T <= level).all(axis=1)
    return inside


def ours(mesh: Mesh, grid: Grid) -> np.ndarray:
    """Centres of filled cells."""
    cells = voxelise(mesh.points, mesh.triangles, grid).cells
    return np.argwhere(cells) * grid.cell + grid.corner + grid.cell / 2


def rival(mesh: Mesh, grid: Grid) -> np.ndarray:
    """Centres of trimesh's filled cells; its grid is its own, of the same cell."""
    from trimesh import Trimesh
    from trimesh.voxel.creation import voxelize

    whole = Trimesh(mesh.points, mesh.triangles, process=False)
    found = voxelize(whole, pitch=grid.cell, method="subdivide")
    assert found is not None
    return found.fill().points


def wrong_percent(found: np.ndarray, mesh: Mesh, solid: int) -> float:
    """Centres found that are not in the solid, and those missing, in percent of the solid."""
    right = int(mesh.contains(found).sum())
    return 100 * (len(found) - right + abs(solid - right)) / solid


def medians_ms(steps: tuple[Callable[[], object], ...], rounds: int) -> list[float]:
    """Medians of all, run in turn after one round that is not counted."""
    times: list[list[float]] = [[] for _ in steps]
    for turn in range(rounds + 1):
        for step, record in zip(steps, times, strict=True):
            start = time.perf_counter()
            step()
            if turn:
                record.append(time.perf_counter() - start)
    return [1e3 * statistics.median(record) for record in times]


def peak_mib() -> float:
    """MiB this process has held at most (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(what: str, resolution: int) -> dict[str, float]:
    """Memory of one job on the sphere, in this process; libraries are warm before it."""
    ball, grid = meshes()[-1], Grid(resolution)
    small, tiny = draw_shape(0, seed=1).shape().mesh(), Grid(8)
    warm = Mesh("warm", small.vertices, small.faces, ball.contains)
    jobs: dict[str, Callable[[Mesh, Grid], object]] = {
        "ours": ours,
        "rival": rival,
        "views": lambda mesh, _: render(mesh.points, mesh.triangles, ring(VIEWS)),
    }
    jobs[what](warm, tiny) if what != "views" else render(warm.points, warm.triangles, ring(1))
    before = peak_mib()
    jobs[what](ball, grid)
    return {"mib": peak_mib() - before, "all": peak_mib()}


def memory_of(what: str, resolution: int) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--child", what, "--resolution", str(resolution)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def print_table(rounds: int) -> None:
    """Voxels, then memory, then views."""
    print(f"solid voxels, medians of {rounds} rounds; ‘wrong’ in % of the solid's cells")
    print(f"{'':28s} {'ours ms':>9s} {'trimesh':>9s}  ratio   aim {'wrong':>7s} {'trimesh':>8s}")
    for mesh in meshes():
        for resolution in RESOLUTIONS:
            grid = Grid(resolution)
            fast, slow = medians_ms((partial(ours, mesh, grid), partial(rival, mesh, grid)), rounds)
            every = np.stack(np.meshgrid(*grid.centres(), indexing="ij"), -1).reshape(-1, 3)
            solid = int(mesh.contains(every).sum())
            wrong = [wrong_percent(make(mesh, grid), mesh, solid) for make in (ours, rival)]
            name = f"{mesh.name}, {len(mesh.triangles)} faces, {resolution}³"
            print(
                f"{name:28s} {fast:9.2f} {slow:9.2f} {slow / fast:6.1f}x    5x "
                f"{wrong[0]:7.2f} {wrong[1]:8.2f}",
                flush=True,
            )
    for resolution in (32, 64, 256):
        both = [memory_of(what, resolution)["mib"] for what in ("ours", "rival")]
        print(f"memory, sphere at {resolution}³: ours {both[0]:.0f} MiB, trimesh {both[1]:.0f} MiB")
    print_views(rounds)


def print_views(rounds: int) -> None:
    """Time of a view, without and with smooth edges."""
    for mesh in meshes():
        view = partial(render, mesh.points, mesh.triangles, ring(VIEWS))
        steps = tuple(partial(view, oversampling=samples) for samples in (1, 3))
        single, smooth = (whole / VIEWS for whole in medians_ms(steps, rounds))
        print(
            f"{VIEWS} views at 137² of {mesh.name}, {len(mesh.triangles)} faces: {single:.1f} ms a "
            f"view, {smooth:.1f} ms with 9 samples a pixel (aim: below 100 ms)",
            flush=True,
        )
    held = memory_of("views", 32)
    print(f"memory of views: {held['mib']:.0f} MiB above the start, {held['all']:.0f} MiB in all")


def print_networks(rounds: int) -> None:
    """Passes of SwitchVAE's encoder and decoder, and of their bare layers."""
    batch, latent = 32, 128
    for resolution in (16, 32):
        grids = torch.rand(batch, 1, *(resolution,) * 3)
        codes = torch.randn(batch, latent)
        for network, x in (
            (VoxelEncoder(resolution), grids),
            (VoxelDecoder(latent, resolution), codes),
        ):
            ways = (partial(passes, network, x), partial(passes, network.layers, x))
            own, plain = medians_ms(ways, rounds)
            name = f"{type(network).__name__}, {resolution}³"
            print(f"{name:28s} {own:9.1f} {plain:9.1f} {own / plain:6.2f} of PyTorch's layout")


def passes(network: torch.nn.Module, x: torch.Tensor) -> None:
    """One forward and one backward pass."""
    network.zero_grad()
    network(x).sum().backward()


def main() -> None:
    """Parse the command line and print the table (or, for a child, one measurement)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each")
    parser.add_argument("--child", choices=("ours", "rival", "views"), help=argparse.SUPPRESS)
    parser.add_argument("--resolution", type=int, default=32, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.resolution)))
    else:
        print_table(options.rounds)
        print_networks(options.rounds)


if __name__ == "__main__":
    main()
