"""Every command on a run of clouds, and the probe on clouds, vectors and images."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from apps.stopper import Stop, Stopper
from nebulatent.apps.cli import main
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.engine import EngineConfig
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.runs.runs import WEIGHTS, has_checkpoint, load_run
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling

CHOICES = Choices(point_width=0.0625, epochs=2, num_anchors=2, latent_dim=4)
SMALL = ("--point-width", "0.0625", "--epochs", "2", "--num-anchors", "2", "--latent-dim", "4")


def write_clouds(path: Path, seed: int, count: int = 24, points: int = 20) -> Path:
    """Balls and discs."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.normal(size=(count, points, 3))
    x[y == 1, :, 2] *= 0.05
    np.savez(path, x=x.astype(np.float32), y=np.array(["ball", "disc"])[y])
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clouds(tmp_path_factory.mktemp("data") / "train.npz", 0)


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    path = data.parent / "run"
    assert main(["fit", str(data), "--out", str(path), *SMALL]) == 0
    return path


def test_the_report_speaks_of_clouds(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for said in ("describe each cloud of points, 60 numbers", "of these clouds", "PointNet"):
        assert said in text
    assert "not the likelihood of a density" in text
    assert "A copy has no point in common with its original" in text
    assert "pixel" not in text.split('<h2 id="glossary">')[0].split("</style>")[1]
    assert "2 decoded anchors" in text


def test_a_run_that_was_stopped_goes_on_to_the_bits_of_one_that_was_not(
    run: Path, data: Path, tmp_path: Path
) -> None:
    table, path = read(data), tmp_path / "run"
    scaling = fit_scaling(table)
    chosen = plan(table, scaling, CHOICES)
    engine = EngineConfig(save_steps=1)
    start_run(path, table, Source(path=str(data)), scaling, chosen, engine=engine, overwrite=False)
    with pytest.raises(Stop):
        train(path, table, Stopper(2))
    assert has_checkpoint(path) and not (path / WEIGHTS).exists()
    train(path, table)
    assert (path / WEIGHTS).read_bytes() == (run / WEIGHTS).read_bytes()


def test_labels_do_not_change_training_by_a_bit(run: Path, data: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "bare.npz", x=np.load(data)["x"])
    table, path = read(tmp_path / "bare.npz"), tmp_path / "run"
    chosen = plan(table, fit_scaling(table), CHOICES)
    start_run(path, table, Source(path="bare.npz"), fit_scaling(table), chosen, overwrite=False)
    train(path, table)
    assert (path / WEIGHTS).read_bytes() == (run / WEIGHTS).read_bytes()


def test_codes_samples_and_state_are_written(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, samples, sheet = (tmp_path / name for name in ("codes.npz", "x.npz", "x.png"))
    assert main(["embed", str(run), str(data), "--out", str(codes)]) == 0
    assert np.load(codes)["codes"].shape == (24, 4)
    assert main(["sample", str(run), "--count", "3", "--out", str(samples)]) == 0
    assert np.load(samples)["x"].shape == (3, 20, 3)
    assert main(["sample", str(run), "--count", "3", "--anchor", "1", "--out", str(sheet)]) == 0
    assert sheet.read_bytes()[:4] == b"\x89PNG"
    capsys.readouterr()
    assert main(["inspect", str(run)]) == 0
    assert "PointNet, 4-4-4-8-64" in capsys.readouterr().out


def test_measures_have_their_conventions(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    own, baselines = found["measures"], found["baselines"]
    assert {"Chamfer-L2", "Chamfer-L1", "F-score at 0.05", "ELBO", "k-means ACC"} <= own.keys()
    assert "bounds no density" in own["ELBO"]["convention"]
    assert {"SSE", "rel", "R²"}.isdisjoint(own)
    assert baselines.keys() == {"untrained encoder", "D2 distribution"}


def test_clouds_of_another_size_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_clouds(tmp_path / "other.npz", 1, points=30)
    assert main(["evaluate", str(run), str(other)]) == 1
    assert "clouds of 20 points with 3 coordinates like the training data" in (
        capsys.readouterr().err
    )


def probed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, float]]:
    capsys.readouterr()
    assert main(["evaluate", *words, "--probe", "svm", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    columns = {"codes": found["measures"], **found["baselines"]}
    return {name: {m: row["value"] for m, row in rows.items()} for name, rows in columns.items()}


def test_the_probe_learns_from_another_file(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = write_clouds(tmp_path / "test.npz", 1)
    found = probed(capsys, str(run), str(test), "--train", str(data))
    assert found.keys() == {"codes", "untrained encoder", "D2 distribution", "most frequent class"}
    assert found["D2 distribution"]["linear SVM"] > 0.8
    assert found["most frequent class"] == {"linear SVM": 0.5}
    assert found["codes"]["C"] in (0.001, 0.01, 0.1, 1, 10)


def test_the_probe_is_for_vectors_too(
    blobs: Path, blobs_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, *rows = blobs.read_text().splitlines()
    parts = {name: tmp_path / f"{name}.csv" for name in ("train", "test")}
    for path, own in zip(parts.values(), (rows[:40], rows[40:]), strict=True):
        path.write_text("\n".join([head, *own]) + "\n")
    words = (str(blobs_run), str(parts["test"]), "--train", str(parts["train"]))
    found = probed(capsys, *words)
    assert found["raw data"]["linear SVM"] == 1.0
    assert found["codes"]["linear SVM"] > 0.5


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--train", "x.npz"],
            "`--train` must go with --probe svm, kernel-svm, fine-tune or parts, got it alone",
        ),
        (["--probe", "svm"], "`--train` must be other samples than DATA, got .* has no parts"),
        (["--probe", "svm", "--train", "DATA"], "must be other samples than DATA, got .* twice"),
    ],
)
def test_a_probe_never_learns_from_what_it_is_tested_on(
    run: Path, data: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(data) if word == "DATA" else word for word in words]
    assert main(["evaluate", str(run), str(data), *words]) == 1
    assert re.search(sentence, capsys.readouterr().err)


def test_labels_are_demanded(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "bare.npz", x=np.load(data)["x"])
    assert main(["evaluate", str(run), str(tmp_path / "bare.npz"), "--probe", "svm"]) == 1
    assert "`DATA` must have labels for a probe, got none" in capsys.readouterr().err


def test_points_are_drawn_from_meshes_as_in_training(tmp_path: Path) -> None:
    folder = tmp_path / "meshes"
    for i in range(6):
        place = folder / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        corners = f"0 0 0\n1 0 0\n0 {1 + i} 0\n0 0 1\n"
        faces = "3 0 1 2\n3 0 1 3\n3 0 2 3\n3 1 2 3\n"
        (place / f"{i}.off").write_text(f"OFF\n4 4 0\n{corners}{faces}")
    path = tmp_path / "run"
    words = ["fit", str(folder), "--num-points", "16", "--out", str(path), "--method", "ae"]
    assert main([*words, "--epochs", "1", "--point-width", "0.0625"]) == 0
    assert load_run(path).config.data.num_points == 16
    assert main(["embed", str(path), str(folder), "--out", str(tmp_path / "codes.csv")]) == 0


def test_parae_describes_and_divides_but_does_not_decode(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, test = str(tmp_path / "run"), write_clouds(tmp_path / "test.npz", 1)
    words = ["fit", str(data), "--method", "parae", "--out", run]
    assert main([*words, "--epochs", "2", "--point-width", "0.0625"]) == 0
    out = capsys.readouterr().out
    assert "mixture NLL" in out and "Chamfer" not in out and "ELBO" not in out
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Clouds as mixtures of Gaussians" in text and "Reconstructions" not in text
    assert "Distance from a point" in text and "Surfaces of equal density" in text
    assert "learned to divide each among Gaussians" in text and "Three words to read" in text
    found = probed(capsys, run, str(test), "--train", str(data))
    assert 0 <= found["codes"]["linear SVM"] <= 1
    assert main(["sample", run, "--out", str(tmp_path / "x.npz")]) == 1
    assert "must be of a method that decodes codes, got parae" in capsys.readouterr().err
