"""Grids and pictures of shapes: their plan, their batches, every command on a run of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.shape_folder import PIXELS, SIDE, VIEWS, write_shapes
from apps.stopper import Stop, Stopper
from nebulatent.apps.cli import main
from nebulatent.apps.fitting.train import Source, start_run, train
from nebulatent.apps.planning.build import build, find_anchors
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.engine import EngineConfig
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.runs.forms import in_form
from nebulatent.apps.runs.inputs import pictures_of
from nebulatent.apps.runs.run_batches import training_batches
from nebulatent.apps.runs.runs import Run, load_config, load_run
from nebulatent.backbones.resnet import ResNet18
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table
from nebulatent.evaluation.voxels import agreement, iou
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE

SMALL: dict[str, Any] = {"voxel_width": 0.125, "epochs": 2, "latent_dim": 4, "batch_size": 8}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    np.save(folder.parent / "grids.npy", np.random.default_rng(0).integers(0, 2, (9, 12, 12, 12)))
    return write_shapes(folder)


@pytest.fixture(scope="module")
def table(data: Path) -> Table:
    return read(data, views=None)


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    path = data.parent / "switched"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    assert main(["fit", str(data), "--method", "switch-vae", "--out", str(path), *options]) == 0
    return path


def started(path: Path, table: Table, *, held: float = 0.0, steps: int = 0, **own: Any) -> Path:  # noqa: ANN401
    chosen = plan(table, fit_scaling(table), Choices(**{**SMALL, **own}))
    source, engine = Source(path="shapes"), EngineConfig(hold_out=held, save_steps=steps or None)
    start_run(path, table, source, fit_scaling(table), chosen, engine=engine, overwrite=False)
    return path


def trained(path: Path, table: Table, **own: Any) -> Run:  # noqa: ANN401
    train(started(path, table, **own), table)
    return load_run(path)


def planned(table: Table, **own: Any) -> Any:  # noqa: ANN401
    return plan(table, fit_scaling(table), Choices(**{"method": "switch-vae", **own}))


def test_pictures_follow_from_their_size_and_weights_from_the_grids(table: Table) -> None:
    chosen = planned(table)
    views, factor = chosen.model.views, (SIDE / 32) ** 3
    assert (views.shape, views.encoder) == ((VIEWS, 3, 32, 32), "conv")
    assert (views.widths, views.aggregate, views.share) == ((16, 32, 64, 256), "gru", 0.2)
    assert views.switch == "batch" and views.contrastive_weight == pytest.approx(factor)
    said = "\n".join(chosen.reasons)
    for words in ("2 of 32×32", "in 20 % of them", "(lambda): 0.0527", "never read"):
        assert words in said
    large = table._replace(views=np.zeros((len(table.x), 1, 3, 64, 64), np.uint8))
    assert planned(large).model.views.encoder == "resnet18"
    own = {"view_share": 0.5, "switch": "epoch", "contrastive_weight": 3.0, "stop_gradient": True}
    views = planned(table, **own, total_correlation_weight=4.0, aggregate="max").model.views
    assert (views.share, views.switch, views.contrastive_weight) == (0.5, "epoch", 3.0)
    assert (views.stop_gradient, views.total_correlation_weight) == (True, 4.0)


@pytest.mark.parametrize(
    "own",
    [
        {"view_encoder": "resnet18", "aggregate": "mean"},
        {"method": "nvc-ml", "host": "switch-vae", "num_anchors": 2},
        {"encoder": "fc", "method": "image-vae"},
    ],
)
def test_what_can_be_asked_for_is_built_again_from_its_config(
    own: dict[str, Any], table: Table, tmp_path: Path
) -> None:
    path = started(tmp_path / "run", table, **{"method": "switch-vae", **own})
    config = load_config(path).model
    model = build(config, 0).eval()
    grids, views = torch.from_numpy(table.x[:2]).float(), torch.from_numpy(pictures_of(table)[:2])
    if isinstance(model, SwitchVAE):
        assert model.branch("views").encode(views).mean.shape == (2, 4)
        assert (find_anchors(model) is not None) == (own.get("method") == "nvc-ml")
        assert model.encode(grids).mean.shape == (2, 4)
    else:
        assert isinstance(model, VAE) and model.encode(views).mean.shape == (2, 4)
    assert model.decode(torch.zeros(2, 4)).shape == (2, 1, SIDE, SIDE, SIDE)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"view_share": 1.5}, r"`view_share` must lie in 0\.\.1, got 1\.5"),
        ({"contrastive_weight": -1.0}, "`contrastive_weight` must be 0 or more, got -1"),
        ({"method": "vae", "view_share": 0.5}, "`view_share` must go with switch-vae, got 0.5 and"),
        ({"method": "image-vae", "switch": "epoch"}, "`switch` must go with switch-vae, got epoch"),
        ({"view_weights": Path("a.pth")}, r"`view_weights` must go with resnet18, got a\.pth and"),
        ({"method": "vae", "view_weights": Path("a")}, "`view_weights` must go with switch-vae or"),
        ({"method": "nvc", "aggregate": "max"}, "`aggregate` must go with switch-vae or image-vae"),
        ({"method": "nvc", "host": "switch-vae", "prior": "anchors"}, "switch-vae must go with"),
    ],
)
def test_what_does_not_go_together_is_refused(own: dict[str, Any], said: str, table: Table) -> None:
    with pytest.raises(ValueError, match=said):
        planned(table, **own)


def test_grids_alone_are_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="`method` switch-vae must have pictures of shapes"):
        planned(read(data))
    out = str(data.parent / "none")
    assert main(["fit", str(data.parent / "grids.npy"), "--method=image-vae", "--out", out]) == 1
    said = capsys.readouterr().err
    assert "must have pictures of shapes beside their grids" in said and "prepare" in said
    assert main(["fit", str(data), "--method=vae", "--views=2", "--out", out]) == 1
    assert "`--views` must go with switch-vae or image-vae, got 2" in capsys.readouterr().err
    assert not Path(out).exists()


@pytest.mark.parametrize("method", ["switch-vae", "image-vae"])
def test_batches_hold_both_forms_of_the_same_shapes(
    method: str, table: Table, tmp_path: Path
) -> None:
    config = load_config(started(tmp_path / "run", table, method=method, held=0.25))
    kept, held = training_batches(config, table)
    assert held is not None and len(kept.x) + len(held.x) == len(table.x)
    seen = {row.tobytes(): row for row in pictures_of(table)[:]}
    for batch in (kept.batch(0, 0), held.batch(0, 0)):
        assert batch.label is None
        if method == "switch-vae":
            assert batch.also is not None
            grids, views = batch.x, batch.also["views"]
        else:
            assert batch.y is not None
            grids, views = batch.y, batch.x
        assert views.max() <= 1 and {row.numpy().tobytes() for row in views} <= seen.keys()
        for cells, view in zip(grids[:, 0], views[:, 0, 0], strict=True):
            shadow = cells.any(0).T.flip(0).numpy().repeat(PIXELS // SIDE, 0)
            wide = np.asarray(view) < 0.9
            assert abs(wide.mean() - shadow.mean()) < 0.1  # white is where no cell is


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(table: Table, tmp_path: Path) -> None:
    own = {"method": "switch-vae", "epochs": 1}
    whole, path = trained(tmp_path / "whole", table, **own), tmp_path / "parts"
    started(path, table, **own, steps=1)
    with pytest.raises(Stop):
        train(path, table, Stopper(2))
    train(path, table)
    again = load_run(path).model.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in whole.model.state_dict().items())


def test_both_forms_are_measured(run: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    tested = read(data, split="test", views=VIEWS)
    grids, views = torch.from_numpy(tested.x[:]).float(), torch.from_numpy(pictures_of(tested)[:])
    model = load_run(run).model
    assert isinstance(model, SwitchVAE)
    with torch.no_grad():
        codes = model.encode(grids).mean, model.branch("views").encode(views).mean
        expected = [iou(agreement(grids, model.decode(z)), len(grids)) for z in codes]
    both = found["measures"], found["pictures"]["measures"]
    assert [each["IoU"]["value"] for each in both] == pytest.approx(expected, abs=1e-6)
    assert {"untrained encoder", "raw data"} == found["pictures"]["baselines"].keys()
    probe = ["evaluate", str(run), str(data), "--probe", "svm", "--json", "--no-baselines"]
    assert main(probe) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["pictures"]["measures"].keys() == found["measures"].keys()


def test_the_report_shows_pictures_and_both_copies(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for said in ("from the grid or from its pictures", "2 of 32×32 of each shape", "lambda 0.05"):
        assert said in text
    assert "from pictures" in text and "Mean squared distance between the codes" in text


def test_codes_of_either_form_are_written_and_searched(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "z.npz"
    assert main(["embed", str(run), str(data), "--form", "pictures", "--out", str(out)]) == 0
    half = in_form(load_run(run), "pictures")
    views = torch.from_numpy(pictures_of(read(data, split="test", views=VIEWS))[:])
    with torch.no_grad():
        codes = half.model.encode(views).mean.numpy()
    assert np.load(out)["codes"] == pytest.approx(codes, abs=1e-6)
    capsys.readouterr()
    shown = data / "ShapeNetRendering" / "tall" / "09"
    like = ["search", str(run), "--like", str(shown), "--json"]
    drawn = ["--count", "1", "--out", str(tmp_path / "found.png")]
    assert main([*like, "--form", "pictures", *drawn]) == 0
    first = json.loads(capsys.readouterr().out)["neighbours"][0]
    assert first["id"] == "tall/09" and first["distance"] < 1e-4
    assert main([*like, "--count", "20"]) == 0
    found = json.loads(capsys.readouterr().out)["neighbours"]
    every = read(data, split="all")
    grids = load_run(run).model.encode(torch.from_numpy(every.x[:]).float()).mean
    far = np.linalg.norm(grids.detach().numpy() - codes[-1], axis=1)
    assert [one["distance"] for one in found] == pytest.approx(np.sort(far), rel=1e-3)
    assert [every.ids.index(one["id"]) for one in found] == far.argsort().tolist()
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "a.png").write_bytes((shown / "rendering" / "00.png").read_bytes())
    assert main(["search", str(run), "--like", str(tmp_path / "few")]) == 1
    assert "must hold 2 pictures of one shape, as in training, got 1" in capsys.readouterr().err


def test_an_image_vae_reads_pictures_and_rebuilds_grids(
    table: Table, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, file = tmp_path / "run", tmp_path / "resnet18.pth"
    torch.save(ResNet18(widths=(8, 16, 32, 64)).trunk.state_dict(), file)
    resnet: dict[str, Any] = {"view_encoder": "resnet18", "view_weights": file, "lr": 1e-9}
    made = trained(path, table, method="image-vae", **resnet).model
    (trunk,) = (part.trunk for part in made.modules() if isinstance(part, ResNet18))
    for name, weight in torch.load(file, weights_only=True).items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            assert torch.allclose(trunk.state_dict()[name], weight, atol=1e-6), name
    file.unlink()  # a run that has begun does not need it any more
    capsys.readouterr()
    assert main(["evaluate", str(path), str(data), "--json", "--no-baselines"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["measures"]["IoU"]["value"] <= 1 and "pictures" not in found
    assert main(["sample", str(path), "--count", "2", "--out", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.npz")["x"].shape == (2, SIDE, SIDE, SIDE)
    walk = ["walk", str(path), "--from", f"{data}:flat/00", "--to", f"{data}:tall/00"]
    assert main([*walk, "--steps", "2", "--out", str(tmp_path / "walk.png")]) == 0
    capsys.readouterr()
    for command, said in (
        (["export", str(path)], "got image-vae, which reads pictures"),
        (
            ["embed", str(path), str(data), "--form=grids", "--out=z.npz"],
            "pictures alone",
        ),
        (["evaluate", str(path), str(data.parent / "grids.npy")], "must have pictures of shapes"),
    ):
        assert main(command) == 1
        assert said in capsys.readouterr().err


def test_a_run_begins_with_the_weights_that_it_was_given_or_not_at_all(
    table: Table, tmp_path: Path
) -> None:
    path, file = tmp_path / "run", tmp_path / "resnet18.pth"
    own: dict[str, Any] = {"method": "image-vae", "view_encoder": "resnet18", "view_weights": file}
    for missing in (FileNotFoundError, ValueError):
        with pytest.raises(missing, match="resnet18"):
            started(path, table, **own)
        assert not path.exists()
        file.write_bytes(b"no weights")
    trunk = ResNet18(widths=(8, 16, 32, 64)).trunk
    torch.save(trunk.state_dict(), file)
    started(path, table, **own)
    torch.nn.init.zeros_(next(trunk.parameters()))
    torch.save(trunk.state_dict(), file)
    with pytest.raises(ValueError, match="was to begin with, got another"):
        train(path, table)
