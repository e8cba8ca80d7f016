"""Records, tables and the page of results, from a recipe that trains nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from apps.recipes.made_up import images, recipe, wanted
from nebulatent.apps.console import Output
from nebulatent.apps.recipes.page import write_page
from nebulatent.apps.recipes.record import Record, load_record
from nebulatent.apps.recipes.tables import comma_separated, fitting, markdown, results_table
from nebulatent.apps.reproduce import reproduce


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the made-up recipe; not to be changed."""
    place = tmp_path_factory.mktemp("made_up")
    asked = wanted(place, images(place))
    reproduce(recipe(), asked, Output(as_json=True))
    return asked.out


@pytest.fixture
def record(folder: Path) -> Record:
    return load_record(folder / "nvc-table2.json")


def test_the_table_shows_means_deviations_and_the_papers_numbers(record: Record) -> None:
    columns, rows = results_table(record)
    assert columns == ["row", "v [nats] ↓ *", "paper"]
    assert rows == [["old", "5 ± 1", "0.25"], ["new (supervised)", "3 ± 1", "–"]]


def test_the_record_says_where_it_comes_from(record: Record) -> None:
    assert list(record.seeds) == [11, 12, 13]
    assert record.machines[0].keys() >= {"commit", "nebulatent", "torch", "processor", "cores"}
    assert record.claims[0].verdict == "holds"
    assert record.claims[0].findings[0]["values"] == [2.0, 2.0, 2.0]


def test_markdown_has_tables_verdicts_test_and_provenance(record: Record) -> None:
    text = markdown(record, "p.png")
    assert "| old | 5 ± 1 | 0.25 |" in text
    assert (
        "| Table 0: New is \\| lower. | holds | v: old − new = +2 [+2, +2] | 0 | 3 of 3 |" in text
    )
    assert "paired t over seeds" in text
    assert "seeds 11, 12, 13" in text
    assert "![Made up](p.png)" in text


def test_every_number_is_in_the_csv(record: Record) -> None:
    lines = comma_separated(record).splitlines()
    assert lines[0] == "recipe,row,supervised,measure,seed,value,mean,paper"
    assert lines[1] == "nvc-table2,old,0,v,11,4.0,5.0,0.25"
    assert lines[-1] == "nvc-table2,new,1,v,13,4.0,3.0,"
    assert len(lines) == 7


def test_all_four_files_are_written(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {f"nvc-table2.{end}" for end in ("json", "csv", "md", "png")} <= names
    assert (folder / "nvc-table2.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_is_split_between_measures(record: Record) -> None:
    columns = ["row", "rel", "paper", "SSE", "ACC"]
    parts = fitting(columns, [["a name", "0.1", "0.2", "12", "0.9"]], width=28)
    assert [head for head, _ in parts] == [["row", "rel", "paper"], ["row", "SSE", "ACC"]]
    assert fitting(columns, [["a", "1", "2", "3", "4"]], width=200)[0][0] == columns


def test_the_page_is_made_from_records(folder: Path, tmp_path: Path) -> None:
    page = write_page(tmp_path / "results.md", [folder])
    text = page.read_text(encoding="utf-8")
    assert "| Table 0: New is | lower. | holds | nvc-table2 |" not in text  # the bar is escaped
    assert "| Table 0: New is \\| lower. | holds | nvc-table2 |" in text
    assert "![Made up](pictures/nvc-table2.png)" in text
    assert (tmp_path / "pictures" / "nvc-table2.png").is_file()


def test_one_recipe_on_two_data_sets_has_two_sections(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    path = other / "nvc-table2.json"
    own = load_record(path).data
    path.write_text(path.read_text(encoding="utf-8").replace(own, "a/b.npz"), encoding="utf-8")
    text = write_page(tmp_path / "results.md", [folder, other]).read_text(encoding="utf-8")
    assert f"## Made up, {own}" in text and "## Made up, a/b.npz" in text
    assert "pictures/nvc-table2-a-b-npz.png" in text
    assert (tmp_path / "pictures" / "nvc-table2-a-b-npz.png").is_file()


def test_a_page_needs_results(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="must be a folder with results, got none"):
        write_page(tmp_path / "results.md", [tmp_path])
    with pytest.raises(ValueError, match="must be in one of the folders, got it in two"):
        write_page(tmp_path / "results.md", [folder, folder])
    with pytest.raises(ValueError, match=r"`--out` must end in \.md"):
        write_page(tmp_path / "results.html", [folder])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"format": 1, "rows": 3}'])
def test_a_damaged_record_is_named(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "nvc-table2.json"
    path.write_text(damage)
    with pytest.raises(ValueError, match="must be a record that `nebulatent reproduce` wrote"):
        load_record(path)


def test_claims_must_be_about_rows_that_every_preset_has() -> None:
    made = recipe()
    with pytest.raises(
        ValueError, match=r"rows of nvc-table2 that every preset has, got \['new'\]"
    ):
        replace(made, rows=made.rows[:1])
    late = replace(made.rows[1], full_only=True)
    with pytest.raises(ValueError, match=r"got \['new'\]"):
        replace(made, rows=(made.rows[0], late))
    with pytest.raises(ValueError, match="`rows` must have different names"):
        replace(made, rows=(*made.rows, made.rows[0]))
