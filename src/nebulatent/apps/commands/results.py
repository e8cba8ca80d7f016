"""`nebulatent results`: one page from what `nebulatent reproduce` found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Results:
    """Write a page with the tables, verdicts and figures of recipes that were run.

    Example: nebulatent results runs/reproduce --out docs/results.md
    """

    folders: Annotated[Positional[tuple[Path, ...]], arg(metavar="OUT [OUT ...]")]
    """Folders that `nebulatent reproduce` wrote; a recipe may be in several, on other data."""
    out: Path
    """The page, ending in .md; its figures go to a folder `pictures` beside it."""

    def run(self) -> None:
        """Read and write."""
        from nebulatent.apps.recipes.page import write_page

        if not self.folders:
            raise ValueError("`OUT` must be at least one folder, got none.")
        print(f"written: {write_page(self.out, self.folders)}")
