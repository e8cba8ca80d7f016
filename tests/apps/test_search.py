"""Retrieval: the right answers, an index that is kept and never believed when it is out of date."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from apps.latent_runs import cloud_run
from apps.small_run import IMAGES, small_run
from nebulatent.apps import collection, searching
from nebulatent.apps.cli import main
from nebulatent.apps.runs.runs import Run
from nebulatent.apps.searching import CodeIndex, nearest_samples
from nebulatent.data.read import read
from nebulatent.evaluation.encode import encode
from nebulatent.training.tensor_files import save_tensors

SEARCH = "search run --json --like"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("vectors")
    small_run(place)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own with a run on vectors; `run` and `data.npz`."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run/config.json").write_text(
        (made / "run/config.json").read_text().replace(str(made), ".")
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(line: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, float]]:
    """Ids and distances that a command answers."""
    capsys.readouterr()
    assert main(line.split()) == 0
    found = json.loads(capsys.readouterr().out)["neighbours"]
    return [(one["id"], one["distance"]) for one in found]


def refused(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(line.split()) == 1
    return capsys.readouterr().err.splitlines()[-1]


class Spy:
    """What was called in place of a function, which goes on working."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
        self.calls, own = 0, getattr(module, name)

        def spied(*args: object) -> object:
            self.calls += 1
            return own(*args)

        monkeypatch.setattr(module, name, spied)


def test_answers_are_the_nearest_codes_and_never_the_sample_itself(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["embed", "run", "data.npz", "--out", "codes.npz"]) == 0
    codes = np.load("codes.npz")["codes"].astype(float)
    expected = sorted(
        (float(np.linalg.norm(z - codes[4])), i) for i, z in enumerate(codes) if i != 4
    )
    found = asked(f"{SEARCH} 4 --count 7", capsys)
    assert [name for name, _ in found] == [str(i) for _, i in expected[:7]]
    assert [far for _, far in found] == pytest.approx([far for far, _ in expected[:7]], abs=1e-5)
    assert len(asked(f"{SEARCH} 4 --count 1000", capsys)) == 29


