"""Curves of probes: from the command line to tables, JSON and a picture, and fine-tuning."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from apps.small_run import small_run
from nebulatent.apps.assess import Evaluated
from nebulatent.apps.cli import main
from nebulatent.apps.fine_tuning import fine_tune
from nebulatent.apps.part_tuning import tune_parts
from nebulatent.apps.pictures.probe_curves import curve_panels
from nebulatent.apps.probing import probe_data
from nebulatent.apps.runs.runs import WEIGHTS, Run, load_run
from nebulatent.evaluation.levels import Curve, Level
from nebulatent.evaluation.robustness import CORRUPTIONS


def write_clouds(path: Path, seed: int, count: int = 24) -> Path:
    """Balls and discs."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.normal(size=(count, 20, 3))
    x[y == 1, :, 2] *= 0.05
    np.savez(path, x=x.astype(np.float32), y=np.array(["ball", "disc"])[y])
    return path


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clouds(tmp_path_factory.mktemp("data") / "train.npz", 0)


@pytest.fixture(scope="module")
def test(train: Path) -> Path:
    return write_clouds(train.parent / "test.npz", 1)


@pytest.fixture(scope="module")
def run(train: Path) -> Path:
    path = train.parent / "run"
    words = ["--method", "parae", "--epochs", "1", "--point-width", "0.0625"]
    assert main(["fit", str(train), "--out", str(path), *words]) == 0
    return path


