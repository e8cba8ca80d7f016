"""An exported run: it says what the run says, without the library; or nothing is left."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import nebulatent
from apps.small_run import ANCHORS, IMAGES, LATENT, small_run
from nebulatent.apps.commands.export import Export
from nebulatent.apps.exports.export import export_run
from nebulatent.apps.exports.export_check import check_agreement, difference, worst
from nebulatent.apps.exports.export_folder import CARD, whole_folder
from nebulatent.apps.runs.runs import Run
from nebulatent.data.read import read
from nebulatent.methods.nvc import NVC

COMMAND = """
from pathlib import Path
from nebulatent.apps.commands.export import Export

Export(path=Path("run"), json=True).run()
"""


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """NVC-ML on vectors, exported by the command in a fresh interpreter; what that printed."""
    run = small_run(tmp_path_factory.mktemp("onnx"))
    command = [sys.executable, "-W", "error", "-c", COMMAND]
    done = subprocess.run(command, capture_output=True, text=True, cwd=run.path.parent)
    assert (done.returncode, done.stderr) == (0, "")
    return run, done.stdout


def session(run: Run, part: str) -> onnxruntime.InferenceSession:
    path = run.path / "onnx" / f"{part}.onnx"
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def card_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / CARD).read_text(encoding="utf-8"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def data(run: Run) -> np.ndarray:
    """The run's training data as they are stored."""
    return np.asarray(read(run.config.data.path).x)


def test_the_command_prints_one_json_object_and_nothing_else(onnx: tuple[Run, str]) -> None:
    run, printed = onnx
    result = json.loads(printed)
    assert result == {"out": str(Path("run/onnx")), "card": card_of(run.path / "onnx")}
    assert sorted(os.listdir(run.path / "onnx")) == ["decoder.onnx", "encoder.onnx", CARD]


def test_onnx_encoder_takes_raw_data_and_says_what_the_run_says(onnx: tuple[Run, str]) -> None:
    run, _ = onnx
    x = data(run)
    mean, logvar, probability, anchor = session(run, "encoder").run(None, {"x": x})
    posterior = run.model.encode(run.config.scaling.apply(torch.from_numpy(x)))
    torch.testing.assert_close(torch.from_numpy(mean), posterior.mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.from_numpy(logvar), posterior.logvar, rtol=1e-5, atol=1e-5)
    assert isinstance(run.model, NVC)
    anchors = run.model.latent_terms.anchors
    assert np.abs(probability - anchors.probabilities(posterior.mean).detach().numpy()).max() < 1e-5
    assert (anchor == anchors.assign(posterior.mean).numpy()).all()


def test_onnx_decoder_gives_raw_data(onnx: tuple[Run, str]) -> None:
    run, _ = onnx
    z = torch.randn(11, LATENT)
    (x,) = session(run, "decoder").run(None, {"z": z.numpy()})
    expected = run.config.scaling.invert(run.model.decode(z)).detach()
    torch.testing.assert_close(torch.from_numpy(x), expected, rtol=1e-5, atol=1e-5)


def test_the_card_describes_the_graphs_that_are_there(onnx: tuple[Run, str]) -> None:
    run, _ = onnx
    card = card_of(run.path / "onnx")
    for part in ("encoder", "decoder"):
        graph = session(run, part)
        for ports, described in (
            (graph.get_inputs(), card[part]["inputs"]),
            (graph.get_outputs(), card[part]["outputs"]),
        ):
            assert [port.name for port in ports] == [port["name"] for port in described]
            assert [port.shape for port in ports] == [port["shape"] for port in described]
            types = {"float32": "tensor(float)", "int64": "tensor(int64)"}
            assert [port.type for port in ports] == [types[port["type"]] for port in described]
        assert card[part]["largest_difference"].keys() == {p["name"] for p in card[part]["outputs"]}
        assert max(card[part]["largest_difference"].values()) <= card["check"]["tolerance"] == 1e-5


def test_the_card_holds_scaling_metrics_and_marked_labels(onnx: tuple[Run, str]) -> None:
    run, _ = onnx
    card = card_of(run.path / "onnx")
    for name in ("shift", "scale"):
        assert card["preprocessing"][name] == getattr(run.config.scaling, name).tolist()
    assert card["metrics_of_last_epoch"] == {"epoch": 1.0, "total": 7.5}
    assert card["versions"].keys() >= {"nebulatent", "torch", "onnx", "onnxruntime"}
    labels = card["anchor_labels"]
    assert labels["use"] == "from labels, for evaluation only"
    anchor = session(run, "encoder").run(["anchor"], {"x": data(run)})[0]
    table = read(run.config.data.path)
    assert table.label is not None and len(labels["of_each_anchor"]) == ANCHORS
    for number, row in enumerate(labels["of_each_anchor"]):
        counts = np.bincount(table.label[anchor == number], minlength=3)
        assert row["samples"] == counts.sum()
        if counts.sum():
            assert counts[table.label_names.index(row["label"])] == counts.max()
            assert row["share"] == counts.max() / counts.sum()


def test_nothing_of_this_machine_is_in_the_files(onnx: tuple[Run, str], tmp_path: Path) -> None:
    run, _ = onnx
    export_run(run, tmp_path / "out", "torch-export")
    homes = [Path(module.__file__ or "").parent for module in (nebulatent, torch)]
    for content in [*contents(run.path / "onnx").values(), *contents(tmp_path / "out").values()]:
        for place in (*homes, run.path.parent, Path.cwd()):
            assert str(place).encode() not in content


