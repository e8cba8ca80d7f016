"""What the training loop costs beside bare PyTorch, pythae, checkpoints, compiling, processes.

    python benchmarks/engine.py [--quick] [--parts 1 2 3 4 5]

Prints, on the paper's fully connected network (784-512-256-128-64-10) and batches of 128:

1. an epoch of `fit` beside a bare PyTorch loop that does the same steps, to the same weights in
   every bit; also for a small model of vectors of 64, whose steps are mostly overhead;
2. an epoch of pythae's trainer and of `fit`, beside the bare loop;
3. what a checkpoint costs, as a share of a minute of training at the default of one a minute;
4. graphs and graph breaks of `torch.compile`, and the time of a compiled step where there is a C++
   compiler;
5. samples a second of one process, with one thread and with two, and of two processes of one.

Times are medians of runs that alternate between the rivals, so that a busy machine slows all alike;
a ratio is the median over the rounds. One thread but where said. MNIST, or random images where
`NEBULATENT_DATA` has none. `make bench` installs the rivals.
"""

import argparse
import copy
import logging
import os
import shutil
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from nebulatent import VAE, Autoencoder, Batch, Batches, FitConfig, fit
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.latents.bottlenecks import Variational
from nebulatent.terms import Terms
from nebulatent.training.checkpoints import Saving
from nebulatent.training.fit import Step
from nvc import alternate, autoencoder, images, nvc_ml, pythae_epoch, ratio, trainer

Loop = Callable[[nn.Module, Batches], object]
BATCH, LR = 128, 1e-3
CONFIG = FitConfig(epochs=1, lr=LR, schedule="constant")


def vae() -> VAE:
    """A VAE on the paper's network."""
    return VAE(autoencoder())


def small_vae() -> VAE:
    """A VAE 64-32-4."""
    encoder, decoder = MLPEncoder((64,), (32,)), MLPDecoder(4, (64,), (32,))
    return VAE(Autoencoder(encoder, Variational(32, 4), decoder))


class Numbered(nn.Module):
    """A method whose noise depends on the number of the step alone, so that two loops agree."""

    def __init__(self, method: nn.Module) -> None:
        super().__init__()
        self.method, self.step = method, 0

    def forward(self, batch: Batch) -> Terms:
        """Terms of one batch."""
        torch.default_generator.manual_seed(self.step)
        self.step += 1
        return self.method(batch)


def bare_loop(method: nn.Module, batches: Batches) -> None:
    """One epoch of the loop that anyone would write."""
    method.train()
    optimizer = torch.optim.Adam(method.parameters(), lr=LR, fused=True)
    for batch in batches.epoch(0):
        total = method(batch).total
        optimizer.zero_grad()
        total.backward()
        optimizer.step()


LOOPS: dict[str, Loop] = {"bare": bare_loop, "fit": partial(fit, config=CONFIG)}


def seconds(loop: Loop, method: nn.Module, x: Tensor) -> float:
    """Time of one epoch, from a cold start."""
    batches = Batches(x, batch_size=BATCH)
    started = time.perf_counter()
    loop(method, batches)
    return time.perf_counter() - started


