"""Each recipe trains every row for two steps, and says what it must."""

from pathlib import Path

import numpy as np
import pytest

from apps.recipes.made_up import images, wanted
from nebulatent.apps.cli import main
from nebulatent.apps.console import Output
from nebulatent.apps.recipes.names import NAMES, Name, load_recipe
from nebulatent.apps.recipes.recipe import Recipe, Setting
from nebulatent.apps.recipes.recipe_data import load_recipe_data
from nebulatent.apps.recipes.trained import Trained
from nebulatent.apps.reproduce import reproduce

OWN: tuple[Name, ...] = ("nvc-table2", "nvc-table9", "nvc-fig3", "nvc-fig4", "nvc-fig5")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all recipes: what they share is trained once."""
    return tmp_path_factory.mktemp("recipes")


@pytest.fixture(scope="module")
def data(place: Path) -> Path:
    return images(place)


@pytest.mark.parametrize("name", OWN)
def test_two_steps_of_every_row(name: Name, place: Path, data: Path) -> None:
    recipe = load_recipe(name)
    record = reproduce(recipe, wanted(place, data, seeds=(7,)), Output(as_json=True))
    assert [row.name for row in record.rows] == [row.name for row in recipe.rows_of("quick")]
    shown = {measure for row in record.rows for measure in row.values}
    assert set(recipe.measures) <= shown
    assert {claim.verdict for claim in record.claims} == {"not decided"}
    assert (place / "out" / f"{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_recipe_is_that_of_its_file(name: Name) -> None:
    assert load_recipe(name).name == name


@pytest.mark.parametrize("name", OWN)
def test_rows_that_read_labels_are_marked(name: Name, place: Path, data: Path) -> None:
    setting = Setting(load_recipe_data(str(data)), wanted(place, data).budget, 0, draws=False)
    for row in load_recipe(name).rows:
        if isinstance(row.experiment, Trained):
            assert row.supervised == row.experiment.plan(setting).model.uses_labels, row.name


def test_the_papers_numbers_of_table_2() -> None:
    paper = {row.name: row.paper for row in load_recipe("nvc-table2").rows}
    assert paper["VAE with NVC-ML"] == {"rel": 0.133, "δ1": 0.853, "δ2": 0.938, "δ3": 0.972}
    assert paper["CVAE with NVC-ML"]["rel"] == 0.116
    assert sum(bool(numbers) for numbers in paper.values()) == 11


def test_the_papers_numbers_of_table_9() -> None:
    recipe = load_recipe("nvc-table9")
    paper = {row.name: row.paper for row in recipe.rows}
    assert paper["NVC without M_a, 40"] == {"rel": 0.163}
    assert paper["NVC-ML, 10"] == {"rel": 0.133}
    assert paper["NVC, 4"] == {"rel": 0.136}
    assert sum("rel" in numbers for numbers in paper.values()) == 31


def claimed(recipe: Recipe) -> set[str]:
    return {claim.where for claim in recipe.claims}


def test_every_claim_of_the_tables_and_figures_has_a_verdict() -> None:
    places = set().union(*(claimed(load_recipe(name)) for name in OWN))
    wanted_places = {"Table 2", "Table 9", "Table 10", "Fig. 3", "Fig. 5(a)", "Fig. 5(b)"}
    assert wanted_places | {"Fig. 5(c)", "Fig. 4, Section 4.2", "Section 5.1"} <= places


def test_the_budget_of_quick_and_the_cut_one() -> None:
    recipe = load_recipe("nvc-table2")
    assert recipe.budget("full").samples == 60_000
    cut = recipe.budget("full").cut(2)
    assert (cut.samples, cut.epochs) == (cut.batch_size, 2)
    assert recipe.budget("quick").cut(1).epochs == 1


def test_the_same_seed_gives_the_same_numbers(place: Path, data: Path) -> None:
    few = load_recipe_data(str(data)).cut(40, 20)
    setting = Setting(few, wanted(place, data).budget, 3, draws=True)
    first, second = (Trained(method="nvc-ml", num_anchors=3)(setting) for _ in range(2))
    assert first == second
    assert np.isfinite([m.value for m in first.measures]).all()


def test_from_the_command_line_to_the_page(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--full", "--max-steps", "2", "--seeds", "1", "--jobs", "1", "--data", str(data)]
    assert main(["reproduce", "nvc-fig5", "--out", str(tmp_path), *words]) == 0
    text = capsys.readouterr().out
    assert "Fig. 5(b): The ELBO is raised over a VAE's.\n  → not decided at 1 seed" in text
    assert "Preset full: 128 training and 500 test samples, 2 epochs" in text
    assert main(["results", str(tmp_path), "--out", str(tmp_path / "page.md")]) == 0
    assert "Fig. 5(c)" in (tmp_path / "page.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quick", "--full"], "`--quick` must not go with `--full`"),
        (["--seeds", "0"], "`--seeds` must be at least 1"),
        (["--jobs", "0"], "`--jobs` must be at least 1"),
        (["--max-steps", "0"], "`--max-steps` must be at least 1"),
        (["--first-seed", "-1"], "`--first-seed` must lie in"),
        (["--data", "nowhere"], "`nowhere` must be a file or folder"),
    ],
)
def test_mistakes_end_in_a_sentence(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["reproduce", "nvc-fig3", "--out", str(out), *words]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (out / "trainings").exists()


def test_a_recipe_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["reproduce", "nvc-table99"])
    assert stop.value.code == 2
    with pytest.raises(ValueError, match=r"`name` must be one of nvc-table2, .*got 'os'"):
        load_recipe("os")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("folder", ["", "somewhere"])
def test_without_mnist_the_sentence_says_what_to_do(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEBULATENT_DATA", str(tmp_path / folder) if folder else "")
    assert main(["reproduce", "nvc-fig3", "--out", str(tmp_path / "out")]) == 1
    message = " ".join(capsys.readouterr().err.split())
    assert "`NEBULATENT_DATA` must name a folder with MNIST's four files" in message
    assert "--data digits" in message


@pytest.mark.parametrize("kind", ["no labels", "one part", "vectors"])
def test_data_that_do_not_fit_are_refused(kind: str, data: Path, tmp_path: Path) -> None:
    parts = dict(np.load(data))
    if kind == "no labels":
        parts = {name: part for name, part in parts.items() if name[0] == "x"}
    elif kind == "one part":
        parts = {"x": parts["x_train"], "y": parts["y_train"]}
    else:
        parts |= {name: parts[name].reshape(len(parts[name]), -1) for name in ("x_train", "x_test")}
    np.savez(tmp_path / "other.npz", **parts)
    with pytest.raises((ValueError, FileNotFoundError), match="`--data` must"):
        load_recipe_data(str(tmp_path / "other.npz"))