def test_curves_are_printed_and_drawn(
    run: Path, train: Path, test: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(run), str(test), "--train", str(train), "--probe", "svm"]
    picture = tmp_path / "curves.png"
    asked = ["--robustness", "--out", str(picture), "--no-baselines"]
    capsys.readouterr()
    assert main([*words, *asked]) == 0
    out = capsys.readouterr().out
    for said in ("as they are", "turned about any axis", "degrees either way", "±"):
        assert said in out
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_curves_are_the_same_for_programs_and_stand_beside_their_baselines(
    run: Path, train: Path, test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(run), str(test), "--train", str(train), "--probe", "svm", "--json"]
    capsys.readouterr()
    assert main([*words, "--label-fractions"]) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = found["curves"].pop("labels")
    assert not found["curves"]
    assert kinds.keys() == {"codes", "untrained encoder", "D2 distribution"}
    *few, every = kinds["codes"]["levels"]
    assert every["mean"] == found["measures"]["linear SVM"]["value"]
    assert [level["at"] for level in few] == [0.01, 0.05, 0.1, 0.2, 0.5]
    assert all(len(level["values"]) == 5 for level in few)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--label-fractions"], "`--label-fractions` must go with --probe svm, fine-tune or parts"),
        (["--robustness"], "`--robustness` must go with --probe svm, got none"),
        (["--probe", "fine-tune", "--robustness"], "must go with --probe svm, got fine-tune"),
        (["--probe", "svm", "--out", "a.png"], "`--out` must go with --label-fractions or"),
        (["--probe", "svm", "--robustness", "--out", "a.pdf"], "`--out` must end in .png, got"),
        (["--probe", "fine-tune", "--steps", "0", "--train", "TRAIN"], "positive, got 3 and 0"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    run: Path,
    train: Path,
    test: Path,
    words: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [str(train) if word == "TRAIN" else word for word in words]
    assert main(["evaluate", str(run), str(test), *words]) == 1
    assert re.search(sentence, capsys.readouterr().err)


def test_only_clouds_can_be_corrupted_or_fine_tuned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_run(tmp_path).path
    known = dict(np.load(tmp_path / "data.npz"))
    np.savez(tmp_path / "few.npz", **{name: value[:20] for name, value in known.items()})
    words = [
        "evaluate",
        str(path),
        str(tmp_path / "data.npz"),
        "--train",
        str(tmp_path / "few.npz"),
    ]
    assert main([*words, "--probe", "svm", "--robustness"]) == 1
    assert "must be asked of clouds of points, got vectors" in capsys.readouterr().err
    assert main([*words, "--probe", "fine-tune"]) == 1
    assert "`RUN` must be of clouds of points to be fine-tuned" in capsys.readouterr().err


def test_fine_tuning_is_printed_beside_weights_as_drawn(
    run: Path, train: Path, test: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / WEIGHTS).read_bytes()
    words = ["evaluate", str(run), str(test), "--train", str(train), "--probe", "fine-tune"]
    capsys.readouterr()
    assert main([*words, "--steps", "1", "--label-fractions", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baselines"].keys() == {"weights as drawn"}
    assert found["curves"]["labels"].keys() == {"fine-tuned", "weights as drawn"}
    levels = found["curves"]["labels"]["fine-tuned"]["levels"]
    assert levels[-1]["mean"] == found["measures"]["accuracy"]["value"]
    assert all(len(level["values"]) == 3 for level in levels)
    assert (run / WEIGHTS).read_bytes() == before


def test_fine_tuning_leaves_the_run_alone_and_repeats(run: Path, train: Path, test: Path) -> None:
    loaded: Run = load_run(run)
    data: Evaluated = probe_data(loaded, str(test), "test", str(train))
    state = {name: value.clone() for name, value in loaded.model.state_dict().items()}
    first, again = (fine_tune(loaded, data, draws=1, steps=3) for _ in range(2))
    assert first == again
    assert first["fine-tuned"].levels[0].name == "100 % (24)"
    assert all((state[name] == value).all() for name, value in loaded.model.state_dict().items())


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mugs and pistols in ShapeNetPart's layout, their parts above and below."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    folder = tmp_path_factory.mktemp("parts")
    for seed, (name, count) in enumerate({"train": 24, "val": 2, "test": 6}.items()):
        (folder / f"{name}_hdf5_file_list.txt").write_text(f"{name}.h5\n")
        x = np.random.default_rng(seed).normal(size=(count, 20, 3)).astype(np.float32)
        mug = np.arange(count)[:, None] % 2 == 0
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["data"], file["label"] = x, np.where(mug, 11, 12).astype(np.uint8)
            file["pid"] = (np.where(mug, 36, 38) + (x[..., 2] > 0)).astype(np.uint8)
    return folder


def test_parts_are_learned_from_weights_of_a_run_beside_weights_as_drawn(
    run: Path, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(run), str(parts), "--probe", "parts", "--steps", "2", "--json"]
    capsys.readouterr()
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    values = {name: row["value"] for name, row in found["measures"].items()}
    assert found["baselines"].keys() == {"weights as drawn", "most frequent part"}
    assert values["class mIoU"] == pytest.approx((values["IoU Mug"] + values["IoU Pistol"]) / 2)
    assert "over 3 draws" in found["measures"]["instance mIoU"]["convention"]
    assert (
        found["baselines"]["weights as drawn"]["instance mIoU"]["value"] != values["instance mIoU"]
    )


def test_parts_are_asked_of_clouds_that_have_them(
    run: Path, parts: Path, train: Path, test: Path
) -> None:
    loaded = load_run(run)
    with pytest.raises(ValueError, match=r"`--train` must be clouds with categories and parts"):
        tune_parts(loaded, probe_data(loaded, str(test), "test", str(train)))
    data, before = probe_data(loaded, str(parts), "test", None), (run / WEIGHTS).read_bytes()
    assert data.reference is not None and data.reference.point_labels is not None
    other = data.reference.point_labels._replace(names=data.reference.point_labels.names[::-1])
    with pytest.raises(ValueError, match=r"`--train` must have the parts of DATA, got 50 names"):
        tune_parts(loaded, data._replace(reference=data.reference._replace(point_labels=other)))
    first, again = (
        tune_parts(loaded, data, fractions=(0.1, 1.0), draws=1, steps=1, baselines=False)
        for _ in range(2)
    )
    assert first == again and (run / WEIGHTS).read_bytes() == before
    assert [level.name for level in first.curves["fine-tuned"].levels] == ["10 % (2)", "100 % (26)"]


def test_a_panel_has_a_line_with_bars_for_each_kind_of_features() -> None:
    def curve(name: str, shift: float) -> Curve:
        levels = [Level(at, f"{at:g}", (0.5 + shift, 0.7 + shift)) for at in (0.0, 0.1, 0.2)]
        return Curve(name, "shares", "How.", tuple(levels))

    kinds = {"codes": 0.0, "raw data": -0.2}
    scales = {
        scale: {kind: curve(scale, shift) for kind, shift in kinds.items()} for scale in "abcd"
    }
    figure = curve_panels(scales)
    drawn = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in drawn] == list("abcd")
    line, other = (part.lines[0] for part in drawn[1].containers)
    assert np.allclose(line.get_ydata(), 0.6) and np.allclose(other.get_ydata(), 0.4)
    bars = drawn[1].containers[0].lines[2][0].get_segments()
    assert np.allclose(np.ptp(bars[0], axis=0), [0, 2 * np.std([0.5, 0.7], ddof=1)])
    with pytest.raises(ValueError, match="at least one scale, got none"):
        curve_panels({})


def test_every_corruption_has_another_name() -> None:
    names = [corruption.name for corruption in CORRUPTIONS]
    assert len({*names, "labels"}) == len(names) + 1


def test_a_probe_is_not_tested_on_what_it_learned_from(run: Path, train: Path, test: Path) -> None:
    loaded = load_run(run)
    with pytest.raises(ValueError, match="`--split` must be test for a probe"):
        probe_data(loaded, "builtin:shapes", "all", None)
    assert probe_data(loaded, str(test), "all", str(train)).reference is not None
