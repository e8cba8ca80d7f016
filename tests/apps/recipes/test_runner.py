"""What is trained, what is kept, and what happens after an interruption or to a damaged file."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.recipes.made_up import CALLS, Noted, images, recipe, wanted
from nebulatent.apps.recipes.recipe import Outcome, Setting
from nebulatent.apps.recipes.record import make_record
from nebulatent.apps.recipes.runner import Wanted, run_recipe
from nebulatent.apps.recipes.store import Job, load, pack, unpack
from nebulatent.apps.recipes.trivial import PixelClusters


@pytest.fixture(autouse=True)
def no_calls() -> Iterator[None]:
    CALLS.clear()
    yield
    CALLS.clear()


@pytest.fixture
def asked(tmp_path: Path) -> Wanted:
    return wanted(tmp_path, images(tmp_path))


def silent(line: str) -> None:
    """Nothing is said."""


def files(asked: Wanted) -> list[Path]:
    return sorted((asked.out / "trainings").iterdir())


def test_every_row_is_trained_with_every_seed(asked: Wanted) -> None:
    trained = run_recipe(recipe(), asked, silent)
    assert CALLS == [(row, seed) for seed in (11, 12, 13) for row in ("noted-3", "noted-1")]
    assert [seed.measures[0].value for seed in trained["new"]] == [2.0, 3.0, 4.0]
    assert [seed.arrays for seed in trained["new"]] == [{"first": 11}, {}, {}]


def test_a_recipe_that_failed_goes_on_where_it_was(asked: Wanted) -> None:
    with pytest.raises(FloatingPointError, match="noted-1, seed 12: The loss must stay finite"):
        run_recipe(recipe(fails_at=12), asked, silent)
    assert CALLS == [("noted-3", 11), ("noted-1", 11), ("noted-3", 12)]
    CALLS.clear()
    mended = recipe(fails_at=99)  # another experiment: its `repr` differs
    run_recipe(mended, asked, silent)
    assert CALLS == [("noted-1", 11), ("noted-1", 12), ("noted-3", 13), ("noted-1", 13)]
    CALLS.clear()
    run_recipe(mended, asked, silent)
    assert CALLS == []


def test_more_seeds_train_only_the_new_ones(asked: Wanted) -> None:
    run_recipe(recipe(), asked, silent)
    CALLS.clear()
    run_recipe(recipe(), asked._replace(seeds=(11, 12, 13, 14)), silent)
    assert CALLS == [("noted-3", 14), ("noted-1", 14)]


def test_a_later_first_seed_is_trained_again_for_its_arrays(asked: Wanted) -> None:
    run_recipe(recipe(), asked, silent)
    CALLS.clear()
    trained = run_recipe(recipe(), asked._replace(seeds=(12, 13)), silent)
    assert CALLS == [("noted-3", 12), ("noted-1", 12)]
    assert trained["old"][0].arrays == {"first": 12}


@pytest.mark.parametrize("change", ["budget", "data"])
def test_another_budget_or_other_data_are_trained_anew(
    change: str, asked: Wanted, tmp_path: Path
) -> None:
    run_recipe(recipe(), asked, silent)
    other = asked._replace(budget=replace(asked.budget, epochs=3))
    if change == "data":
        (tmp_path / "other").mkdir()
        path = images(tmp_path / "other")
        loaded = dict(np.load(path))
        loaded["x_test"][0] += 1
        np.savez(path, **loaded)
        other = asked._replace(data=str(path))
    CALLS.clear()
    run_recipe(recipe(), other, silent)
    assert len(CALLS) == 6
    assert len(files(asked)) == 12


def test_two_rows_of_one_experiment_train_it_once(asked: Wanted) -> None:
    made = recipe()
    twice = replace(made, rows=(*made.rows, replace(made.rows[0], name="again")))
    trained = run_recipe(twice, asked, silent)
    assert len(CALLS) == 6
    assert trained["again"] == trained["old"]


def test_the_quick_preset_leaves_out_rows_for_the_full_one(asked: Wanted) -> None:
    made = recipe()
    more = replace(made, rows=(*made.rows, replace(made.rows[0], name="more", full_only=True)))
    assert list(run_recipe(more, asked, silent)) == ["old", "new"]
    assert list(run_recipe(more, asked._replace(preset="full"), silent)) == ["old", "new", "more"]


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"format": 1}', '{"format": 1e999}', "\N{SNOWMAN}"]
)
def test_a_damaged_file_is_named_and_nothing_is_trained(damage: str, asked: Wanted) -> None:
    run_recipe(recipe(), asked, silent)
    CALLS.clear()
    files(asked)[0].write_text(damage, encoding="utf-8")
    with pytest.raises(ValueError, match=r"must be a result of this recipe, got .*; delete it"):
        run_recipe(recipe(), asked, silent)
    assert CALLS == []


def test_a_result_of_another_seed_is_refused(asked: Wanted) -> None:
    run_recipe(recipe(), asked, silent)
    first = files(asked)[0]
    saved = json.loads(first.read_text())
    first.write_text(json.dumps(saved | {"seed": 99}))
    with pytest.raises(ValueError, match="a result of something else"):
        run_recipe(recipe(), asked, silent)


def test_a_write_that_is_cut_off_leaves_no_result(
    asked: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nebulatent.apps.runs.runs.os.replace", cut)
    with pytest.raises(OSError, match="No space left"):
        run_recipe(recipe(), asked, silent)
    assert not [path for path in files(asked) if path.suffix == ".json"]
    monkeypatch.undo()
    CALLS.clear()
    run_recipe(recipe(), asked, silent)
    assert len(CALLS) == 6


def test_a_name_that_is_no_file_name_is_refused(asked: Wanted) -> None:
    job = Job(Noted(value=-1), asked.budget, "", 0, draws=False)  # "noted--1"
    with pytest.raises(ValueError, match="letters, digits and hyphens, got 'noted--1'"):
        load(job, asked.out)


def test_processes_give_what_one_process_gives(asked: Wanted) -> None:
    made = recipe()
    row = replace(made.rows[0], name="pixels", experiment=PixelClusters(num_clusters=3))
    pixels = replace(made, rows=(row,), claims=())
    alone = run_recipe(pixels, asked._replace(seeds=(1,)), silent)["pixels"][0]
    apart = asked._replace(out=asked.out / "apart", seeds=(1,), jobs=2)
    there = run_recipe(pixels, apart, silent)["pixels"][0]
    assert there.measures == alone.measures
    assert {m.name: m.value for m in there.measures}["ACC"] == 1.0


def test_experiments_get_the_budgets_samples_and_the_same_ones_each_time(asked: Wanted) -> None:
    from nebulatent.apps.recipes.recipe_data import load_recipe_data

    data = load_recipe_data(asked.data)
    few = data.cut(asked.budget.samples, asked.budget.test_samples)
    assert (few.train.num_samples, few.test.num_samples) == (64, 30)
    assert few.fingerprint == data.cut(64, 30).fingerprint
    assert data.cut(1000, 1000).fingerprint == data.fingerprint


def test_bytes_survive_json() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    assert np.array_equal(unpack(json.loads(json.dumps(pack(tiles)))), tiles)
    with pytest.raises(ValueError, match="reshape"):
        unpack(pack(tiles) | {"shape": [7, 7]})


def test_an_experiment_that_is_no_dataclass_is_refused() -> None:
    def experiment(setting: Setting) -> Outcome:
        return Outcome([])

    with pytest.raises(TypeError, match="must be a frozen dataclass, got function"):
        replace(recipe().rows[0], experiment=experiment)


def test_rows_that_are_not_asked_for_are_not_trained_nor_judged(asked: Wanted) -> None:
    few = recipe().only(["ol"])
    assert [row.name for row in few.rows] == ["old"] and few.claims == ()
    assert "Rows not asked for: new." in few.notes
    trained = run_recipe(few, asked, silent)
    assert {row for row, _ in CALLS} == {"noted-3"}
    record = make_record(few, asked, trained, "bars")
    assert few.draw(record, trained).axes
    assert recipe().only(["old", "new"]).claims == recipe().claims
    with pytest.raises(ValueError, match="got none of: old; new"):
        recipe().only(["VAE"])


def test_a_whole_name_stands_for_its_row_alone() -> None:
    old, new = recipe().rows
    both = replace(recipe(), rows=(old, replace(new, name="old, twice")), claims=())
    assert [row.name for row in both.only(["old"]).rows] == ["old"]
    assert [row.name for row in both.only(["ol"]).rows] == ["old", "old, twice"]


def test_a_claim_about_some_of_its_rows_says_so() -> None:
    claim = recipe().claims[0]
    part = claim.parts[0]
    both = replace(claim, parts=(replace(part, condition="here"), replace(part, condition="there")))
    assert both.about(both.parts) == both
    assert both.about(both.parts[:1]).says == f"{claim.says} (Of the rows asked for only.)"