def test_a_file_and_a_sample_of_other_data_are_looked_for(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.load("data.npz")["x"]
    np.savez("one.npz", x=x[4:5])
    np.savez("two.npz", x=x[3:5])
    for like in ("one.npz", "two.npz:1", "data.npz:4"):
        (own, far), *others = asked(f"{SEARCH} {like}", capsys)
        assert own == "4" and far == pytest.approx(0, abs=1e-5)
        assert others == [
            (name, pytest.approx(far, abs=1e-5))
            for name, far in asked(f"{SEARCH} 4 --count 7", capsys)
        ]
    assert [name for name, _ in asked(f"{SEARCH} 1 --among two.npz", capsys)] == ["0"]


def test_of_equally_near_ones_the_first_comes_first() -> None:
    index = CodeIndex([*"abcd"], torch.tensor([[1.0], [-1.0], [1.0], [0.0]]))
    found = nearest_samples(index, torch.zeros(1), 3)
    assert [(one.id, one.row) for one in found] == [("d", 3), ("a", 0), ("b", 1)]
    with pytest.raises(ValueError, match="`count` must be at least 1, got 0"):
        nearest_samples(index, torch.zeros(1), 0)


def test_a_sample_is_at_distance_nothing_from_itself_however_far_codes_lie() -> None:
    codes = 1e4 + torch.randn(70_000, 3)  # more than the direct kernel takes
    found = nearest_samples(CodeIndex(range(70_000), codes), codes[77], 2)  # pyright: ignore[reportArgumentType]
    assert found[0].row == 77
    assert found[0].distance < 1e-3 < found[1].distance


def test_the_second_search_reads_and_encodes_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(f"{SEARCH} 4", capsys)
    reads, encodes = (
        Spy(monkeypatch, collection, "read_like"),
        Spy(monkeypatch, searching, "encode"),
    )
    assert asked(f"{SEARCH} 4", capsys) == first
    assert (reads.calls, encodes.calls) == (0, 0)
    assert asked(f"{SEARCH} 4 --split train", capsys) == first  # another part, another index
    assert (reads.calls, encodes.calls) == (1, 1)


def test_a_touched_file_is_read_and_not_encoded_a_changed_one_is_both(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(f"{SEARCH} 4", capsys)
    encodes = Spy(monkeypatch, searching, "encode")
    os.utime("data.npz", ns=(1, 1))
    assert asked(f"{SEARCH} 4", capsys) == first
    assert encodes.calls == 0
    x = np.load("data.npz")["x"]
    np.savez("data.npz", x=x[::-1])
    assert asked(f"{SEARCH} 25", capsys) == [
        (str(29 - int(name)), pytest.approx(far, abs=1e-5)) for name, far in first
    ]
    assert encodes.calls == 1
    assert len(list(Path("run/search").iterdir())) == 1  # the old index is gone


def test_other_weights_make_another_index(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = asked(f"{SEARCH} 4", capsys)
    other = place / "other"
    other.mkdir()
    small_run(other, nebula_weight=2.0, widths=(9, 6))
    for name in ("config.json", "weights.safetensors"):
        shutil.copy(other / "run" / name, f"run/{name}")
    encodes = Spy(monkeypatch, searching, "encode")
    assert asked(f"{SEARCH} 4 --among data.npz", capsys) != first
    assert encodes.calls == 1


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "foreign"])
def test_a_damaged_index_is_made_anew(
    place: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    first = asked(f"{SEARCH} 4", capsys)
    (index,) = Path("run/search").iterdir()
    whole = index.read_bytes()
    if damage == "foreign":
        save_tensors(index, {"codes": torch.zeros(30, 3)}, {"maker": 3})
    else:
        index.write_bytes({"garbage": b"\xff" * 300, "cut": whole[:-9], "empty": b""}[damage])
    assert asked(f"{SEARCH} 4", capsys) == first
    assert index.read_bytes() == whole


@pytest.mark.filterwarnings("always")
def test_a_run_that_cannot_be_written_is_searched_all_the_same(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("run/search").write_text("in the way")
    capsys.readouterr()
    assert main(f"{SEARCH} 4".split()) == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)["neighbours"]) == 8
    assert "warning: The codes could not be kept in `run/search/" in said.err


def test_bad_requests_end_in_one_sentence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez("twice.npz", x=np.load("data.npz")["x"][:3], ids=np.array(["a", "a", "b"]))
    wanted = "must be a file, DATA:ID, or an id of"
    sentences = {
        f"{SEARCH} nobody": f"`nobody` {wanted} `./data.npz` such as `0`",
        f"{SEARCH} 30": f"`30` {wanted}",
        f"{SEARCH} data.npz": "`data.npz` must hold one sample, got 30; name one of them, such as "
        "`data.npz:0`",
        f"{SEARCH} data.npz:30": f"`30` {wanted} `data.npz` such as `0`",
        f"{SEARCH} digits:0": "must hold vectors of 5 numbers like the training data",
        f"{SEARCH} a --among twice.npz": "`a` must be one sample of `twice.npz`, got an id that 2",
        f"{SEARCH} 4 --count 0": "`--count` must be at least 1, got 0",
        f"{SEARCH} 4 --out s.gif": "`--out` must end in .png, got `s.gif`",
        f"{SEARCH} 4 --out s.png": "`--out` must be left out for vectors, which have no picture",
        f"{SEARCH} 4 --among none.npz": "`none.npz` must be a file or folder, got nothing of that",
    }
    for line, sentence in sentences.items():
        assert sentence in refused(line, capsys)
    assert not Path("s.png").exists()


def drawn_like(run: Run, like: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, float]]:
    """Search with a picture, which is looked at as far as a test can."""
    out = run.path.parent / "found.png"
    found = asked(f"search {run.path} --json --like {like} --count 10 --out {out}", capsys)
    with Image.open(out) as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 10
    return found


def test_images_are_found_by_a_picture_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = small_run(tmp_path, **IMAGES)
    x = np.load(tmp_path / "data.npz")["x"]
    Image.fromarray(x[4]).save(tmp_path / "four.png")
    (own, far), *_ = drawn_like(run, str(tmp_path / "four.png"), capsys)
    assert own == "4" and far == pytest.approx(0, abs=1e-5)
    Image.fromarray(x[4]).resize((9, 9)).save(tmp_path / "large.png")
    said = refused(f"search {run.path} --like {tmp_path}/large.png", capsys)
    assert "6×5" in said and "9×9" in said


def test_clouds_are_found_among_codes_that_cannot_be_decoded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = cloud_run(tmp_path, "parae")
    x = read(tmp_path / "data.npz").x[:]
    np.savetxt(tmp_path / "four.xyz", x[4])
    (own, far), *others = drawn_like(run, str(tmp_path / "four.xyz"), capsys)
    assert own == "4" and far < others[0][1] / 10
    with torch.no_grad():
        codes = encode(run.model, torch.from_numpy(x), run.config.scaling.apply)
    expected = (codes.mean - codes.mean[4]).norm(dim=1).argsort()[1:4].tolist()
    found = asked(f"search {run.path} --json --like 4 --count 3", capsys)
    assert [int(name) for name, _ in found] == expected
