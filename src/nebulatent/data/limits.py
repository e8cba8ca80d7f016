r"""What a file's header may claim, checked before anything is allocated.

A header says how many numbers follow it; a truncated, damaged or hostile file says so wrongly.
A plain file must hold exactly what its header claims. A compressed one is bounded by its format:
deflate (gzip, zip) never turns one byte into more than 1032, so a claim is impossible when

.. math:: \text{claimed} > 1032 \cdot \text{stored} + 1032

Source: zlib, technical details, "Maximum Compression Factor".
"""

import os
import sys

DEFLATE_RATIO = 1032


def check_plain(claimed: int, stored: int, source: str) -> None:
    """Refuse an uncompressed file whose size is not what its header claims, or exceeds memory.

    Raises:
        ValueError: If the sizes differ, or the claim exceeds the machine's memory.
    """
    check_stored(claimed, stored, source)
    check_memory(claimed, source)


def check_stored(claimed: int, stored: int, source: str) -> None:
    """Refuse an uncompressed file whose size is not what its header claims.

    Raises:
        ValueError: If the sizes differ.
    """
    if claimed != stored:
        what = "truncated" if stored < claimed else "longer than it says"
        raise ValueError(
            f"`{source}` must hold the {claimed} bytes its header claims, got {stored}: the file "
            f"is {what}; copy or create it again."
        )


def check_deflated(claimed: int, stored: int, source: str) -> None:
    """Refuse a compressed file whose header claims more than deflate could have packed.

    Raises:
        ValueError: If the claim is impossible, or exceeds the machine's memory.
    """
    if claimed > DEFLATE_RATIO * (stored + 1):
        raise ValueError(
            f"`{source}` must hold the {claimed} bytes its header claims, got {stored} compressed "
            "bytes, too few for that: the header is wrong or the file truncated; copy it again."
        )
    check_memory(claimed, source)


def check_memory(needed: int, source: str) -> None:
    """Refuse what cannot fit in this machine's memory.

    Raises:
        ValueError: If `needed` bytes exceed the physical memory.
    """
    if needed > (memory := _physical_memory()):
        raise ValueError(
            f"`{source}` must fit in this machine's memory ({memory / 1e9:.1f} GB), got "
            f"{needed / 1e9:.1f} GB; use fewer samples or smaller images."
        )


def _physical_memory() -> int:
    if not hasattr(os, "sysconf"):  # Windows
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
