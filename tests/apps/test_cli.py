"""The command line as a person meets it: what it leaves behind, what it says, how it ends."""

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nebulatent.apps.cli import main

COMMANDS = (
    "fit",
    "embed",
    "evaluate",
    "sample",
    "search",
    "walk",
    "combine",
    "complete",
    "report",
    "inspect",
    "export",
    "push",
    "demo",
    "reproduce",
    "results",
    "prepare",
)


METRICS = ("metrics.csv", "metrics.jsonl")
FILES = {"config.json", *METRICS, "report.html", "weights.safetensors"}


@pytest.fixture
def place(tmp_path: Path, blobs: Path, blobs_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the blobs, a run on them, and every kind of bad data."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(blobs, "blobs.csv")
    shutil.copytree(blobs_run, "run")
    make_bad_data()
    return tmp_path


def make_bad_data() -> None:
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    Path("file").write_text("not a folder")
    Path("empty.csv").write_text("")
    Path("one.csv").write_text("a,b\n1,2\n")
    Path("nan.csv").write_text("a,b\n1,2\nnan,3\n4,5\n")
    np.savez("four.npz", x=x)
    np.savez("infinite.npz", x=np.where(x > 0, np.inf, x))
    np.savez("constant.npz", x=np.ones_like(x))
    np.savez("labels.npz", x=x, y=np.arange(11))
    np.savez("pickle.npz", x=np.array([{}] * 12, dtype=object))
    Path("cut.npz").write_bytes(Path("four.npz").read_bytes()[:200])
    images = b"\0\0\x08\x03" + np.array([20, 8, 8], ">u4").tobytes() + bytes(100)
    Path("idx").mkdir()
    Path("idx/train-images-idx3-ubyte").write_bytes(images)
    Path("pictures").mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray((x * 50).astype(np.uint8)).save(f"pictures/{name}")
    Path("pictures/b.png").write_bytes(Path("pictures/b.png").read_bytes()[:60])
    Path("foreign").mkdir()
    Path("foreign/config.json").write_text("{}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


BAD_INPUT = [
    ("fit missing.csv --out new", "`missing.csv` must be a file or folder, got nothing"),
    ("fit empty.csv --out new", "`empty.csv` must hold samples, got an empty file"),
    ("fit one.csv --out new", "must hold at least 2 samples to train on, got 1"),
    ("fit nan.csv --out new", "got 1 value of NaN or infinity, the first in row 1"),
    ("fit infinite.npz --out new", "values of NaN or infinity, the first in row 0"),
    ("fit constant.npz --out new", "must hold samples that differ, got 12 that are all the same"),
    ("fit labels.npz --out new", "labels in `labels.npz` must be one per sample (12), got 11"),
    ("fit pickle.npz --out new", "got Python objects (a pickle), which are refused and never"),
    ("fit cut.npz --out new", "must be a complete .npz file, got one that is truncated"),
    ("fit idx --out new", "must hold the 1296 bytes its header claims, got 116"),
    ("fit pictures --out new", "`pictures/b.png` must be a complete picture, got one that is"),
    ("fit four.npz --out new --num-anchors 13", "must not exceed the number of samples, got 13"),
    ("fit four.npz --out new --num-anchors 0", "`num_anchors` must be at least 1, got 0"),
    ("fit four.npz --out new --latent-dim 0", "`latent_dim` must be at least 1, got 0"),
    ("fit four.npz --out new --epochs 0", "`epochs` must be at least 1, got 0"),
    ("fit four.npz --out new --batch-size 1", "`batch_size` must be at least 3, got 1"),
    ("fit four.npz --out new --pair-weight -1", "`pair_weight` must be 0 or more, got -1.0"),
    ("fit four.npz --out new --encoder conv", "`encoder` must be fc for vectors, got conv"),
    ("fit four.npz --out new --method cvae", "`cvae` must have labelled data"),
    ("fit four.npz --out new --image-size 8", "`image_size` must be left out for `four.npz`"),
    ("fit blobs.csv --out new --supervised --num-anchors 2", "number of classes (3) when supervis"),
    (
        "fit four.npz --out new --lr 1e30 --batch-size 4",
        "got reconstruction and kl = nan or inf at step 1",
    ),
    ("fit four.npz --out new/deep --latent-dim 1000000000", "must fit in this machine's memory"),
    ("fit four.npz", "`fit` must be given DATA and --out RUN, or --resume RUN"),
    ("fit four.npz --out file", "`--out` must be a folder, got the file `file`"),
    ("fit four.npz --out file/run", "`file/run` could not be used: Not a directory"),
    ("fit four.npz --out /proc/none/run", "`/proc/none` could not be used: No such file"),
    ("fit four.npz --out run", "got the existing run `run`; pass --overwrite to replace it"),
    ("fit four.npz --out foreign --overwrite", "`foreign` with other files in it; choose another"),
    ("fit --resume run", "`--resume` must name an unfinished run, got `run`, which is complete"),
    ("fit --resume nowhere", "`RUN` must be a folder written by `nebulatent fit`, got `nowhere`"),
    (
        "fit --resume run --epochs 9 --save-steps 2",
        "`--resume` must go on as `run` began, got --epochs, --save-steps beside it; leave out",
    ),
    ("fit blobs.csv --resume run", "`--resume` must stand alone, got DATA or --out beside it"),
    ("embed run four.npz --out c.npz", "must hold vectors of 5 numbers like the training data"),
    ("embed run blobs.csv --out c.txt", "`--out` must end in .npz or .csv or .parquet"),
    ("embed run blobs.csv --out no/c.npz", "must lie in a folder that exists, got `no/c.npz`"),
    ("embed run blobs.csv --out file/c.npz", "must lie in a folder that exists"),
    ("embed run blobs.csv --out /proc/c.npz", "`/proc/c.npz` could not be used: No such file"),
    ("embed file blobs.csv --out c.npz", "got `file` without config.json"),
    ("embed foreign blobs.csv --out c.npz", "`foreign/config.json` must be a config that this"),
    ("evaluate run four.npz", "must hold vectors of 5 numbers like the training data"),
    ("evaluate run digits --json", "got images of 1×8×8"),
    ("sample run --out s.png", "`--out` must end in .npz for vectors, got a picture's name"),
    ("sample run --out s.gif", "`--out` must end in .png or .npz, got `s.gif`"),
    ("sample run --out s.npz --anchor 10", "`--anchor` must lie in 0..9, got 10"),
    ("sample run --out s.npz --anchor 1 --origin prior", "must go with --origin aggregate"),
    ("sample run --out s.npz --count 0", "`--count` must be at least 1, got 0"),
    ("sample run --out s.npz --label 1", "`--label` must go with a conditional model"),
    ("sample run --out no/s.npz", "must lie in a folder that exists, got `no/s.npz`"),
    ("report nowhere", "got `nowhere` without config.json"),
    ("inspect nowhere", "got `nowhere` without config.json"),
    ("inspect foreign", "`foreign/config.json` must be a config that this"),
    ("fit blobs.csv --out new --devices 0", "`devices` must be at least 1, got 0"),
    ("fit blobs.csv --out new --hold-out 0.9", "`hold_out` must lie in 0..0.5, got 0.9"),
    ("fit blobs.csv --out new --save-minutes 0", "`save_minutes` must be positive, got 0.0"),
    ("fit blobs.csv --out new --ema 2", "`ema` must lie between 0 and 1, got 2.0"),
    ("report run --data four.npz", "must hold vectors of 5 numbers like the training data"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD_INPUT)
def test_bad_input_ends_in_one_sentence_and_leaves_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    before = contents(place)
    assert main(shlex.split(line)) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("nebulatent: ")
    assert said.endswith(".")
    assert sentence in said
    after = contents(place)
    after.pop(str(place / "new"), None)  # the parent of a run is created, and may stay
    assert after == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit four.npz --out new --epochs two", "must be a whole number, got 'two'"),
        ("fit four.npz --out new --method gan", "invalid choice 'gan'"),
        ("fit four.npz --out new --beta much", "must be a number, got 'much'"),
        ("fit four.npz --out new --nonsense 1", "Unrecognized options: --nonsense"),
        ("embed run four.npz", "--out"),
        ("", f"Expected one of {{{', '.join(COMMANDS)}}}"),
    ],
)
def test_a_line_that_cannot_be_parsed_exits_with_2(
    place: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(line))
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert said in " ".join(printed.err.split())
    assert printed.out == ""
    assert not (place / "new").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert f"Example: nebulatent {command}" in " ".join(printed.split())
    assert "None" not in printed


@pytest.mark.parametrize("damaged", ["config.json", "weights.safetensors"])
@pytest.mark.parametrize(
    "line",
    [
        "embed run blobs.csv --out c.npz",
        "evaluate run blobs.csv",
        "sample run --out s.npz",
        "report run",
    ],
)
def test_a_damaged_run_is_refused_by_every_command(
    place: Path, capsys: pytest.CaptureFixture[str], line: str, damaged: str
) -> None:
    file = place / "run" / damaged
    file.write_bytes(file.read_bytes()[:100])
    before = contents(place)
    assert main(shlex.split(line)) == 1
    assert f"nebulatent: `run/{damaged}` must be" in capsys.readouterr().err
    assert contents(place) == before


def test_a_run_without_weights_names_the_command_that_finishes_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "run" / "weights.safetensors").unlink()
    assert main(["report", "run"]) == 1
    assert "finish it with `nebulatent fit --resume run`" in capsys.readouterr().err
    assert main(["fit", "--resume", "run"]) == 0
    assert {path.name for path in Path("run").iterdir()} == FILES