def rounds_of(jobs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each job returns in each round but a first one that warms up."""
    turns = [{name: job() for name, job in jobs.items()} for _ in range(rounds + 1)]
    return {name: [turn[name] for turn in turns[1:]] for name in jobs}


def loop_ratio(name: str, build: Callable[[], nn.Module], x: Tensor, rounds: int) -> None:
    """Print our loop beside the bare one; both must reach the same weights."""
    start, ends = Numbered(build()), {}

    def job(name: str, loop: Loop) -> float:
        ends[name] = copy.deepcopy(start)
        return seconds(loop, ends[name], x)

    times = rounds_of({name: partial(job, name, loop) for name, loop in LOOPS.items()}, rounds)
    pairs = zip(ends["bare"].parameters(), ends["fit"].parameters(), strict=True)
    if not all(torch.equal(bare, ours) for bare, ours in pairs):
        raise SystemExit(f"`fit` must do the same steps as the bare loop, got others for {name}.")
    bare, ours = (1e6 * median(own) / len(Batches(x, batch_size=BATCH)) for own in times.values())
    cost = f"{ratio(times['fit'], times['bare']):.3f} ({ours - bare:+.0f} µs; target <= 1.10)"
    print(f"  {name:9s} bare {bare:7.0f} µs a step = 1   fit {cost}, same weights in every bit")


def epoch_ratios(x: Tensor, rounds: int) -> None:
    """Print whole epochs, from a cold start, of the rivals."""
    jobs = {name: lambda loop=loop: seconds(loop, vae(), x) for name, loop in LOOPS.items()}
    times = rounds_of({**jobs, "pythae": lambda: pythae_epoch(x, BATCH)}, rounds)
    for name, own in times.items():
        print(f"  {name:11s} {median(own):6.2f} s   {ratio(own, times['bare']):.2f} of bare")


def checkpoint_cost(x: Tensor, epochs: int) -> None:
    """Print what a checkpoint adds to the time between two steps, and what an epoch's end does."""
    every = len(Batches(x, batch_size=BATCH)) // 4 + 1  # not at the end of an epoch
    seen: list[tuple[Step, float]] = []
    with tempfile.TemporaryDirectory() as name:
        saving = Saving(folder=Path(name), every_steps=every, every_minutes=None)
        batches, config = Batches(x, batch_size=BATCH), FitConfig(epochs=epochs, lr=LR)
        tell = lambda step: seen.append((step, time.perf_counter()))  # noqa: E731
        fit(vae(), batches, config, saving=saving, on_step=tell)
        size = sum(file.stat().st_size for file in saving.folder.iterdir()) / 1e6
    plain, saved, between = [], [], []
    for (step, began), (after, ended) in pairwise(seen):
        if after.epoch > step.epoch:
            between.append(ended - began)
        elif step.epoch:  # from the second epoch on, there are best weights to write
            (plain if step.step % every else saved).append(ended - began)
    usual = median(plain)
    save, end = median(saved) - usual, max(0.0, median(between) - usual)
    share = save / 60 + end / (60_000 / BATCH * usual)
    print(
        f"  {1e3 * save:.0f} ms a checkpoint with the best weights ({size:.0f} MB with the one "
        f"before), {1e3 * end:.1f} ms at the end of an epoch, a copy of the best weights included\n"
        f"  one a minute, 60 000 samples an epoch: {100 * share:.2f} % of the time (target <= 2 %)"
    )


def compiled_ratio(name: str, build: Callable[[], nn.Module], x: Tensor, repeats: int) -> None:
    """Print how many graphs `torch.compile` makes of a method, and what it gains."""
    torch._dynamo.reset()
    found = torch._dynamo.explain(build())(Batch(x))
    reasons = ", ".join({str(reason.reason).splitlines()[0] for reason in found.break_reasons})
    print(f"  {name:7s} {found.graph_count} graphs, {found.graph_break_count} breaks  {reasons}")
    if not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        print("          not timed: there is no C++ compiler")
        return
    torch._dynamo.reset()
    method = build().train()
    compiled = torch.compile(copy.deepcopy(method))
    times = alternate({"eager": trainer(method, x), "compiled": trainer(compiled, x)}, repeats)
    print(f"          a compiled step {ratio(times['compiled'], times['eager']):.2f} of eager")


def part_rate(rank: int, count: int, threads: int, batch: int, port: int) -> float:
    """Samples a second of NVC-ML over all processes, of which this is one."""
    from nebulatent.apps.planning.engine import EngineConfig

    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    names |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in names.items()}
    warnings.simplefilter("ignore")
    fabric = EngineConfig(devices=count).fabric()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    seen: list[float] = []
    batches, tell = Batches(images(60 * batch), batch_size=batch), time.perf_counter
    fit(nvc_ml(), batches, CONFIG, fabric=fabric, on_step=lambda _: seen.append(tell()))
    if count > 1:
        torch.distributed.destroy_process_group()
    return batch / median(after - before for before, after in pairwise(seen))


def rate(count: int, threads: int, batch: int) -> float:
    """Samples a second of fresh processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with ProcessPoolExecutor(count, get_context("spawn")) as pool:
        jobs = [pool.submit(part_rate, rank, count, threads, batch, port) for rank in range(count)]
        return min(job.result() for job in jobs)


def process_rates(batch: int, rounds: int) -> None:
    """Print the throughput of one and of two processes that share a batch."""
    setups = {"1 process": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 1)}
    rates = rounds_of({k: partial(rate, *setup, batch) for k, setup in setups.items()}, rounds)
    cells = (f"{k} {median(v):6.0f} ({ratio(v, rates['1 process']):.2f})" for k, v in rates.items())
    print(f"  B={batch:4d} samples a second: {'   '.join(cells)}")


def main() -> None:
    """Run everything that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds of fewer samples")
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    quick, parts = (options := parser.parse_args()).quick, options.parts
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"  # DDP's advice, in the processes of part 5
    rounds = 3 if quick else 9
    x = images(BATCH * (60 if quick else 300))
    if 1 in parts:
        print("1. an epoch of `fit` beside a bare loop of the same steps")
        loop_ratio("VAE", vae, x, rounds)
        loop_ratio("NVC-ML", nvc_ml, x, rounds)
        small = torch.rand(BATCH * (300 if quick else 1000), 64)
        loop_ratio("small VAE", small_vae, small, rounds)
    if 2 in parts:
        print(f"2. an epoch of a VAE on {len(x) if quick else 60_000} images, from a cold start")
        epoch_ratios(x if quick else images(60_000), 2 if quick else 5)
    if 3 in parts:
        print("3. checkpoints of a VAE and its Adam, in the loop")
        checkpoint_cost(x[: BATCH * 60], 4 if quick else 12)
    if 4 in parts:
        print("4. torch.compile")
        compiled_ratio("VAE", vae, x[:BATCH], 20 if quick else 200)
        compiled_ratio("NVC-ML", nvc_ml, x[:BATCH], 20 if quick else 200)
    if 5 in parts:
        print("5. NVC-ML in several processes, which share each batch; in brackets, of one process")
        for batch in (BATCH,) if quick else (BATCH, 4 * BATCH):
            process_rates(batch, 1 if quick else 5)


if __name__ == "__main__":
    main()