KINDS: list[dict[str, Any]] = [
    IMAGES,
    {"host": "cvae", "method": "cvae"},
    {"host": "ae", "method": "ae"},
    IMAGES | {"host": "ae", "method": "nvc", "encoder": "fc", "form": "released"},
    {"prior": "anchors", "supervised": True},
]


@pytest.mark.parametrize("changes", KINDS, ids=lambda changes: "-".join(map(str, changes.values())))
def test_a_program_of_torch_export_says_what_the_run_says(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    run = small_run(tmp_path, **changes)
    card = export_run(run, tmp_path / "out", "torch-export")
    x = torch.from_numpy(data(run)).float()
    found = loaded(tmp_path / "out/encoder.pt2")(x)
    posterior = run.model.encode(run.config.scaling.apply(x))
    torch.testing.assert_close(found["mean"], posterior.mean, rtol=1e-5, atol=1e-5)
    model = run.config.model
    assert ("logvar" in found) == (model.host != "ae")
    assert ("anchor" in found) == ("probability" in found) == model.has_anchors
    label = torch.arange(5) % 3 if model.host == "cvae" else None
    z = torch.randn(5, LATENT)
    decoder = loaded(tmp_path / "out/decoder.pt2")
    decoded = decoder(z) if label is None else decoder(z, label)
    expected = run.config.scaling.invert(run.model.decode(z, label))
    torch.testing.assert_close(decoded["x"], expected, rtol=1e-5, atol=1e-4)
    assert [port["name"] for port in card["encoder"]["outputs"]] == list(found)
    assert (card["classes"] == ["0", "1", "2"]) == model.uses_labels


def loaded(path: Path) -> Any:  # noqa: ANN401
    return torch.export.load(path).module()


class Jitter(nn.Module):
    """An encoder whose output is never the same: no export of it can agree."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        h = self.encoder(x)
        return h + torch.rand_like(h)


def test_a_graph_that_does_not_agree_leaves_nothing(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    run.model.autoencoder.encoder = Jitter(run.model.autoencoder.encoder)
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"exported encoder must agree with the run to 1e-05.*\.$"):
        export_run(run, tmp_path / "out", "torch-export")
    assert contents(tmp_path) == before


def test_an_export_is_replaced_only_if_asked_and_kept_if_the_new_one_fails(tmp_path: Path) -> None:
    run, out = small_run(tmp_path), tmp_path / "out"
    out.mkdir()  # an empty folder is as good as none
    export_run(run, out, "torch-export")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=r"existing export `.*`; pass --overwrite"):
        export_run(run, out, "torch-export")
    encoder = run.model.autoencoder.encoder
    run.model.autoencoder.encoder = Jitter(encoder)
    with pytest.raises(ValueError, match="must agree"):
        export_run(run, out, "torch-export", overwrite=True)
    assert contents(tmp_path) == before
    run.model.autoencoder.encoder = encoder
    (out / CARD).write_text("old")
    export_run(run, out, "torch-export", overwrite=True)
    assert card_of(out)["format"] == "torch-export"
    assert contents(tmp_path).keys() == before.keys()


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / CARD).write_text("old")
    with pytest.raises(FileNotFoundError), whole_folder(out) as part:
        part.rmdir()
    assert contents(tmp_path) == {str(out): b"", str(out / CARD): b"old"}


def test_places_that_cannot_be_used_are_refused_before_any_work(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    before = contents(tmp_path)
    for place, error, message in (
        ("file", FileExistsError, "be a folder, got the file"),
        ("full", FileExistsError, ".* with other files in it; choose another folder"),
        ("run", FileExistsError, ".* with other files in it; choose another folder"),
        ("a/b", FileNotFoundError, "lie in a folder that exists"),
    ):
        with pytest.raises(error, match=rf"^`--out` must {message}"):
            export_run(run, tmp_path / place, "torch-export", overwrite=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_a_sentence_with_the_remedy(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    run = small_run(tmp_path)
    with pytest.raises(ImportError, match=rf"package {package}, .* `pip install 'nebulatent\[exp"):
        Export(path=run.path).run()
    assert not (run.path / "onnx").exists()


def test_labels_of_anchors_are_left_out_when_the_data_have_changed_or_gone(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    path = Path(run.config.data.path)
    np.savez(path, x=data(run) + 1, y=np.arange(30) % 3)
    assert export_run(run, tmp_path / "changed", "torch-export")["anchor_labels"] is None
    path.unlink()
    assert export_run(run, tmp_path / "gone", "torch-export")["anchor_labels"] is None


def test_a_difference_is_relative_to_the_largest_value_but_at_least_the_unit() -> None:
    small, large = torch.tensor([[0.1, 0.2]]), torch.tensor([[0.1, 20.0]])
    assert difference(small + 0.1, small) == pytest.approx(0.1)
    assert difference(large + 0.1, large) == pytest.approx(0.005, rel=1e-4)
    per_feature = torch.tensor([0.01, 1.0])
    assert difference(large + 0.1, large, per_feature) == pytest.approx(1.0, rel=1e-4)


def test_not_a_number_is_not_agreement() -> None:
    measured = worst([{"mean": 1e-7}, {"mean": float("nan")}, {"mean": 1e-8}])
    with pytest.raises(ValueError, match="got a difference of nan in `mean`"):
        check_agreement("encoder", measured)
    check_agreement("encoder", worst([{"mean": 1e-7}, {"mean": 1e-5}]))