def test_fit_says_what_it_found_and_chose_and_leaves_a_run(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "blobs.csv", "--out", "new/run", "--epochs", "2", "--seed", "0"]) == 0
    printed = capsys.readouterr().out
    for said in ("60 vectors of 5 numbers, 3 labels", "encoder: fully", "anchors: 10", "ACC ↑ *"):
        assert said in printed
    assert {path.name for path in Path("new/run").iterdir()} == FILES
    for name in ("weights.safetensors", "metrics.jsonl"):
        assert Path("new/run", name).read_bytes() == Path("run", name).read_bytes()


def test_overwrite_replaces_the_run_and_keeps_other_files(place: Path) -> None:
    Path("run/notes.txt").write_text("mine")
    before = Path("run/weights.safetensors").read_bytes()
    assert main(shlex.split("fit blobs.csv --out run --overwrite --epochs 1 --method ae")) == 0
    assert Path("run/weights.safetensors").read_bytes() != before
    assert Path("run/notes.txt").read_text() == "mine"


def test_a_failure_keeps_a_folder_that_was_there(place: Path) -> None:
    Path("mine").mkdir()
    assert main(shlex.split("fit four.npz --out mine --lr 1e30 --batch-size 4")) == 1
    assert list(Path("mine").iterdir()) == []


