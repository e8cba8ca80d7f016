"""Runs on clouds in a pose of their own: a later file is treated as the training data were.

The figures of `evaluate` are compared with those of the recipe `parae-table1`, to the last digit.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from nebulatent.apps.cli import main
from nebulatent.apps.fitting.some_points import OnSomePoints
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.probing import corruptions_of
from nebulatent.apps.recipes.cloud_data import CloudData, Sizes
from nebulatent.apps.recipes.cloud_pretext import Pretext, UntrainedEncoder
from nebulatent.apps.recipes.recipe import Budget, Given
from nebulatent.apps.recipes.recipe_data import RecipeData
from nebulatent.apps.runs.inputs import in_poses, read_like
from nebulatent.apps.runs.runs import CONFIG, load_config, load_run
from nebulatent.data.batch import Batch
from nebulatent.data.clouds.principal_axes import EITHER_WAY, in_principal_axes
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.evaluation import settling, svm
from nebulatent.evaluation.poses import MEAN_POSE
from nebulatent.evaluation.robustness import robustness
from nebulatent.evaluation.svm import train_svm
from nebulatent.terms import Terms

TURNED = ("--poses", "principal-axes")
PARAE = ("--method", "parae", "--point-width", "0.0625", "--components", "5")
TRAINED = ("--points-per-step", "32", "--epochs", "2", "--batch-size", "12", "--lr", "0.005")
SEED = 3


def write_boxes(path: Path, count: int, seed: int, turn: int | None = None) -> Path:
    """Boxes of three proportions, any way up; `turn` seeds another way."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % 3
    x = rng.beta(2, 4, (count, 64, 3)) * np.array([[1, 1, 1], [1, 1, 3], [1, 3, 4]])[label][:, None]
    way = Rotation.random(count, random_state=seed if turn is None else turn).as_matrix()
    x = np.einsum("cpi,cij->cpj", x, way).astype(np.float32)
    np.savez(path, points=x, labels=np.array(["cube", "rod", "slab"])[label])
    return path


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svm, "STRENGTHS", (0.01,))
    monkeypatch.setattr(settling, "SETTLING", 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("boxes")
    return write_boxes(place / "train.npz", 24, 0), write_boxes(place / "later.npz", 40, 1)


@pytest.fixture(scope="module")
def run(files: tuple[Path, Path]) -> Path:
    path = files[0].parent / "run"
    words = ["fit", str(files[0]), "--out", str(path), "--seed", str(SEED), *TURNED, *PARAE]
    assert main([*words, *TRAINED]) == 0
    return path


def test_a_later_file_has_the_figures_of_the_recipe_to_the_last_digit(
    run: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    train, later = (in_principal_axes(read(path)) for path in files)
    clouds = RecipeData("boxes", train, later, fit_scaling(train))
    data = CloudData(clouds, Sizes(num_points=32, width=1 / 16, components=5), EITHER_WAY)
    budget = Budget(samples=24, test_samples=40, epochs=2, batch_size=12)
    setting = Given(data, budget, SEED, draws=False)
    rows = Pretext(task="parae", lr=5e-3), UntrainedEncoder()
    expected = [{m.name: m.value for m in row(setting).measures} for row in rows]
    capsys.readouterr()
    words = [str(run), str(files[1]), "--probe", "svm", "--train", str(files[0])]
    assert main(["evaluate", *words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = printed["measures"], printed["baselines"]["untrained encoder"]
    for own, other in zip(found, expected, strict=True):
        assert {name: row["value"] for name, row in own.items()} == other
    assert {"linear SVM", MEAN_POSE} <= expected[0].keys() and expected[0] != expected[1]
    assert "mean over 4 poses" in printed["measures"][MEAN_POSE]["convention"]
    assert MEAN_POSE not in printed["baselines"]["D2 distribution"]


def test_the_same_clouds_in_other_poses_have_the_same_codes(
    run: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = write_boxes(tmp_path / "turned.npz", 40, 1, turn=9)
    assert np.abs(np.load(other)["points"] - np.load(files[1])["points"]).max() > 1
    codes = []
    for number, path in enumerate((files[1], other)):
        out = tmp_path / f"{number}.npz"
        assert main(["embed", str(run), str(path), "--out", str(out)]) == 0
        codes.append(np.load(out)["codes"])
    np.testing.assert_allclose(*codes, atol=1e-4)


def test_corrupted_clouds_are_turned_again_by_what_is_left_of_them(
    run: Path, files: tuple[Path, Path]
) -> None:
    loaded, generator = load_run(run), torch.Generator().manual_seed(0)
    x = torch.from_numpy(read_like(loaded, str(files[1]), "all").x)
    damage = {corruption.name: corruption for corruption in corruptions_of(loaded)}
    turned = damage["turned about any axis"].apply(x, generator, 180.0)
    np.testing.assert_allclose(turned, x, atol=1e-4)
    cut = damage["cut by a plane"].apply(x, generator, 0.5)
    assert cut.shape == (40, 32, 3)
    np.testing.assert_allclose(cut.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(cut.norm(dim=2).amax(1), 1, atol=1e-5)
    assert (cut.square().mean(1).diff(dim=1) >= -1e-6).all()
    tested, learned = (read_like(loaded, str(path), "all") for path in files[::-1])
    curve = robustness(
        train_svm(learned.x.std(1), learned.label),
        lambda clouds: clouds.std(1).numpy(),
        torch.from_numpy(tested.x),
        tested.label,
        corruptions=[damage["turned about z"]],
        draws=1,
    )[0]
    assert {level.values for level in curve.levels} == {curve.levels[0].values}
    assert "are turned into their principal axes again and brought" in curve.convention


def test_the_choice_is_kept_with_the_run_and_in_its_report(
    run: Path, files: tuple[Path, Path]
) -> None:
    loaded = load_run(run)
    config = loaded.config
    assert (config.data.poses, config.points_per_step) == ("principal-axes", 32)
    assert config.model.components == 5
    assert read_like(loaded, str(files[0]), "train").fingerprint == config.data.fingerprint
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "frame of its principal axes" in text and "of 5 Gaussians" in text


def test_older_runs_are_as_stored(run: Path, tmp_path: Path) -> None:
    saved = json.loads((run / CONFIG).read_text())
    del saved["data"]["poses"], saved["points_per_step"], saved["model"]["components"]
    (tmp_path / CONFIG).write_text(json.dumps(saved))
    config = load_config(tmp_path)
    assert (config.data.poses, config.points_per_step) == ("as-stored", None)
    assert config.model.components == 32


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("data", "poses", "upright"),
        ("", "points_per_step", 0),
        ("", "points_per_step", 65),
        ("", "points_per_step", 1.5),
        ("model", "components", 0),
    ],
)
def test_damaged_choices_are_refused(
    run: Path, tmp_path: Path, part: str, name: str, value: object
) -> None:
    saved = json.loads((run / CONFIG).read_text())
    (saved[part] if part else saved)[name] = value
    (tmp_path / CONFIG).write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=name):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("data", "words", "sentence"),
    [
        ("digits", TURNED, "`poses` principal-axes must go with clouds of points, got images"),
        ("digits", ("--points-per-step", "5"), "`points_per_step` must go with clouds of points"),
        ("digits", ("--components", "5"), "`components` must go with clouds of points, got 5"),
        ("", ("--components", "5"), "`components` must go with parae, got 5 and method nvc-ml"),
        ("", ("--points-per-step", "65"), r"`points_per_step` must lie in 1..64, .* got 65"),
        ("", ("--points-per-step", "0"), r"`points_per_step` must lie in 1..64, .* got 0"),
    ],
)
def test_choices_that_do_not_fit_the_data_are_refused(
    files: tuple[Path, Path],
    data: str,
    words: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    assert main(["fit", data or str(files[0]), "--out", str(out), *words]) == 1
    assert re.search(sentence, capsys.readouterr().err) and not out.exists()


def test_as_stored_changes_nothing(files: tuple[Path, Path]) -> None:
    table = read(files[0])
    assert in_poses(table, "as-stored", "boxes") is table


def test_a_step_sees_some_points_of_each_cloud_others_each_time() -> None:
    class Seen(torch.nn.Module):
        def forward(self, batch: Batch) -> Terms:
            self.batch = batch
            return Terms({"x": batch.x.sum()})

    x, label = torch.arange(2 * 10 * 3.0).view(2, 10, 3), torch.tensor([0, 1])
    method = Seen()
    wrapped = OnSomePoints(method, 4)
    wrapped(Batch(x, label=label))
    first = method.batch.x
    assert first.shape == (2, 4, 3) and method.batch.label is label
    rows = ((first[0, :, 0]) / 3).long()
    assert len(set(rows.tolist())) == 4 and torch.equal(first[1], x[1, rows])
    wrapped(Batch(x))
    assert not torch.equal(method.batch.x, first)
    assert OnSomePoints(method, 99)(Batch(x)).total == x.sum()


def test_fewer_points_a_step_mean_more_epochs(files: tuple[Path, Path]) -> None:
    table = read(files[0])
    table = table._replace(x=np.broadcast_to(table.x[:1], (20_000, 64, 3)))
    choices = Choices(method="parae")
    epochs = [
        plan(table, fit_scaling(table), each).fit.epochs
        for each in (choices, replace(choices, points_per_step=32))
    ]
    assert epochs == [39, 78]
