"""All that a recipe found, as plain values: tables and pages are made from nothing else."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nebulatent.apps.recipes.claims import TEST, Finding, judge
from nebulatent.apps.recipes.recipe import Finished, Recipe, Trainings
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.apps.recipes.store import read_small
from nebulatent.apps.runs.runs import write_text
from nebulatent.evaluation.measures import Measure
from nebulatent.training.strict_json import parse_json

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class RowRecord:
    """One row: the paper's numbers and ours, one per seed."""

    name: str
    supervised: bool
    paper: Mapping[str, float]
    values: Mapping[str, Sequence[float]]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ClaimRecord:
    """One claim with its verdict and what it rests on."""

    says: str
    where: str
    verdict: str
    sentence: str
    findings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One recipe, run."""

    name: str
    title: str
    source: str
    notes: Sequence[str]
    preset: str
    budget: str
    data: str
    seeds: Sequence[int]
    measures: Sequence[str]
    meanings: Mapping[str, Mapping[str, Any]]
    rows: Sequence[RowRecord]
    claims: Sequence[ClaimRecord]
    test: str
    machines: Sequence[Mapping[str, str]]
    seconds: float
    written: str

    def to_json(self) -> str:
        """As text."""
        saved = {"format": FORMAT} | dataclasses.asdict(self)
        return json.dumps(saved, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def make_record(recipe: Recipe, wanted: Wanted, trained: Trainings, data: str) -> Record:
    """Collect what a recipe found, and judge its claims."""
    results = {
        row: [{m.name: m.value for m in seed.measures} for seed in seeds]
        for row, seeds in trained.items()
    }
    every = [seed for seeds in trained.values() for seed in seeds]
    claims = []
    for claim in recipe.claims:
        verdict, sentence, findings = judge(claim, results)
        rows = [_finding(finding) for finding in findings]
        claims.append(
            ClaimRecord(
                says=claim.says,
                where=claim.where,
                verdict=verdict,
                sentence=sentence,
                findings=rows,
            )
        )
    return Record(
        name=recipe.name,
        title=recipe.title,
        source=recipe.source,
        notes=recipe.notes,
        preset=wanted.preset,
        budget=str(wanted.budget),
        data=data,
        seeds=wanted.seeds,
        measures=recipe.measures,
        meanings=_meanings(m for seed in every for m in seed.measures),
        rows=[
            RowRecord(
                name=row.name,
                supervised=row.supervised,
                paper=row.paper,
                values=_by_measure(trained[row.name]),
                seconds=sum(seed.seconds for seed in trained[row.name]),
            )
            for row in recipe.rows_of(wanted.preset)
        ],
        claims=claims,
        test=TEST,
        machines=_distinct(every),
        seconds=sum(seed.seconds for seed in every),
        written=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return finding._asdict() | {"values": list(finding.values), "agree": finding.agree}


def _by_measure(seeds: Sequence[Finished]) -> dict[str, list[float]]:
    """Values by measure; a measure that one seed lacks is left out."""
    rows = [{m.name: m.value for m in seed.measures} for seed in seeds]
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: [row[name] for row in rows] for name in names}


def _meanings(measures: Any) -> dict[str, dict[str, Any]]:  # noqa: ANN401
    """What each measure means, from the first row that has it."""
    first: dict[str, dict[str, Any]] = {}
    for m in measures:
        assert isinstance(m, Measure)
        first.setdefault(
            m.name,
            {
                "better": m.better,
                "unit": m.unit,
                "convention": m.convention,
                "uses_labels": m.uses_labels,
            },
        )
    return first


def _distinct(every: Sequence[Finished]) -> list[Mapping[str, str]]:
    machines = {json.dumps(dict(seed.machine), sort_keys=True): seed.machine for seed in every}
    return list(machines.values())


def record_path(out: Path, name: str) -> Path:
    """Where a recipe's record is."""
    return out / f"{name}.json"


def save_record(out: Path, record: Record) -> Path:
    """Write the record of a recipe."""
    path = record_path(out, record.name)
    write_text(path, record.to_json())
    return path


def load_record(path: Path) -> Record:
    """Read a record again.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is no record; the message says which.
    """
    try:
        saved = parse_json(read_small(path))
        if saved.pop("format") != FORMAT:
            raise ValueError("a record of another version")
        rows = [RowRecord(**row) for row in saved.pop("rows")]
        claims = [ClaimRecord(**claim) for claim in saved.pop("claims")]
        return Record(**saved, rows=rows, claims=claims)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"`{path}` must be a record that `nebulatent reproduce` wrote, got {error}."
        ) from error
