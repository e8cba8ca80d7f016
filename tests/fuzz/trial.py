"""One damaged file: written, read under limits, judged."""

import random
from collections import Counter
from pathlib import Path

from fuzz.guard import TooSlow, fault_of, within_time
from fuzz.readers import Group

UNCHANGED, OTHER, REFUSED = "read, unchanged", "read, other values", "refused"


class Fault(AssertionError):
    """A reader did something else than to read or to refuse."""


class Trials:
    """Trials of one group in a folder, where the valid files are.

    Arguments:
        group: What is damaged and read.
        folder: An empty folder.
    """

    def __init__(self, group: Group, folder: Path) -> None:
        self.group, self.path = group, folder / group.file
        self.folder = folder
        group.make(folder)
        self.content = self.path.read_bytes()
        self.value = group.read(folder)

    def run(self, seed: int) -> str:
        """Damage the file in the way of this seed and read it.

        Raises:
            Fault: If the reader fails in another way than with a sentence, is too slow, takes too
                much memory, or gives other numbers than the file's checksum was made for.
        """
        rng = random.Random(seed)
        content, forgery = self.group.damage(rng, self.content, self.folder)
        return self.read(content, f"seed {seed}", may_differ=forgery or not self.group.sealed)

    def read(self, content: bytes, source: str, *, may_differ: bool) -> str:
        """Read this content in place of the file's own."""
        self.path.write_bytes(content)
        try:
            with within_time():
                value = self.group.read(self.folder)
        except (Exception, TooSlow) as error:
            if fault := fault_of(error):
                raise Fault(f"{self.group.name}, {source}: {fault}") from error
            return REFUSED
        if value == self.value:
            return UNCHANGED
        if not may_differ:
            raise Fault(f"{self.group.name}, {source}: other values were read")
        return OTHER


def counted(trials: Trials, count: int, seed: int) -> tuple[Counter[str], list[Fault]]:
    """Outcomes of so many seeds, and the faults among them."""
    outcomes: Counter[str] = Counter()
    faults: list[Fault] = []
    for number in range(seed, seed + count):
        try:
            outcomes[trials.run(number)] += 1
        except Fault as fault:
            faults.append(fault)
    return outcomes, faults
