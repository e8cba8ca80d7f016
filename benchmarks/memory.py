"""Peak memory of training on an array that is larger than the memory it may take.

    python benchmarks/memory.py --gib 4

Random numbers are written to an `.npy` file in a temporary folder. A fresh process then reads it
as `nebulatent fit` does (check, fingerprint, scaling), trains a small VAE for an epoch over all
rows in random order, and codes them all. Printed is the peak of resident memory (VmHWM of Linux,
which does not count the system's own file cache) beside that of importing the library alone.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FEATURES = 1024
CHUNK = 1 << 14  # rows written at a time
LIMIT_MIB = 1536


def write_rows(path: Path, num_rows: int) -> None:
    """Normal numbers, the same every time, never all in memory."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (num_rows, FEATURES)}
    noise = np.random.default_rng(0).standard_normal((CHUNK, FEATURES), dtype=np.float32)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, num_rows, CHUNK):
            rows = noise[: num_rows - start]
            file.write(rows + np.float32(start % 7))


def peak_mib() -> float:
    """Largest resident memory of this process so far."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    if found is None:
        raise OSError("`/proc/self/status` must name VmHWM, got none; this needs Linux.")
    return int(found[1]) / 1024


def measure(path: Path, num_workers: int) -> dict[str, float]:
    """Peaks and seconds of this process, stage by stage."""
    import lightning_fabric  # noqa: F401  `fit` does when it starts
    import torch

    import nebulatent
    from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
    from nebulatent.data.read import read
    from nebulatent.data.scaling import fit_scaling
    from nebulatent.evaluation.encode import encode
    from nebulatent.objectives.likelihoods import Gaussian

    fit = nebulatent.fit  # imported when it is named
    torch.set_num_threads(1)
    began, report = time.perf_counter(), {}

    def note(stage: str) -> None:
        report[f"{stage}_mib"] = peak_mib()
        report[f"{stage}_s"] = time.perf_counter() - began

    encoder = MLPEncoder((FEATURES,), (64, 32))
    decoder = MLPDecoder(8, (FEATURES,), (64, 32))
    host = nebulatent.Autoencoder(encoder, nebulatent.Variational(32, 8), decoder)
    vae = nebulatent.VAE(host, likelihood=Gaussian())
    note("import")
    table = read(path, lazy=True)
    scaling = fit_scaling(table)
    note("read")
    batches = nebulatent.Batches(
        table.x, batch_size=512, prepare=scaling.apply, num_workers=num_workers
    )
    report["steps"] = len(batches)
    fit(vae, batches, nebulatent.FitConfig(epochs=1))
    note("fit")
    codes = encode(vae, table.x, lambda x: scaling.apply(torch.as_tensor(x)))  # pyright: ignore
    note("encode")
    report["codes"] = len(codes.mean)
    return report


def main() -> None:
    """Write, measure in a fresh process, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=4.0, help="Size of the file.")
    parser.add_argument("--num-workers", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.num_workers)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        write_rows(path, int(args.gib * 2**30) // (4 * FEATURES))
        command = [sys.executable, __file__, "--measure", str(path)]
        command += ["--num-workers", str(args.num_workers)]
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report = json.loads(found.stdout)
    print(json.dumps(report) if args.json else described(report, args.gib))


def described(report: dict[str, float], gib: float) -> str:
    """A line for each stage."""
    lines = [f"{gib:g} GiB of float32, {report['codes']:.0f} rows, {report['steps']:.0f} steps"]
    lines += [
        f"{stage:8} peak {report[f'{stage}_mib']:7.0f} MiB after {report[f'{stage}_s']:6.1f} s"
        for stage in ("import", "read", "fit", "encode")
    ]
    lines.append(f"target   peak {LIMIT_MIB:7.0f} MiB")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
