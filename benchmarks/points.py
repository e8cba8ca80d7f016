"""Geometry kernels against the idioms of point-cloud code, as ratios of one run.

    python benchmarks/points.py --threads 2

Eight clouds of 2048 points in float32. Each kernel and its idiom run in turn on the same input, and
their medians are compared; the idioms are those of the widely copied PyTorch ports of PointNet++
and DGCNN, and `torch.cdist`. The peak of memory of a Chamfer distance of 100 000 points, with its
gradient, is that of a process of its own over what it held before.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from nebulatent.objectives.shapes import POINT_FLOW, chamfer_distance
from nebulatent.ops.ball_points import ball_points
from nebulatent.ops.farthest_points import farthest_points
from nebulatent.ops.nearest_points import nearest_indices, nearest_points
from nebulatent.ops.points import points_at

CLOUDS, POINTS, PICKS, NEIGHBOURS = 8, 2048, 512, 16
RADIUS, GROUP = 0.2, 32
LARGE = 100_000
Step = Callable[[], object]


def dense_squared(a: Tensor, b: Tensor) -> Tensor:
    """|a|² - 2ab + |b|² of all pairs, as PointNet++'s port computes it."""
    cross = -2 * torch.matmul(a, b.transpose(1, 2))
    return cross + a.square().sum(-1, keepdim=True) + b.square().sum(-1).unsqueeze(1)


def dense_chamfer(x: Tensor, y: Tensor) -> Tensor:
    """All pairs by `cdist`, and two minima."""
    table = torch.cdist(x, y)
    return table.amin(2).square().mean(1) + table.amin(1).square().mean(1)


def usual_farthest(points: Tensor, count: int) -> Tensor:
    """The loop of PointNet++'s port, from index 0."""
    cloud = torch.arange(len(points))
    found = torch.zeros(len(points), count, dtype=torch.long)
    distance = torch.full(points.shape[:2], 1e10)
    farthest = found[:, 0]
    for k in range(count):
        found[:, k] = farthest
        squared = ((points - points[cloud, farthest].unsqueeze(1)) ** 2).sum(-1)
        nearer = squared < distance
        distance[nearer] = squared[nearer]
        farthest = distance.max(-1).indices
    return found


def sorted_ball(query: Tensor, points: Tensor, radius: float, k: int) -> Tensor:
    """The grouping of PointNet++'s port: all distances, and a sort of all indices."""
    size = points.shape[1]
    group = torch.arange(size).repeat(*query.shape[:2], 1)
    group[dense_squared(query, points) > radius**2] = size
    group = group.sort(-1).values[:, :, :k]
    return torch.where(group == size, group[:, :, :1], group)


def dense_neighbours(points: Tensor, k: int) -> Tensor:
    """The graph of DGCNN: all distances, and `topk`."""
    return dense_squared(points, points).topk(k, -1, largest=False).indices


def with_gradient(distance: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> Step:
    """Forward and backward."""

    def step() -> None:
        a, b = x.clone().requires_grad_(), y.clone().requires_grad_()
        distance(a, b).mean().backward()

    return step


def surfaces(generator: torch.Generator, size: int, clouds: int) -> Tensor:
    """Points on the surface of a unit sphere: clouds of shapes are surfaces."""
    points = torch.randn(clouds, size, 3, generator=generator)
    return torch.nn.functional.normalize(points, dim=-1)


def contests() -> list[tuple[str, float, Step, Step]]:
    """Name, ratio aimed at, ours, the idiom."""
    generator = torch.Generator().manual_seed(0)
    x, y = (surfaces(generator, POINTS, CLOUDS) for _ in range(2))
    features = torch.randn(CLOUDS, POINTS, 64, generator=generator)
    centre = points_at(x, farthest_points(x, PICKS))
    ours = with_gradient(lambda a, b: chamfer_distance(a, b, POINT_FLOW), x, y)
    return [
        ("Chamfer, forward and backward", 20, ours, with_gradient(dense_chamfer, x, y)),
        (
            f"farthest points, {PICKS}",
            8,
            lambda: farthest_points(x, PICKS),
            lambda: usual_farthest(x, PICKS),
        ),
        (
            f"ball query, {PICKS} balls of {RADIUS}, {GROUP} each",
            10,
            lambda: ball_points(centre, x, RADIUS, GROUP),
            lambda: sorted_ball(centre, x, RADIUS, GROUP),
        ),
        (
            f"{NEIGHBOURS} nearest, xyz, with distances",
            3,
            lambda: nearest_points(x, x, NEIGHBOURS),
            lambda: dense_neighbours(x, NEIGHBOURS),
        ),
        (
            f"{NEIGHBOURS} nearest, 64 features",
            1,
            lambda: nearest_indices(features, features, NEIGHBOURS),
            lambda: dense_neighbours(features, NEIGHBOURS),
        ),
    ]


def medians_ms(ours: Step, idiom: Step, rounds: int) -> tuple[float, float]:
    """Medians of both, run in turn after one round that is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for step, record in zip((ours, idiom), times, strict=True):
            start = time.perf_counter()
            step()
            if turn:
                record.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[0]), 1e3 * statistics.median(times[1])


def peak_mib() -> float:
    """MiB this process has held at most (Linux; `ru_maxrss` would count its parent's, too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure_large() -> dict[str, float]:
    """Memory and time of a Chamfer distance of large clouds, in this process."""
    generator = torch.Generator().manual_seed(0)
    x, y = (surfaces(generator, LARGE, 1) for _ in range(2))
    step = with_gradient(lambda a, b: chamfer_distance(a, b, POINT_FLOW), x, y)
    before, start = peak_mib(), time.perf_counter()
    step()
    return {"s": time.perf_counter() - start, "mib": peak_mib() - before, "all": peak_mib()}


def print_table(threads: int, rounds: int) -> None:
    """One line per kernel, and the large clouds."""
    print(f"{CLOUDS} clouds of {POINTS} points, {threads} threads, medians of {rounds} rounds")
    print(f"{'':44s} {'ours ms':>9s} {'idiom ms':>9s}  ratio   aim")
    for name, aim, ours, idiom in contests():
        fast, slow = medians_ms(ours, idiom, rounds)
        print(f"{name:44s} {fast:9.2f} {slow:9.2f} {slow / fast:6.1f}x {aim:4d}x", flush=True)
    command = [sys.executable, __file__, "--threads", str(threads), "--large"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    large = json.loads(run.stdout)
    print(
        f"Chamfer of {LARGE} points, forward and backward: {large['mib']:.0f} MiB above the start, "
        f"{large['all']:.0f} MiB in all, {large['s']:.2f} s"
    )


def main() -> None:
    """Parse the command line and print the table (or, for a child, one measurement)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--rounds", type=int, default=9, help="repetitions of each kernel")
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.large:
        print(json.dumps(measure_large()))
    else:
        print_table(options.threads, options.rounds)


if __name__ == "__main__":
    main()