def test_a_run_that_diverges_later_can_still_be_used(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "fit blobs.csv --out new --epochs 3 --nebula-weight 1e38"
    assert main(shlex.split(line)) == 1
    assert "at step 1 in epoch 1; the weights after epoch 0 are kept" in capsys.readouterr().err
    assert main(shlex.split("embed new blobs.csv --out c.npz")) == 0


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_embed_keeps_order_and_ids(place: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="writing .parquet needs pyarrow")
    header, *rows = Path("blobs.csv").read_text().splitlines()
    shuffled = [rows[i] for i in np.random.default_rng(1).permutation(60)]
    Path("shuffled.csv").write_text("\n".join([header, *shuffled]) + "\n")
    assert main(["embed", "run", "blobs.csv", "--out", "whole.npz"]) == 0
    assert main(["embed", "run", "shuffled.csv", "--out", f"codes{suffix}"]) == 0
    ids, codes, anchor, probability = read_codes(Path(f"codes{suffix}"))
    assert ids == [row.split(",")[0] for row in shuffled]
    with np.load("whole.npz") as whole:
        order = [whole["ids"].tolist().index(name) for name in ids]
        np.testing.assert_allclose(codes, whole["codes"][order], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(anchor, probability.argmax(1))


def read_codes(path: Path) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    if path.suffix == ".npz":
        with np.load(path) as file:
            return file["ids"].tolist(), file["codes"], file["anchor"], file["probability"]
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            columns = dict(zip(*transposed(list(csv.reader(file))), strict=True))
    else:
        from pyarrow import parquet

        columns = parquet.read_table(path).to_pydict()
    numbers = {key: np.array(column, float) for key, column in columns.items() if key != "id"}
    codes = np.stack([numbers[f"z{i}"] for i in range(5)], 1)
    probability = np.stack([numbers[f"p{i}"] for i in range(10)], 1)
    return list(columns["id"]), codes, numbers["anchor"].astype(int), probability


def transposed(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    head, *body = rows
    return head, [list(column) for column in zip(*body, strict=True)]


@pytest.mark.parametrize(
    "line",
    [
        "fit blobs.csv --out new --epochs 1 --json",
        "embed run blobs.csv --out c.npz --json",
        "evaluate run blobs.csv --json",
        "sample run --out s.npz --json",
        "report run --json",
        "inspect run --json",
    ],
)
def test_json_is_the_only_output(
    place: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert main(shlex.split(line)) == 0
    printed = capsys.readouterr()
    assert isinstance(json.loads(printed.out, parse_constant=pytest.fail), dict)
    assert printed.err == ""


def test_evaluate_prints_the_numbers_of_its_json(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "run", "blobs.csv", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["num_samples"] == 60
    assert set(measured["baselines"]) == {"untrained encoder", "raw data"}
    assert main(["evaluate", "run", "blobs.csv"]) == 0
    table = capsys.readouterr().out
    assert f"{measured['measures']['ACC']['value']:.4g}" in table
    assert "uses labels" in table


def test_a_measure_that_cannot_be_computed_is_not_an_error(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Path("blobs.csv").read_text().splitlines()
    Path("single.csv").write_text("\n".join(lines[:2]) + "\n")
    assert main(["evaluate", "run", "single.csv"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "single.csv", "--json"]) == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


def test_samples_are_in_the_units_of_the_data_and_repeatable(place: Path) -> None:
    for name in ("a", "b"):
        assert main(shlex.split(f"sample run --count 200 --out {name}.npz")) == 0
    with np.load("a.npz") as a, np.load("b.npz") as b:
        np.testing.assert_array_equal(a["x"], b["x"])
        assert a["x"].shape == (200, 5)
        low, high = raw_range()
        assert (a["x"].mean(0) > low).all()
        assert (a["x"].mean(0) < high).all()


def raw_range() -> tuple[np.ndarray, np.ndarray]:
    rows = [line.split(",")[1:6] for line in Path("blobs.csv").read_text().splitlines()[1:]]
    x = np.array(rows, float)
    return x.min(0), x.max(0)


def test_pictures_are_sampled_as_a_grid_and_as_an_array_of_the_same_layout(place: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 6, 8, 3), dtype=np.uint8)
    np.savez("colour.npz", x=x)
    line = "fit colour.npz --out new --epochs 1 --method vae"
    assert main(shlex.split(line)) == 0
    assert main(shlex.split("sample new --count 5 --out s.png")) == 0
    assert main(shlex.split("sample new --count 5 --out s.npz")) == 0
    with Image.open("s.png") as picture:
        assert picture.mode == "RGB"
        assert picture.width > picture.height  # 3 columns, 2 rows
    with np.load("s.npz") as file:
        assert file["x"].shape == (5, 6, 8, 3)
        assert 1 < file["x"].max() <= 255


def test_a_model_without_anchors_has_none_to_sample_from(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split("fit blobs.csv --out new --epochs 1 --method vae")) == 0
    assert main(shlex.split("sample new --anchor 0 --out s.npz")) == 1
    assert "`--anchor` must go with a method that has anchors, got vae" in capsys.readouterr().err
    assert main(shlex.split("embed new blobs.csv --out c.csv")) == 0
    assert Path("c.csv").read_text().splitlines()[0] == "id,z0,z1,z2,z3,z4"


@pytest.mark.parametrize("options", ["--host ae --form released", "--form literal --lr 0.5"])
def test_other_readings_of_the_method_train_and_warn_in_a_sentence(
    place: Path, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(shlex.split(f"fit blobs.csv --out new --epochs 2 {options}")) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" in line.lower()]
    assert all(line.startswith("nebulatent: warning: ") for line in said)
    assert bool(said) == ("literal" in options)


def test_ctrl_c_keeps_the_last_step_and_says_how_to_go_on(place: Path) -> None:
    script = "import sys; from nebulatent.apps.cli import main; sys.exit(main(sys.argv[1:]))"
    line = "fit blobs.csv --out new --epochs 300"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *shlex.split(line)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not Path("new/metrics.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].splitlines()[-1]
    assert process.returncode == 130
    assert said.endswith("Go on with: nebulatent fit --resume new")
    assert sorted(os.listdir("new")) == ["checkpoints", "config.json", *METRICS]
    assert main(["inspect", "new"]) == 0


def test_changed_data_are_refused_when_a_run_goes_on(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run/weights.safetensors").unlink()
    config = json.loads(Path("run/config.json").read_text())
    config["data"]["path"] = "four.npz"
    Path("run/config.json").write_text(json.dumps(config))
    before = contents(place)
    assert main(["fit", "--resume", "run"]) == 1
    assert "`DATA` must be what run `run` began with" in capsys.readouterr().err
    assert contents(place) == before


def test_a_demo_that_fails_leaves_no_empty_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nebulatent.apps.demo_run.fit_run", fail)
    assert main(shlex.split("demo --out demo --epochs 1 --seeds 1")) == 130
    assert not Path("demo/vae-seed0").exists()


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = "import sys; from nebulatent.apps.cli import main; sys.exit(main(['fit', '--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
