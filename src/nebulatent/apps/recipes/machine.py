"""Where a number was made, and with what: so that it can be made again, or doubted."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import torch

import nebulatent


def machine() -> dict[str, str]:
    """Commit (if any), versions, processor, cores, threads."""
    return {
        "commit": _commit(),
        "nebulatent": nebulatent.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "threads": str(torch.get_num_threads()),
    }


def _processor() -> str:
    """The model's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache
def _commit() -> str:
    """The commit of the source, "+" for changes on top; empty for an installed package."""
    source = Path(nebulatent.__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return ""
    commit = _git(source, "rev-parse", "--short=12", "HEAD")
    changed = _git(source, "status", "--porcelain", "--untracked-files=no", "--", "src")
    return commit + ("+" if commit and changed else "")


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(
            # Without locks: someone may be at work in that folder.
            ["git", "--no-optional-locks", "-C", str(folder), *command],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
