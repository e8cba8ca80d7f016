"""Run a recipe: train, judge, print, and write record, CSV, Markdown and figure."""

from pathlib import Path

from nebulatent.apps.console import Output
from nebulatent.apps.pictures.canvas import to_png
from nebulatent.apps.recipes.recipe import Recipe
from nebulatent.apps.recipes.record import Record, make_record, save_record
from nebulatent.apps.recipes.runner import Wanted, run_recipe
from nebulatent.apps.recipes.tables import (
    claim_lines,
    comma_separated,
    fitting,
    how_tested,
    markdown,
    provenance,
    results_table,
)
from nebulatent.apps.runs.runs import write_text


def reproduce(recipe: Recipe, wanted: Wanted, output: Output) -> Record:
    """Run a recipe and leave NAME.json, .csv, .md and .png in the folder."""
    wanted.out.mkdir(parents=True, exist_ok=True)
    output.say(f"{recipe.title}: {recipe.source}")
    trained = run_recipe(
        recipe, wanted, lambda line: output.progress_console.print(line, markup=False)
    )
    record = make_record(recipe, wanted, trained, _name(wanted.data))
    png = to_png(recipe.draw(record, trained))
    (wanted.out / f"{recipe.name}.png").write_bytes(png)
    write_text(wanted.out / f"{recipe.name}.csv", comma_separated(record))
    write_text(wanted.out / f"{recipe.name}.md", markdown(record, f"{recipe.name}.png"))
    path = save_record(wanted.out, record)
    _print(record, output)
    output.say(f"written: {path.with_suffix('')}.json, .csv, .md, .png")
    return record


def _name(data: str) -> str:
    """What to call data: a folder's name, or a file's with that of its folder.

    Examples:
        >>> _name("/data/mnist"), _name("/data/psb/points.npz"), _name("builtin:shapes")
        ('mnist', 'psb/points.npz', 'builtin:shapes')
    """
    path = Path(data)
    return "/".join(path.parts[-2:]) if path.suffix else path.name


def _print(record: Record, output: Output) -> None:
    seeds = len(record.seeds)
    title = f"mean ± standard deviation of {seeds} seeds"
    for columns, rows in fitting(*results_table(record), output.console.width):
        output.table(title, columns, rows)
    if any(meaning["uses_labels"] for meaning in record.meanings.values()):
        output.say("* uses labels, for evaluation only")
    if record.claims:
        for claim in record.claims:
            output.say("\n".join(claim_lines(claim)))
        output.say(how_tested(record))
    for line in (*record.notes, *provenance(record)):
        output.say(line)
