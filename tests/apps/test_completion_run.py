"""3D-AE and 3D-RecGAN from the command line: their plan, what is trained, every command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.pair_folder import SIDE, write_pairs
from apps.stopper import Stop, Stopper
from nebulatent.apps.cli import main
from nebulatent.apps.completed_files import num_shown
from nebulatent.apps.completing import complete, completed_measures
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import Care, Choices
from nebulatent.apps.planning.engine import EngineConfig
from nebulatent.apps.planning.plan import Plan, plan
from nebulatent.apps.recipes.completing import Completed, Setting
from nebulatent.apps.recipes.completion_data import SIZES, CompletionData, Sizes
from nebulatent.apps.recipes.recipe import Budget
from nebulatent.apps.runs.run_batches import training_batches
from nebulatent.apps.runs.runs import Run, RunConfig, load_config, load_run
from nebulatent.data.binvox import Voxels, read_binvox, write_binvox
from nebulatent.data.completion_pairs import find_pairs, read_pairs
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table
from nebulatent.methods.rec_gan import RecGAN

SMALL: dict[str, Any] = {"voxel_width": 0.25, "epochs": 2, "latent_dim": 4, "batch_size": 8}
EVERYTHING: dict[str, Any] = {"method": "nvc-ml", "host": "rec-gan", "num_anchors": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"), shapes=5)


@pytest.fixture(scope="module")
def table(data: Path) -> Table:
    return read_pairs(str(data))


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    path = data.parent / "completed"
    options = [f"--{name.replace('_', '-')}={v}" for name, v in (SMALL | EVERYTHING).items()]
    assert main(["fit", str(data), "--out", str(path), *options]) == 0
    return path


def planned(table: Table, **own: Any) -> Plan:  # noqa: ANN401
    return plan(table, fit_scaling(table), Choices(**{"method": "rec-ae", **own}))


def started(path: Path, table: Table, *, held: float = 0.0, steps: int = 0, **own: Any) -> Path:  # noqa: ANN401
    chosen = planned(table, **{**SMALL, **own})
    source = Source(path="pairs", pairs=table.whole is not None)
    engine = EngineConfig(hold_out=held, save_steps=steps or None)
    start_run(path, table, source, fit_scaling(table), chosen, engine=engine, overwrite=False)
    return path


def trained(path: Path, table: Table, **own: Any) -> Run:  # noqa: ANN401
    train(started(path, table, **own), table)
    return load_run(path)


def pairs_of(count: int, side: int) -> Table:
    x = np.zeros((count, 1, side, side, side), bool)
    x[0, 0, 0] = True
    return build_table(x, source="pairs", whole=x)


@pytest.mark.parametrize(("side", "preset", "count"), [(16, "quick", 3200), (64, "full", 2)])
def test_sizes_by_rule_are_those_of_the_recipe(side: int, preset: Any, count: int) -> None:  # noqa: ANN401
    chosen, model = planned(pairs_of(count, side)), SIZES[preset]
    assert (chosen.model.widths, chosen.model.latent_dim) == (model.channels, model.code)
    assert chosen.fit.lr == pytest.approx(model.lr)
    assert (chosen.model.likelihood, chosen.model.filled_weight) == ("weighted", 0.85)
    if side == 16:
        assert (chosen.batch_size, chosen.fit.epochs) == (16, 5)
        both = planned(pairs_of(count, side), method="nvc-ml", host="rec-ae").model
        assert (both.num_anchors, both.warmup_epochs) == (5, 1)
        assert both.triplet_weight == pytest.approx(0.001 * 16**3 / 95)


@pytest.mark.parametrize(
    ("own", "experiment"),
    [
        ({"method": "rec-ae", "shortcuts": False}, Completed(host="ae", shortcuts=False)),
        (
            {"method": "nvc-ml", "host": "rec-gan"},
            Completed(host="gan", anchors="nvc-ml", num_anchors=2),
        ),
    ],
)
def test_a_run_is_the_recipes_training(
    own: dict[str, Any], experiment: Completed, table: Table, data: Path, tmp_path: Path
) -> None:
    found = trained(tmp_path / "run", table, **own, num_anchors=2, seed=3, epochs=4)
    model, parts = found.config.model, [find_pairs(str(data), part) for part in ("train", "test")]
    sizes = Sizes(SIDE, model.widths, model.latent_dim, found.config.fit.lr)
    budget = Budget(samples=99, test_samples=99, epochs=4, batch_size=8)
    setting = Setting(CompletionData(*parts, sizes), budget, 3, draws=False)
    drawn, wanted = build(model, 3).state_dict(), experiment.build(setting).state_dict()
    assert drawn.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[name]) for name, value in drawn.items())
    tested = completed_measures(found, read_pairs(str(data), split="test"))
    mine = {measure.name: measure.value for measure in tested}
    for measure in experiment(setting).measures:
        assert mine[measure.name] == measure.value, measure.name


def test_a_run_of_two_players_that_was_stopped_goes_on_to_the_same_bits(
    table: Table, tmp_path: Path
) -> None:
    whole, path = trained(tmp_path / "whole", table, **EVERYTHING), tmp_path / "parts"
    started(path, table, **EVERYTHING, steps=1)
    with pytest.raises(Stop):
        train(path, table, Stopper(3))
    train(path, table)
    again = load_run(path).model.state_dict()
    assert isinstance(whole.model, RecGAN) and any(name.startswith("critic") for name in again)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again[name]), name


def test_batches_hold_pairs_also_where_some_are_kept_from_training(
    table: Table, tmp_path: Path
) -> None:
    path = started(tmp_path / "run", table, held=0.25)
    kept, held = training_batches(load_config(path), table)
    assert table.whole is not None and held is not None
    assert len(kept.x) + len(held.x) == table.num_samples == 16
    known = {x.tobytes(): y for x, y in zip(table.x[:], table.whole[:], strict=True)}
    for batch in (kept.batch(0, 0), held.batch(0, 0)):
        assert batch.y is not None and batch.label is None
        for x, y in zip(batch.x.bool().numpy(), batch.y.numpy(), strict=True):
            assert np.array_equal(known[x.tobytes()], y)


def looped(answer: np.ndarray, whole: np.ndarray) -> tuple[int, int]:
    """Cells filled in both and in either, counted one by one."""
    both = either = 0
    for a, b in zip(answer.ravel(), whole.ravel(), strict=True):
        both, either = both + (a and b), either + (a or b)
    return both, either


def share(both: int, either: int) -> float:
    return both / either if either else 1.0


def figures(answers: np.ndarray, table: Table) -> dict[str, float]:
    """Pooled IoU, IoU by class, and that of hidden cells."""
    assert table.whole is not None and table.label is not None
    seen, whole = table.x[:], table.whole[:]
    counts = [looped(a, w) for a, w in zip(answers, whole, strict=True)]
    hidden = [looped(a & ~s, w & ~s) for a, w, s in zip(answers, whole, seen, strict=True)]
    mean = {}
    for number, name in enumerate(table.label_names):
        own = np.flatnonzero(table.label == number)
        mean[name] = [
            np.mean([share(*part[row]) for row in own]).item() for part in (counts, hidden)
        ]
    pooled = share(sum(both for both, _ in counts), sum(either for _, either in counts))
    return {
        "IoU": pooled,
        **{f"IoU {name}": value for name, (value, _) in mean.items()},
        "class IoU": np.mean([value for value, _ in mean.values()]).item(),
        "hidden IoU": np.mean([value for _, value in mean.values()]).item(),
    }


def test_evaluate_counts_cells_as_plain_loops_do(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    known, tested = read_pairs(str(data)), read_pairs(str(data), split="test")
    assert known.whole is not None and tested.num_samples == 4
    seen, others = tested.x[:], known.x[:]
    near = [max(range(16), key=lambda row: share(*looped(others[row], one))) for one in seen]
    columns = {"value": (found["measures"], complete(load_run(run), tested.x)[:])}
    beside = found["baselines"]
    columns["seen"] = beside["what is seen"], seen
    columns["nearest"] = beside["most similar view"], seen | known.whole[np.array(near)]
    for name, (measures, answers) in columns.items():
        for figure, value in figures(answers, tested).items():
            assert measures[figure]["value"] == pytest.approx(value, abs=1e-6), (name, figure)
    assert {"mean shape", "untrained encoder", "raw data"} <= beside.keys()
    assert "hidden IoU" in beside["mean shape"] and found["measures"]["class IoU"]["uses_labels"]


def test_scans_are_completed_as_the_model_does(run: Path, data: Path, tmp_path: Path) -> None:
    scan = np.load(data / "Scans" / "tall" / "03.npz")["partial"]
    model = load_run(run).model
    assert isinstance(model, RecGAN)
    with torch.no_grad():
        chance = model.complete(torch.from_numpy(scan[:, None]).float())[:, 0].numpy()
    out = tmp_path / "done.npz"
    assert main(["complete", str(run), str(data / "Scans" / "tall"), "--out", str(out)]) == 0
    done = np.load(out)
    assert done["x"].dtype == np.uint8 and done["ids"][6:8].tolist() == ["03.npz/0", "03.npz/1"]
    assert np.array_equal(done["x"][6:8], chance > 0.5)
    assert np.array_equal(done["partial"][6:8], scan)
    # One grid, where it lies, with cells half as long; and another threshold.
    fine = scan[0].repeat(2, 0).repeat(2, 1).repeat(2, 2)
    write_binvox(tmp_path / "scan.binvox", Voxels(fine, (1.0, 2.0, 3.0), 4.0))
    level = str(np.median(chance[0]))
    words = ["complete", str(run), str(tmp_path / "scan.binvox"), "--threshold", level]
    assert main([*words, "--out", str(tmp_path / "done.binvox")]) == 0
    found = read_binvox(tmp_path / "done.binvox")
    assert (found.translate, found.scale) == ((1.0, 2.0, 3.0), 4.0)
    assert np.array_equal(found.grid, chance[0] > np.float32(level))
    np.save(tmp_path / "one.npy", scan[1].astype(np.uint8))
    assert main([*words[:2], str(tmp_path / "one.npy"), "--out", str(tmp_path / "x.npy")]) == 0
    assert np.array_equal(np.load(tmp_path / "x.npy"), chance[1:] > 0.5)


def test_a_picture_and_a_page_show_completed_scans(
    run: Path, data: Path, table: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["complete", str(run), str(data), "--out"]
    assert main([*words, str(tmp_path / "done.html")]) == 0
    page = (tmp_path / "done.html").read_text(encoding="utf-8")
    assert page.count('"title": "whole"') + page.count('"title":"whole"') == 4
    capsys.readouterr()
    assert main([*words, str(tmp_path / "all.png"), "--split", "all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["scans"], found["written"]) == (20, 20)
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")
    many = table.take(np.zeros(30, np.int64))
    assert [num_shown(many, Path(name)) for name in ("a.png", "a.npz")] == [24, 30]


def test_the_report_shows_what_was_seen_completed_and_whole(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for said in (
        "3D-RecGAN + NVC-ML",
        "Completions",
        "and to complete it",
        "what one view sees of a shape",
        "most similar view",
        "hidden IoU",
        "opinion of completed grids",
    ):
        assert said in text, said
    assert "What each anchor stands for" not in text  # a code alone cannot be decoded


def test_codes_are_written_and_searched(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "z.npz"
    assert main(["embed", str(run), str(data / "Scans" / "flat"), "--out", str(out)]) == 0
    assert np.load(out)["codes"].shape == (10, 4) and np.load(out)["codes"].min() >= 0
    capsys.readouterr()
    like = ["search", str(run), "--like", "tall/02/1", "--count", "2", "--json"]
    assert main([*like, "--out", str(tmp_path / "found.png")]) == 0
    assert len(json.loads(capsys.readouterr().out)["neighbours"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "--out", "x.npz"],
        ["walk", "--from", "flat/00/0", "--to", "tall/00/0", "--out", "x.npz"],
        ["combine", "--from", "a", "--plus", "b", "--minus", "c", "--out", "x.npz"],
        ["export"],
    ],
    ids=lambda words: words[0],
)
def test_a_code_alone_cannot_be_decoded_beside_shortcuts(
    words: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([words[0], str(run), *words[1:]]) == 1
    said = capsys.readouterr().err
    assert "got rec-gan, whose decoder also sees the grid" in said and "--no-shortcuts" in said
    assert len(said.strip().splitlines()) == 1 and not Path("x.npz").exists()


def test_without_shortcuts_codes_are_decoded(table: Table, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    trained(path, table, method="rec-gan", shortcuts=False, epochs=1)
    assert main(["sample", str(path), "--count", "2", "--out", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.npz")["x"].shape == (2, SIDE, SIDE, SIDE)
    scans = [f"{data}/Scans/{name}/00.npz:00.npz/0" for name in ("flat", "tall")]
    words = ["walk", str(path), "--from", scans[0], "--to", scans[1], "--steps", "2"]
    assert main([*words, "--out", str(tmp_path / "walk.png")]) == 0


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"encoder": "fc"}, "`encoder` must be left out with rec-ae, got fc"),
        ({"likelihood": "bernoulli"}, "`likelihood` must be weighted with rec-ae, got bern"),
        ({"adversarial_weight": 1.0}, "`adversarial_weight` must go with rec-gan, got rec-ae"),
        ({"method": "rec-gan", "adversarial_weight": -1.0}, "must be 0 or more, got -1"),
        ({"method": "vae", "shortcuts": False}, "`no-shortcuts` must go with rec-ae or rec-gan"),
        ({"method": "nvc", "host": "rec-ae", "prior": "anchors"}, "`host` rec-ae must go with nei"),
        ({"method": "nvc", "host": "rec-gan", "supervised": True}, "rec-gan must go with neither"),
        ({"voxel_width": 0.0}, "`voxel_width` must be above 0 and at most 8, got 0"),
    ],
)
def test_what_does_not_go_together_is_refused(own: dict[str, Any], said: str, table: Table) -> None:
    with pytest.raises(ValueError, match=said):
        planned(table, **own)


def test_grids_alone_and_cells_that_do_not_fit_the_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="`voxels` must be a multiple of 8 with rec-ae, got 12"):
        planned(pairs_of(2, 12))
    with pytest.raises(ValueError, match="`method` rec-gan must have pairs of partial and whole"):
        planned(pairs_of(2, 8)._replace(whole=None), method="rec-gan")


def test_two_players_are_not_compiled(table: Table) -> None:
    choices, care = Choices(method="rec-gan"), Care(compile=True)
    with pytest.raises(ValueError, match="`compile` must be left out with rec-gan, whose critic"):
        plan(table, fit_scaling(table), choices, care)


def test_other_data_and_sizes_are_refused(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "grids.npy", np.random.default_rng(0).integers(0, 2, (9, 12, 12, 12)))
    np.save(tmp_path / "small.npy", np.ones((4, 4, 4), bool))
    fit, out = ["--out", str(tmp_path / "none")], ["--out", str(tmp_path / "x.binvox")]
    for words, said in (
        (["fit", str(tmp_path / "grids.npy"), "--method=rec-ae", *fit], "must hold pairs of part"),
        (
            ["fit", "digits", "--method=rec-gan", *fit],
            "must be a folder or builtin:scans, got",
        ),
        (
            ["fit", "builtin:scans", "--method=vae", *fit],
            "fit builtin:scans --method rec",
        ),
        (
            ["fit", str(data), "--method=rec-ae", "--voxels=12", *fit],
            "grids of 12³ or more for",
        ),
        (
            ["fit", str(data), "--method=rec-ae", "--num-points=6", *fit],
            "`num_points` must be",
        ),
        (["complete", str(run), str(tmp_path / "small.npy"), *out], "cubes of 8×8×8 cells like"),
        (["complete", str(run), str(tmp_path / "none.npy"), *out], "got nothing of that name"),
        (["complete", str(run), str(data), *out], "in .npz or .npy for 4 scans, got"),
        (
            ["complete", str(run), str(data), "--threshold=1", *out],
            "`--threshold` must be",
        ),
        (["complete", str(run), str(data), "--out=x.obj"], "`--out` must end in .binvox or"),
        (["evaluate", str(run), str(data / "Scans")], "must have whole grids beside the partial"),
    ):
        assert main(words) == 1, words
        printed = capsys.readouterr().err
        assert said in printed and len(printed.strip().splitlines()) == 1, printed
    assert not list(tmp_path.glob("x*")) and not (tmp_path / "none").exists()


def test_other_methods_read_the_same_folder_as_grids(data: Path, table: Table) -> None:
    grids = read(data)
    assert (grids.num_samples, grids.whole, table.num_samples) == (8, None, 16)
    assert grids.fingerprint != table.fingerprint


def test_runs_of_other_methods_complete_nothing_and_old_ones_load(
    blobs_run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = json.loads((blobs_run / "config.json").read_text())
    del saved["model"]["completion"], saved["data"]["pairs"]  # a run of an older version
    assert RunConfig.from_json(saved).data == load_config(blobs_run).data
    assert RunConfig.from_json(saved).model == load_config(blobs_run).model
    capsys.readouterr()
    assert main(["complete", str(blobs_run), str(data), "--out", str(tmp_path / "x.npz")]) == 1
    assert "`RUN` must be of a method that completes grids" in capsys.readouterr().err
