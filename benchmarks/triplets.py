"""Time and peak extra memory of the triplet term, as ratios to the naive formula.

    python benchmarks/triplets.py --threads 2

Each loss runs forward and backward on the same codes (float32, 10 components) in a process of its
own: first one step for the peak of resident memory over a process that has run a tiny step, then
the median of repeated steps for the time. The naive formula is the one the tests check against; the
all-triplets loss of pytorch-metric-learning, over the same triplets, runs where it is installed.
"""

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

NAIVE_UP_TO = 512
TESTS = Path(__file__).parents[1] / "tests"


def named_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss to run; its library is imported only in the process that runs it."""
    if name == "naive":
        sys.path.insert(0, str(TESTS))
        from oracles.triplets import (  # pyright: ignore[reportMissingImports]
            naive_triplet_loss,
        )

        return naive_triplet_loss
    if name == "metric-learning":
        from pytorch_metric_learning.losses import (  # pyright: ignore[reportMissingImports]
            TripletMarginLoss,
        )

        return TripletMarginLoss()
    from nebulatent.ops.triplets import triplet_loss

    return triplet_loss


def blobs(codes: int, classes: int, apart: float) -> tuple[Tensor, Tensor]:
    """Labelled codes around `classes` centres."""
    torch.manual_seed(0)
    label = torch.arange(codes) % classes
    centre = apart * torch.randn(classes, 10)
    return (torch.randn(codes, 10) + centre[label]).requires_grad_(), label


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median_ms(step: Callable[[], None], budget_s: float = 1.0) -> float:
    """Median time of the steps that fit in about `budget_s` seconds, at least one."""
    times: list[float] = []
    while sum(times) < budget_s:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def measure(name: str, codes: int, classes: int, apart: float) -> dict[str, float]:
    """One loss in this process."""
    loss = named_loss(name)

    def run(z: Tensor, label: Tensor) -> None:
        z.grad = None
        loss(z, label).backward()

    run(*blobs(6, 2, apart))
    z, label = blobs(codes, classes, apart)
    start = peak_mib()
    run(z, label)
    memory = peak_mib() - start
    return {"ms": median_ms(lambda: run(z, label)), "mib": memory}


def measured_apart(name: str, codes: int, classes: int, options: argparse.Namespace) -> dict:
    """One loss in a fresh process."""
    case = json.dumps([name, codes, classes, options.apart])
    command = [sys.executable, __file__, "--threads", str(options.threads), "--case", case]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def rivals(codes: int) -> list[str]:
    """What can run at this size on this machine."""
    if codes > NAIVE_UP_TO:
        return []
    installed = importlib.util.find_spec("pytorch_metric_learning")
    return ["naive", "metric-learning"] if installed else ["naive"]


def print_table(options: argparse.Namespace) -> None:
    """One line per batch size, number of clusters and loss."""
    print(f"{options.threads} threads, clusters {options.apart} standard deviations apart")
    print("   B    m  loss                    ms      MiB   time ratio  memory ratio")
    for codes in (128, 256, 512, 2048):
        for classes in (10, 128):
            ours = measured_apart("nebulatent", codes, classes, options)
            print(f"{codes:4d} {classes:4d}  nebulatent      {ours['ms']:10.2f} {ours['mib']:8.1f}")
            for name in rivals(codes):
                other = measured_apart(name, codes, classes, options)
                faster, smaller = (other[k] / max(ours[k], 0.1) for k in ("ms", "mib"))
                figures = (
                    f"{other['ms']:10.2f} {other['mib']:8.1f} {faster:11.1f}x {smaller:12.1f}x"
                )
                print(f"{codes:4d} {classes:4d}  {name:15s} {figures}", flush=True)


def main() -> None:
    """Parse the command line and print the table (or, for a child, one measurement)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--apart", type=float, default=0.0, help="distance of the clusters")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.case:
        print(json.dumps(measure(*json.loads(options.case))))
    else:
        print_table(options)


if __name__ == "__main__":
    main()
