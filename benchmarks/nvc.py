"""What NVC costs: time and memory of a training step, as ratios to a plain VAE's step.

    python benchmarks/nvc.py [--threads 1 2] [--quick]

Prints, on the paper's fully connected network (784-512-256-128-64-10):

1. a step (forward, backward, Adam) of the VAE, and what nebula, pair and triplet add to it;
2. the triplet term alone beside the naive formula and pytorch-metric-learning's loss over all
   triplets, on the same codes and labels, with peak extra memory (each in a fresh process);
3. an epoch on MNIST (60 000 images; random ones where `NEBULATENT_DATA` has none): pythae's VAE
   with the same network, our VAE, our NVC-ML;
4. `import nebulatent` beside `import torch`.

With one thread and with two: a second one makes the VAE's matrix products faster, but not the many
small operations of the terms, so the ratios rise.
Rivals take turns, so that a busy machine slows all alike; times are medians, ratios of steps and of
epochs the medians of the turns' ratios.
`make bench` installs the rivals.
"""

import argparse
import contextlib
import io
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import numpy as np
import torch

from nebulatent import NVC, VAE, AnchorSet, Autoencoder, Batch, Batches, FitConfig, fit
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.latents.bottlenecks import Variational
from nebulatent.methods.nvc import NebulaAnchors, NebulaWeights
from nebulatent.objectives.metric import triplet_loss

SHAPE, LATENT = (1, 28, 28), 10


def autoencoder() -> Autoencoder:
    """The paper's network."""
    return Autoencoder(MLPEncoder(SHAPE), Variational(64, LATENT), MLPDecoder(LATENT, SHAPE))


def methods(num_anchors: int, rows: int) -> dict[str, torch.nn.Module]:
    """A VAE and what is added to it, one after the other."""

    def nvc(*, pair: bool, triplet: bool) -> NVC:
        weights = NebulaWeights(1.0, 0.1 * pair, 1.0 * triplet)
        terms = NebulaAnchors(
            num_anchors, LATENT, metric=True, weights=weights, metric_rows=max(rows, 2)
        )
        return NVC(autoencoder(), terms)

    return {
        "VAE": VAE(autoencoder()),
        "+ nebula": nvc(pair=False, triplet=False),
        "+ nebula + pair": nvc(pair=True, triplet=False),
        "+ nebula + pair + triplet": nvc(pair=True, triplet=True),
    }


