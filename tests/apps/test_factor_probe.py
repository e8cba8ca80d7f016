"""Scores of disentanglement of a run: where factors are known, beside other codes, else refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nebulatent.apps.cli import main
from nebulatent.data.shapes import builtin
from nebulatent.data.shapes.builtin import shape_factors
from nebulatent.data.shapes.make import make_shapes
from nebulatent.evaluation.disentanglement import disentanglement_measures

SMALL = ("--point-width", "0.0625", "--epochs", "1", "--latent-dim", "3", "--num-points", "16")


@pytest.fixture(scope="module", autouse=True)
def few_shapes() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtin, "SIZES", {"train": (0, 48), "test": (1, 48)})
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "shapes"
    assert main(["fit", "builtin:shapes", "--method", "ae", "--out", str(path), *SMALL]) == 0
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


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a.npz"], "`DATA` must be builtin:shapes for --probe factors, got `a.npz`"),
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
