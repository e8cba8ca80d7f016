"""The report's table of results, and the glossary that says how each measure is computed.

Columns are runs (then baselines), rows are measures, in the order in which they first appear.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.reports.words import CONTEST, RESULTS, TERMS
from nebulatent.evaluation.measures import Measure

Baseline = tuple[str, Mapping[str, str]]
ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}
DIRECTIONS = {
    "higher": "higher is better",
    "lower": "lower is better",
    "neither": "neither high nor low is better",
}


def value_text(value: float) -> str:
    """A value for a table: four figures, whole numbers whole, "–" for what is not a number.

    Examples:
        >>> value_text(0.79312), value_text(10.0), value_text(-1234.56), value_text(math.nan)
        ('0.7931', '10', '−1,235', '–')
    """
    if not math.isfinite(value):
        return "–"
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:#.4g}".replace("-", "−")


def measures_by_name(runs: Sequence[RunFigures]) -> dict[str, Measure]:
    """The first measure of each name: what its row says about unit, direction and convention."""
    first: dict[str, Measure] = {}
    for run in runs:
        for measure in run.measures:
            first.setdefault(measure.name, measure)
    return first


def best_runs(values: Sequence[float | None], better: str) -> set[int]:
    """Columns with the best value as printed; none if there is no contest or no direction."""
    finite = {i: v for i, v in enumerate(values) if v is not None and math.isfinite(v)}
    texts = {value_text(value) for value in finite.values()}
    if better == "neither" or len(texts) < 2:
        return set()
    best = value_text((max if better == "higher" else min)(finite.values()))
    return {i for i, value in finite.items() if value_text(value) == best}


def results_table(runs: Sequence[RunFigures], baselines: Sequence[Baseline] = ()) -> str:
    """All measures of all runs as an HTML table; empty without a single measure."""
    rows = measures_by_name(runs)
    extra = [name for _, cells in baselines for name in cells if name not in rows]
    names = [*rows, *dict.fromkeys(extra)]
    if not names:
        return ""
    heads = [f'<th scope="col">{escape(run.name)}</th>' for run in runs]
    heads += [f'<th scope="col" class="baseline">{escape(name)}</th>' for name, _ in baselines]
    body = "".join(_row(name, rows.get(name), runs, baselines) for name in names)
    advice = RESULTS + CONTEST * (len(runs) > 1)
    return (
        f'<p class="how">{advice}</p><div class="scroll"><table><thead><tr><td></td>'
        f"{''.join(heads)}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(
    name: str, measure: Measure | None, runs: Sequence[RunFigures], baselines: Sequence[Baseline]
) -> str:
    values = [next((m.value for m in run.measures if m.name == name), None) for run in runs]
    best = best_runs(values, measure.better if measure else "neither")
    cells = [_cell(value, "best" if i in best else "") for i, value in enumerate(values)]
    cells += [f'<td class="baseline">{escape(row.get(name, ""))}</td>' for _, row in baselines]
    return f'<tr><th scope="row">{_row_name(name, measure)}</th>{"".join(cells)}</tr>'


def _cell(value: float | None, look: str) -> str:
    return f'<td class="{look}">{"" if value is None else value_text(value)}</td>'


def _row_name(name: str, measure: Measure | None) -> str:
    if measure is None:
        return escape(name)
    unit = f' <span class="unit">({escape(measure.unit)})</span>' if measure.unit else ""
    arrow = ARROWS[measure.better]
    arrow = f' <span class="arrow" title="{DIRECTIONS[measure.better]}">{arrow}</span>'
    return (
        f'<abbr title="{escape(measure.convention)}">{escape(name)}</abbr>{unit}'
        f"{arrow}{_labels_tag(measure)}"
    )


def _labels_tag(measure: Measure) -> str:
    return ' <span class="tag">uses labels</span>' if measure.uses_labels else ""


def glossary(runs: Sequence[RunFigures]) -> str:
    """How every measure is computed and what every training term means."""
    entries = [
        f"<dt>{escape(measure.name)}{_labels_tag(measure)}</dt><dd>{_explain(measure)}</dd>"
        for measure in measures_by_name(runs).values()
    ]
    rows = [row for run in runs for row in run.history]
    rows += [
        row for run in runs for stage in run.earlier for h in stage.histories.values() for row in h
    ]
    trained = {name for row in rows for name in row}
    entries += [
        f"<dt>{escape(name.replace('_', ' '))} (training curve)</dt><dd>{meaning.capitalize()}</dd>"
        for name, meaning in TERMS.items()
        if name in trained
    ]
    return f'<dl class="glossary">{"".join(entries)}</dl>' if entries else ""


def _explain(measure: Measure) -> str:
    unit = f" Unit: {escape(measure.unit)}." if measure.unit else ""
    direction = DIRECTIONS[measure.better].capitalize()
    return f"{escape(measure.convention)} {direction}.{unit}"