def alternate(
    jobs: Mapping[str, Callable[[], object]], repeats: int, block: int = 1
) -> dict[str, list[float]]:
    """Median seconds of each job in each turn; the jobs take turns of `block` runs.

    In training a step follows a step of the same kind; the first of a turn finds another job's
    data in the caches, and is not counted if there are more.
    """
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(-(-repeats // block) + 1):
        for name, job in jobs.items():
            runs = [seconds(job) for _ in range(block)]
            if turn:
                times[name].append(median(runs[1:] or runs))
    return times


def seconds(job: Callable[[], object]) -> float:
    """Of one run."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def trainer(method: torch.nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """One training step as a function."""
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-3, fused=True)
    batch = Batch(x)

    def step() -> None:
        total = method(batch).total
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    return step


def step_ratios(batch_size: int, num_anchors: int, repeats: int) -> None:
    """Print the cost of a step of each method as a ratio to the VAE's."""
    x = images(batch_size)[:batch_size]
    jobs = {}
    for name, method in methods(num_anchors, batch_size).items():
        with torch.no_grad():  # anchors on the codes, as in training
            codes = method.encode(x).mean  # pyright: ignore
        if name != "VAE" and batch_size >= num_anchors:
            method.latent_terms.anchors.place(codes)  # pyright: ignore
        jobs[name] = trainer(method, x)
    times = alternate(jobs, repeats, block=min(10, repeats))
    vae = times.pop("VAE")
    cells = "  ".join(f"{name} {ratio(value, vae):5.2f}" for name, value in times.items())
    print(f"  B={batch_size:5d} m={num_anchors:3d}  VAE {median(vae) * 1e3:7.2f} ms = 1   {cells}")


def ratio(times: list[float], others: list[float]) -> float:
    """Median over the turns, so that a minute in which the machine is slow counts in both."""
    return median(time / other for time, other in zip(times, others, strict=True))


def naive_triplets(z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Eq. (16) with a B × B × B tensor."""
    distances = torch.cdist(z, z).square()
    same = label.unsqueeze(0) == label.unsqueeze(1)
    positive = same & ~torch.eye(len(z), dtype=torch.bool)
    valid = positive.unsqueeze(2) & ~same.unsqueeze(1)
    ratio = distances.unsqueeze(1) / (distances.unsqueeze(2) + 0.01)
    return ((2 - ratio).clamp_min(1).log() * valid).sum() / valid.sum().clamp_min(1)


def metric_learning_triplets(z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """pytorch-metric-learning's margin loss over all triplets: another formula, the same set."""
    from pytorch_metric_learning.losses import TripletMarginLoss

    return TripletMarginLoss(triplets_per_anchor="all")(z, label)


TRIPLETS = {
    "ours": triplet_loss,
    "naive": naive_triplets,
    "pytorch-metric-learning": metric_learning_triplets,
}


def codes_and_labels(batch_size: int, num_anchors: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Overlapping clusters around N(0, I) anchors."""
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(num_anchors, (batch_size,), generator=generator)
    anchors = torch.randn(num_anchors, LATENT, generator=generator)
    return anchors[label] + torch.randn(batch_size, LATENT, generator=generator), label


def triplet_ratios(batch_size: int, num_anchors: int, repeats: int) -> None:
    """Print time and peak memory of the triplet term beside the rivals."""
    z, label = codes_and_labels(batch_size, num_anchors)
    names = [name for name in TRIPLETS if name == "ours" or batch_size <= 512]

    def job(name: str) -> Callable[[], object]:
        def once() -> None:
            leaf = z.clone().requires_grad_()
            TRIPLETS[name](leaf, label).backward()

        return once

    few = repeats if batch_size <= 256 else 3  # the naive formula takes seconds
    turns = alternate({name: job(name) for name in names}, few)
    times = {name: median(values) for name, values in turns.items()}
    memory = {name: extra_memory(name, batch_size, num_anchors) for name in names}
    cells = "  ".join(
        f"{name} {times[name] / times['ours']:6.1f}× time, {memory[name]:6.0f} MiB"
        for name in names
        if name != "ours"
    )
    own = f"ours {times['ours'] * 1e3:8.2f} ms, {memory['ours']:4.0f} MiB"
    print(f"  B={batch_size:5d} m={num_anchors:3d}  {own}  {cells}")


def extra_memory(name: str, batch_size: int, num_anchors: int) -> float:
    """Peak MiB that one value and gradient add to a fresh process."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import nvc; "
        f"nvc.measure_memory({name!r}, {batch_size}, {num_anchors})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure_memory(name: str, batch_size: int, num_anchors: int) -> None:
    """Print the peak MiB that one value and gradient add to this process."""
    small, few = codes_and_labels(8, 2)
    TRIPLETS[name](small.requires_grad_(), few).backward()  # imports, thread pools
    z, label = codes_and_labels(batch_size, num_anchors)
    before = peak_memory()
    TRIPLETS[name](z.requires_grad_(), label).backward()
    print(peak_memory() - before)


def peak_memory() -> float:
    """MiB this process has held at most (Linux; `ru_maxrss` would count its parent's, too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def images(count: int) -> torch.Tensor:
    """MNIST's training images in [0, 1], or random ones."""
    folder = Path(os.environ.get("NEBULATENT_DATA", "")) / "mnist"
    if os.environ.get("NEBULATENT_DATA") and folder.is_dir():
        from nebulatent.data.read import read

        return torch.from_numpy(read(folder).x[:count]).float() / 255
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(0))


def epoch_ratios(rounds: int, batch_size: int = 128) -> None:
    """Print an epoch's time of pythae's VAE, our VAE and our NVC-ML."""
    x = images(60_000)
    jobs = {
        "pythae VAE": lambda: pythae_epoch(x, batch_size),
        "VAE": lambda: our_epoch(VAE(autoencoder()), x, batch_size),
        "NVC-ML": lambda: our_epoch(nvc_ml(), x, batch_size),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            times[name].append(job())
    for name, values in times.items():
        print(
            f"  {name:11s} {median(values):6.2f} s   {ratio(values, times['pythae VAE']):.2f} of "
            f"pythae's VAE   {ratio(values, times['VAE']):.2f} of our VAE"
        )


def nvc_ml() -> NVC:
    """The paper's method, its anchors acting from the first step."""
    anchors = AnchorSet(10, LATENT, start="normal")
    terms = NebulaAnchors(10, LATENT, metric=True, weights=NebulaWeights(), anchors=anchors)
    return NVC(autoencoder(), terms)


def our_epoch(method: torch.nn.Module, x: torch.Tensor, batch_size: int) -> float:
    """Seconds of one epoch of `fit`, from a cold start."""
    started = time.perf_counter()
    fit(method, Batches(x, batch_size=batch_size), FitConfig(epochs=1))
    return time.perf_counter() - started


def pythae_epoch(x: torch.Tensor, batch_size: int) -> float:
    """Seconds of one epoch of pythae's trainer on the same network, from a cold start."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE as PythaeVAE
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers, self.moments = MLPEncoder(SHAPE), torch.nn.Linear(64, 2 * LATENT)

        def forward(self, x: torch.Tensor) -> ModelOutput:
            mean, logvar = self.moments(self.layers(x)).chunk(2, dim=1)
            return ModelOutput(embedding=mean, log_covariance=logvar)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.layers = MLPDecoder(LATENT, SHAPE)

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.layers(z).sigmoid())

    model = PythaeVAE(
        VAEConfig(input_dim=SHAPE, latent_dim=LATENT, reconstruction_loss="bce"),
        encoder=Encoder(),
        decoder=Decoder(),
    )
    with tempfile.TemporaryDirectory() as folder:
        config = BaseTrainerConfig(
            output_dir=folder,
            num_epochs=1,
            per_device_train_batch_size=batch_size,
            learning_rate=1e-3,
            no_cuda=True,
        )
        data = BaseDataset(x, torch.zeros(len(x)))
        started = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            run = BaseTrainer(model=model, train_dataset=data, training_config=config)
            run.prepare_training()
            run.train_step(1)
        return time.perf_counter() - started


def import_ratio(rounds: int) -> None:
    """Print the time of `import nebulatent` beside that of `import torch`."""
    times: dict[str, list[float]] = {"torch": [], "nebulatent": []}
    for _ in range(rounds):
        for name, values in times.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
            values.append(time.perf_counter() - started)
    ratio = median(times["nebulatent"]) / median(times["torch"])
    print(f"  import nebulatent {ratio:.2f} of import torch ({median(times['torch']):.2f} s)")


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--quick", action="store_true", help="fewer repeats, no batch of 2 048")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    np.random.seed(0)  # pythae draws its data order from here
    sizes = (128, 512) if options.quick else (128, 512, 2048)
    repeats = {128: 600, 512: 40, 2048: 5}
    if options.quick:
        repeats = {size: max(5, count // 3) for size, count in repeats.items()}
    for threads in options.threads:
        torch.set_num_threads(threads)
        print(f"=== {threads} thread{'s' * (threads > 1)}")
        print("1. one training step, as ratios to the VAE's")
        for num_anchors in (10, 128):
            for size in sizes:
                step_ratios(size, num_anchors, repeats[size])
        print(
            "2. the triplet term, value and gradient: rivals as ratios to ours; peak extra memory"
        )
        for num_anchors in (10, 128):
            for size in (128, 256, *sizes[1:]):
                triplet_ratios(size, num_anchors, max(5, repeats.get(size, 80) // 5))
        print("3. one epoch on 60 000 images, batch 128, from a cold start")
        epoch_ratios(1 if options.quick else 5)
    print("4. import")
    import_ratio(3 if options.quick else 9)


if __name__ == "__main__":
    main()
