"""Fuzz every reader with as many inputs as you have patience for.

    python tests/fuzz/run.py --count 10000

Every input must be read or refused with one sentence, within 2 seconds and 512 MiB; a file with a
checksum must never give other numbers. The command prints what happened and fails if anything else
did; `--seed` and `--group` repeat what it names.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from fuzz.guard import within_memory
from fuzz.readers import GROUPS
from fuzz.shapes import SHAPES
from fuzz.trial import OTHER, REFUSED, UNCHANGED, Trials, counted

MEMORY = Path("/dev/shm")  # files there cost no disk


def main() -> int:
    """Parse the command line, run every group, print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=10_000, help="inputs for each group")
    parser.add_argument("--seed", type=int, default=0, help="number of the first input")
    parser.add_argument("--group", default="", help="only groups whose name has this in it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    columns = (UNCHANGED, OTHER, REFUSED, "faults", "seconds")
    print(f"{'group':18s} inputs", *columns, sep="  ")
    failed = False
    for group in (*GROUPS, *SHAPES):
        if options.group not in group.name:
            continue
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            trials = Trials(group, Path(folder))
            start = time.perf_counter()
            with within_memory():
                outcomes, faults = counted(trials, options.count, options.seed)
        figures = (*(outcomes[name] for name in columns[:3]), len(faults))
        row = [f"{value:{len(name)}d}" for name, value in zip(columns, figures, strict=False)]
        print(
            f"{group.name:18s} {options.count:6d}",
            *row,
            f"{time.perf_counter() - start:7.1f}",
            sep="  ",
            flush=True,
        )
        for fault in faults[:20]:
            print(f"    {fault}", flush=True)
        failed = failed or bool(faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
