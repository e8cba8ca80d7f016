"""Scores of disentanglement of a run: where factors are known, beside other codes, else refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nebulatent.apps.cli import main
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.model_config import Method
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.runs.runs import load_run
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.shapes import builtin
from nebulatent.data.shapes.builtin import shape_factors
from nebulatent.data.shapes.make import make_shapes
from nebulatent.evaluation import disentanglement
from nebulatent.evaluation.disentanglement import disentanglement_measures


@pytest.fixture(scope="module", autouse=True)
def few_shapes() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtin, "SIZES", {"train": (0, 48), "test": (1, 48)})
        patch.setattr(disentanglement, "TREES", 20)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = Source(path="builtin:shapes", num_points=16)
    return trained(source, tmp_path_factory.mktemp("runs") / "shapes", method="ae")


def trained(source: Source, path: Path, method: Method) -> Path:
    """A run of one epoch, without the report that `fit` writes."""
    table = read(source.path, num_points=source.num_points, views=source.views)
    small = Choices(method=method, epochs=1, latent_dim=3, point_width=0.0625)
    small = small if table.kind == "points" else replace(small, point_width=0.25, voxel_width=0.125)
    scaling = fit_scaling(table)
    start_run(path, table, source, scaling, plan(table, scaling, small), overwrite=False)
    train(path, table)
    return path


def scores(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, float]]:
    capsys.readouterr()
    assert main(["evaluate", *words, "--probe", "factors", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    columns = {"codes": found["measures"], **found["baselines"]}
    return {name: {m: row["value"] for m, row in rows.items()} for name, rows in columns.items()}


def test_factors_are_those_of_the_shapes_that_are_read() -> None:
    made = make_shapes(48, seed=1, num_points=1, turn=180)
    found, both = shape_factors("test"), shape_factors("all")
    assert found["category"].tolist() == made.label.tolist()
    for name in ("stretch_x", "stretch_y", "stretch_z", "turn"):
        assert np.array_equal(found[name], made.factors[name])
        assert np.array_equal(both[name][48:], made.factors[name])
    assert found.keys() == both.keys()
    assert np.array_equal(both["turn"][:48], shape_factors("train")["turn"])


def test_codes_stand_beside_those_of_no_training(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = scores(capsys, str(run), "builtin:shapes")
    assert found.keys() == {"codes", "untrained encoder", "components of D2"}
    for name, row in found.items():
        assert row.keys() >= {"MIG", "SAP", "DCI disentanglement"}, name
    out = tmp_path / "codes.npz"
    assert main(["embed", str(run), "builtin:shapes", "--split", "test", "--out", str(out)]) == 0
    with np.load(out) as saved:
        own = disentanglement_measures(saved["codes"], shape_factors("test"))
    assert found["codes"] == pytest.approx({m.name: m.value for m in own}, abs=1e-3)
    alone = scores(capsys, str(run), "builtin:shapes", "--split", "all", "--no-baselines")
    assert alone.keys() == {"codes"} and alone["codes"] != found["codes"]


def test_prepared_shapes_are_scored_from_grids_and_from_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, run = tmp_path / "prepared", tmp_path / "run"
    size = ["--voxels=12", "--views=1", "--scans=0", "--size=16", "--workers=0"]
    assert main(["prepare", "builtin:shapes", "--out", str(out), "--limit=32", *size]) == 0
    trained(Source(path=str(out), views=1), run, "switch-vae")
    capsys.readouterr()
    assert main(["evaluate", str(run), str(out), "--probe=factors", "--split=all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baselines"].keys() == {"untrained encoder", "components"}
    table = read(out, split="all")
    numbers = [int(name.split("/")[1]) for name in table.ids]
    assert sorted(numbers) == list(range(32)) and numbers != sorted(numbers)
    made = make_shapes(32, num_points=1).factors
    codes = load_run(run).model.encode(torch.from_numpy(table.x[:]).float()).mean.detach().numpy()
    assert table.label is not None
    factors = {"category": table.label} | {
        name: made[name][numbers] for name in ("stretch_x", "stretch_y", "stretch_z")
    }
    own = {m.name: m.value for m in disentanglement_measures(codes, factors)}
    shown = {name: row["value"] for name, row in found["measures"].items()}
    assert shown == pytest.approx(own, abs=1e-3)
    assert found["pictures"]["measures"].keys() == found["measures"].keys()
    next((out / "Records").rglob("*.json")).write_text('{"stamp": [1, 2]}')
    assert main(["evaluate", str(run), str(out), "--probe=factors", "--split=all"]) == 1
    assert "must hold built-in shapes that were prepared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a.npz"], "`DATA` must be builtin:shapes for --probe factors, or .*, got `a.npz`"),
        (["builtin:shapes", "--train", "a.npz"], "`--train` must go with --probe svm"),
        (["builtin:shapes", "--label-fractions"], "svm, fine-tune or parts, got factors"),
        (["builtin:shapes", "--robustness"], "must go with --probe svm, got factors"),
    ],
)
def test_what_has_no_known_factors_is_refused(
    run: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), *words, "--probe", "factors"]) == 1
    assert re.search(sentence, " ".join(capsys.readouterr().err.split()))
