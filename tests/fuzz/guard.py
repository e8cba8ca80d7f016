"""What one reading may cost, and what its failure may look like."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SECONDS = 2.0
MIB = 512  # beyond what the process has


class TooSlow(BaseException):
    """Nothing that a reader catches."""


@contextmanager
def within_time(seconds: float = SECONDS) -> Iterator[None]:
    """A reader that takes longer is interrupted."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TooSlow(f"not read after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def within_memory(mib: int = MIB) -> Iterator[None]:
    """The process may not take more memory than it has now and this much."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + mib * 2**20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def fault_of(error: BaseException) -> str | None:
    """What is wrong with an error, or None if it is one of ours: its type, and one sentence."""
    text = str(error)
    if type(error) not in (ValueError, FileNotFoundError):
        return f"{type(error).__name__} instead of ValueError: {text[:200]}"
    if not text.isprintable():
        return f"more than a line, or characters that do not print: {text[:200]!r}"
    if "`" not in text or " must " not in text or not text.endswith("."):
        return f"no sentence: {text[:200]}"
    if len(text) > 800:
        return f"a sentence of {len(text)} characters: {text[:200]}"
    return None
