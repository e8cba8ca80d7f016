"""A record → a table of text for the terminal, Markdown and CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from nebulatent.apps.console import ARROWS, rounded
from nebulatent.apps.demo_run import spread
from nebulatent.apps.recipes.record import ClaimRecord, Record, RowRecord

NONE = "–"
SUPERVISED = " (supervised)"
Texts = list[list[str]]


def results_table(record: Record) -> tuple[list[str], Texts]:
    """Head and rows: each measure of ours (mean ± std over seeds), the paper's number beside it."""
    printed = {name for row in record.rows for name in row.paper}
    columns = ["row"]
    for name in record.measures:
        columns += [_head(record, name), *(["paper"] if name in printed else [])]
    rows = []
    for row in record.rows:
        cells = [row.name + SUPERVISED * row.supervised]
        for name in record.measures:
            cells.append(spread(row.values[name]) if name in row.values else NONE)
            if name in printed:
                cells.append(rounded(row.paper[name]) if name in row.paper else NONE)
        rows.append(cells)
    return columns, rows


def fitting(columns: list[str], rows: Texts, width: int) -> list[tuple[list[str], Texts]]:
    """A wide table as several that fit: each has the first column; "paper" stays with its measure.

    Examples:
        >>> fitting(["row", "rel", "paper", "SSE"], [["VAE", "0.21", "0.169", "12.4"]], width=28)
        [(['row', 'rel', 'paper'], [['VAE', '0.21', '0.169']]), (['row', 'SSE'], [['VAE', '12.4']])]
    """
    wide = [max(map(len, column)) + 3 for column in zip(columns, *rows, strict=True)]
    parts: list[list[int]] = []
    for index in range(1, len(columns)):
        if columns[index] == "paper":
            parts[-1].append(index)
            continue
        both = index + 1 if columns[index + 1 : index + 2] == ["paper"] else index
        used = sum(wide[i] for i in parts[-1]) if parts else width
        if used + sum(wide[index : both + 1]) > width - 1:
            parts.append([0])
        parts[-1].append(index)
    return [
        ([columns[i] for i in part], [[row[i] for i in part] for row in rows]) for part in parts
    ]


def _head(record: Record, name: str) -> str:
    meaning = record.meanings.get(name)
    if meaning is None:
        return name
    unit = f" [{meaning['unit']}]" if meaning["unit"] else ""
    mark = " *" if meaning["uses_labels"] else ""
    return f"{name}{unit} {ARROWS[meaning['better']]}".rstrip() + mark


def claims_table(record: Record) -> tuple[list[str], Texts]:
    """Head and rows: each claim with its verdict, each of its parts with its test."""
    columns = ["claim", "verdict", "effect, mean [95 % interval]", "p", "seeds on its side"]
    rows = []
    for claim in record.claims:
        for number, found in enumerate(claim.findings):
            first = number == 0
            rows.append(
                [
                    f"{claim.where}: {claim.says}" if first else "",
                    claim.sentence if first else "",
                    finding_text(found),
                    f"{found['p']:.2g}",
                    f"{found['agree']} of {len(found['values'])}",
                ]
            )
    return columns, rows


def finding_text(found: Mapping[str, Any]) -> str:
    """What was computed of one part, and what came out."""
    condition = f"{found['condition']}: " if found["condition"] else ""
    least = f"; counts from {found['counts_from']:.2g}" if found["counts_from"] else ""
    interval = f"{found['mean']:+.3g} [{found['low']:+.3g}, {found['high']:+.3g}]"
    return f"{condition}{found['effect']} = {interval}{least}"


def provenance(record: Record) -> list[str]:
    """With what, on what and for how long the numbers were made."""
    lines = [
        f"Preset {record.preset}: {record.budget}; data {record.data}; seeds "
        f"{', '.join(map(str, record.seeds))}; {record.seconds / 60:.0f} min of training and "
        f"measuring; written {record.written}."
    ]
    for machine in record.machines:
        commit = machine.get("commit") or "none"
        lines.append(
            f"Commit {commit}, nebulatent {machine.get('nebulatent')}, PyTorch "
            f"{machine.get('torch')}, {machine.get('processor')}, {machine.get('cores')} cores, "
            f"{machine.get('threads')} thread(s) a training."
        )
    return lines


def how_tested(record: Record) -> str:
    """One sentence on the test and its reach."""
    parts = sum(len(claim.findings) for claim in record.claims)
    seeds = len(record.seeds)
    least = 2.0 / 2**seeds  # p of a sign test and of Wilcoxon's if all seeds agree
    why = (
        f"With {seeds} seeds neither a sign test nor Wilcoxon's can reach 5 % (smallest p: "
        f"{least:.3g}), so differences"
    )
    return (
        f"Test: {record.test}; {parts} tests, not adjusted for their number. "
        f"{why if least > 0.05 else 'Differences'} are taken as normal. “Does not hold” means that "
        "the interval excludes every effect worth the claim."
    )


def markdown(record: Record, picture: str) -> str:
    """A section of a page.

    Arguments:
        record: What was found.
        picture: Path of the figure, as the page must write it.
    """
    parts = [f"## {record.title}", f"{record.source}. `nebulatent reproduce {record.name}`."]
    parts += [_markdown_table(*results_table(record), texts=1)]
    if any(meaning["uses_labels"] for meaning in record.meanings.values()):
        parts.append("\\* uses labels, for evaluation only. Mean ± standard deviation over seeds.")
    if record.claims:
        parts += [_markdown_table(*claims_table(record), texts=3), how_tested(record)]
    parts += [f"![{record.title}]({picture})", *record.notes, "\n".join(provenance(record))]
    return "\n\n".join(parts) + "\n"


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> str:
    """A table whose first columns are texts, the others numbers."""
    rule = ["---"] * texts + ["--:"] * (len(columns) - texts)
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in (columns, rule, *rows))


def cell(text: str) -> str:
    """A text that may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|")


def comma_separated(record: Record) -> str:
    """Every number of every row and seed, one a line."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["recipe", "row", "supervised", "measure", "seed", "value", "mean", "paper"])
    for row in record.rows:
        for name, values in row.values.items():
            for seed, value in zip(record.seeds, values, strict=True):
                writer.writerow(_line(record, row, name, seed, value, mean(values)))
    return table.getvalue()


def _line(
    record: Record, row: RowRecord, name: str, seed: int, value: float, average: float
) -> list[object]:
    paper = row.paper.get(name, "")
    return [record.name, row.name, int(row.supervised), name, seed, value, average, paper]


def claim_lines(claim: ClaimRecord) -> list[str]:
    """A claim, its verdict and its tests, a line each.

    Examples:
        >>> claim = {"says": "NVC helps.", "where": "Table 2", "verdict": "holds"}
        >>> claim_lines(ClaimRecord(**claim, sentence="holds", findings=[]))
        ['Table 2: NVC helps.', '  → holds']
    """
    tests = [
        f"    {finding_text(found)}; p {found['p']:.2g}; {found['agree']} of "
        f"{len(found['values'])} seeds"
        for found in claim.findings
    ]
    return [f"{claim.where}: {claim.says}", f"  → {claim.sentence}", *tests]
