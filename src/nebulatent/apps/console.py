"""What the commands print: words on the terminal, or one JSON object with `--json`."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from nebulatent.evaluation.measures import Measure

ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}


class Output:
    """Prints text for people to standard output, or only the final JSON object.

    Arguments:
        as_json: Whether a program reads the output.
        silent: Whether to print nothing: in all but the first of several processes.
    """

    def __init__(self, *, as_json: bool, silent: bool = False) -> None:
        self.as_json, self._silent = as_json or silent, silent
        self.console = Console(highlight=False, soft_wrap=True)
        self.progress_console = Console(stderr=True, quiet=self.as_json)

    def say(self, text: str) -> None:
        """A line for people; square brackets are text, not markup."""
        if not self.as_json:
            self.console.print(text, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table for people."""
        if self.as_json:
            return
        table = RichTable(title=escape(title), title_justify="left")
        for index, column in enumerate(columns):
            justify = "right" if index else "left"
            table.add_column(escape(column), justify=justify, no_wrap=not index)
        for row in rows:
            table.add_row(*map(escape, row))
        self.console.print(table)

    def measures(self, title: str, columns: Mapping[str, Sequence[Measure]]) -> None:
        """A table of measures by run or baseline, with what its marks mean."""
        self.table(title, *comparison(columns))
        if any(measure.uses_labels for measures in columns.values() for measure in measures):
            self.say("* uses labels, for evaluation only")

    def result(self, values: Mapping[str, Any]) -> None:
        """The result for programs."""
        if self.as_json and not self._silent:
            json.dump(values, sys.stdout, indent=2, allow_nan=False)
            print()


def measure_name(measure: Measure) -> str:
    """Name, direction, unit, and a mark where labels were used."""
    unit = f" [{measure.unit}]" if measure.unit else ""
    return f"{measure.name}{unit} {ARROWS[measure.better]}".rstrip() + (
        " *" if measure.uses_labels else ""
    )


def rounded(value: float) -> str:
    """Four significant digits, whole numbers whole."""
    whole = float(value).is_integer() and abs(value) < 1e6
    return str(int(value)) if whole else f"{value:.4g}"


def comparison(
    columns: Mapping[str, Sequence[Measure]],
) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table of measures by run; a measure that a run lacks is a dash."""
    names = {measure_name(m): m.name for measures in columns.values() for m in measures}
    values = {column: {m.name: m.value for m in measures} for column, measures in columns.items()}
    rows = [
        [shown, *(rounded(v[name]) if name in v else "–" for v in values.values())]
        for shown, name in names.items()
    ]
    return ["measure", *columns], rows
