"""Every command on a run of occupancy grids, its plan, and the probe beside the recipe's."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from nebulatent.apps.cli import main
from nebulatent.apps.fitting.train import Source, start_run
from nebulatent.apps.pictures.voxel_pictures import draw_grid
from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.probing import KERNEL, probe_data, probe_run
from nebulatent.apps.recipes.principal import find_components
from nebulatent.apps.recipes.switching import Switched
from nebulatent.apps.recipes.voxel_data import Forms, VoxelData
from nebulatent.apps.recipes.voxel_measuring import flat, grid_rows, probed, switched_measures
from nebulatent.apps.runs.run_batches import training_batches
from nebulatent.apps.runs.runs import Run, RunConfig
from nebulatent.apps.runs.untrained import untrained_encoder
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table
from nebulatent.latents.aggregate import Aggregate
from nebulatent.ops.grid_views import Views

SMALL = ("--voxel-width", "0.125", "--epochs", "2", "--num-anchors", "2", "--latent-dim", "4")


def boxes(seed: int, count: int, side: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Tall and flat boxes of several sizes, with a few stray cells."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.random((count, side, side, side)) < 0.01
    for cells, flat_one in zip(x, y, strict=True):
        wide, thin = (rng.integers(side // 2, side - 2), rng.integers(1, side // 3))
        a, b = (wide, thin) if flat_one else (thin + 1, wide)
        cells[2 : 2 + a, 2 : 2 + a, 1 : 1 + b] = True
    return x, y


def write_boxes(path: Path, seed: int, count: int = 12, side: int = 12) -> Path:
    x, y = boxes(seed, count, side)
    np.savez(path, x=x.astype(np.uint8), y=np.array(["chair", "table"])[y])
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_boxes(tmp_path_factory.mktemp("data") / "train.npz", 0)


@pytest.fixture(scope="module")
def run(data: Path) -> Path:
    path = data.parent / "run"
    assert main(["fit", str(data), "--out", str(path), *SMALL]) == 0
    return path


def test_the_report_speaks_of_grids(run: Path) -> None:
    text = (run / "report.html").read_text(encoding="utf-8")
    for said in ("describe each grid of cells, 1,728 numbers", "of these grids", "SwitchVAE"):
        assert said in text
    assert "A rebuilt cell is drawn where its probability exceeds one half" in text
    assert "2 decoded anchors" in text


def test_codes_samples_and_walks_are_written(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, samples, sheet, walk = (tmp_path / n for n in ("z.npz", "x.npz", "x.png", "walk.npz"))
    assert main(["embed", str(run), str(data), "--out", str(codes)]) == 0
    assert np.load(codes)["codes"].shape == (12, 4)
    assert main(["sample", str(run), "--count", "3", "--out", str(samples)]) == 0
    x = np.load(samples)["x"]
    assert x.shape == (3, 12, 12, 12) and x.dtype == np.uint8 and x.max() <= 1
    assert read(samples, trainable=False).kind == "voxels"
    assert main(["sample", str(run), "--count", "3", "--anchor", "1", "--out", str(sheet)]) == 0
    assert sheet.read_bytes()[:4] == b"\x89PNG"
    path = ["walk", str(run), "--from", "0", "--to", "1", "--steps", "3"]
    assert main([*path, "--out", str(walk)]) == 0
    assert np.load(walk)["x"].shape == (1, 3, 12, 12, 12)
    assert main([*path, "--out", str(tmp_path / "walk.png")]) == 0
    capsys.readouterr()
    assert main(["search", str(run), "--like", "0", "--json"]) == 0
    assert main(["inspect", str(run)]) == 0


def test_measures_have_their_conventions(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(run), str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    own = found["measures"]
    assert {"IoU", "IoU, per sample", "precision", "recall", "accuracy", "ELBO"} <= own.keys()
    assert "bounds no density" in own["ELBO"]["convention"]
    assert {"SSE", "rel", "R²"}.isdisjoint(own)
    assert {"untrained encoder", "raw data"} == found["baselines"].keys()


def test_later_files_of_other_sizes_are_brought_to_the_run_s(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = write_boxes(tmp_path / "later.npz", 3, count=6, side=24)
    assert main(["embed", str(run), str(later), "--out", str(tmp_path / "z.npz")]) == 0
    np.save(tmp_path / "vectors.npy", np.eye(5))
    capsys.readouterr()
    assert main(["evaluate", str(run), str(tmp_path / "vectors.npy")]) == 1
    assert "`data` must hold grids of 12×12×12 cells" in capsys.readouterr().err


def planned(side: int = 12, **choices: Any) -> Any:  # noqa: ANN401
    x = (np.random.default_rng(0).random((40, 1, side, side, side)) < 0.5).astype(np.uint8)
    table = build_table(x, source="grids", labels=[i % 4 for i in range(40)])
    return plan(table, fit_scaling(table), Choices(**choices))


def test_grids_get_switchvae_s_network_and_weights() -> None:
    chosen = planned(16)
    model = chosen.model
    assert (model.encoder, model.likelihood, model.filled_weight) == ("voxel", "weighted", 0.8)
    assert (model.widths, model.latent_dim, model.beta) == ((8, 16, 32, 64, 343), 128, 0.125)
    weights = model.nebula_weight, model.pair_weight, model.triplet_weight
    assert weights == pytest.approx((0.125, 0.0125, 0.125))
    assert planned(nebula_weight=3.0).model.nebula_weight == 3
    assert (chosen.batch_size, chosen.fit.epochs, chosen.fit.lr) == (32, 100, 5e-3)
    own = planned(encoder="fc", likelihood="bernoulli", latent_dim=7, lr=1e-4, voxel_width=0.5)
    assert (own.model.encoder, own.model.likelihood, own.fit.lr) == ("fc", "bernoulli", 1e-4)


@pytest.mark.parametrize("method", ["ae", "vae", "dvae", "cvae", "nvc", "nvc-ml"])
def test_every_method_for_grids_can_be_built(method: str) -> None:
    model = planned(method=method, voxel_width=0.125).model
    found = build(model, 0).eval()
    label = torch.tensor([0, 1]) if method == "cvae" else None
    assert found.decode(torch.zeros(2, 128), label).shape == (2, 1, 12, 12, 12)


@pytest.mark.parametrize(
    ("side", "choices", "said"),
    [
        (14, {}, "`voxels` must be a multiple of 4 and at least 12.* got 14"),
        (8, {}, "`voxels` must be a multiple of 4 and at least 12.* got 8"),
        (12, {"method": "parae"}, "`method` parae must have clouds of points"),
        (12, {"method": "nvc-consistency"}, "`method` must be one of .* for grids"),
        (12, {"encoder": "conv"}, "`encoder` must be voxel or fc for grids, got conv"),
        (12, {"likelihood": "gaussian"}, "`likelihood` must be weighted or bernoulli for grids"),
        (12, {"voxel_width": 0.0}, "`voxel_width` must be above 0 and at most 8, got 0"),
        (12, {"filled_weight": 1.0}, "`filled_weight` must lie in 0..1, got 1"),
        (12, {"point_width": 0.5}, "`point_width` must go with clouds of points, got 0.5"),
    ],
)
def test_what_is_not_for_grids_is_refused(side: int, choices: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        planned(side, **choices)


def test_options_of_grids_are_refused_for_other_data() -> None:
    table = build_table(np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32), source="")
    with pytest.raises(ValueError, match=r"`voxel_width` must go with grids, got 0\.5"):
        plan(table, fit_scaling(table), Choices(voxel_width=0.5))
    with pytest.raises(ValueError, match="`likelihood` must be bernoulli or gaussian for vectors"):
        plan(table, fit_scaling(table), Choices(likelihood="weighted"))


def test_a_drawing_shows_filled_cells_and_nothing_else() -> None:
    assert (draw_grid(np.full((1, 4, 4, 4), 0.5), side=24) == 1).all()
    cells = np.zeros((1, 4, 4, 4))
    cells[0, :, :, 3] = 0.9  # the upper layer
    image = draw_grid(cells, side=24)
    dark = np.argwhere(image.mean(0) < 0.95)
    assert len(dark) > 20 and dark[:, 0].mean() < 11


def test_the_probe_gives_the_figures_of_the_recipe_for_the_same_weights(tmp_path: Path) -> None:
    parts = [boxes(seed, count, side=30) for seed, count in ((0, 20), (1, 10))]
    names = ("chair", "table")
    for (x, y), name in zip(parts, ("train", "test"), strict=True):
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.array(names)[y])
    forms = [
        Forms(np.pad(x, ((0, 0), (1, 1), (1, 1), (1, 1))), y, np.zeros((0, 2), np.int64))
        for x, y in parts
    ]
    known = VoxelData("boxes", forms[0], forms[1], names, 16, Views(size=32))
    method = Switched(model="voxel-vae").build(known, 1, seed=3).eval()
    table = read(tmp_path / "train.npz")
    chosen = plan(table, fit_scaling(table), Choices(method="vae"))
    source = Source(path=str(tmp_path / "train.npz"))
    folder = tmp_path / "run"
    config = start_run(folder, table, source, fit_scaling(table), chosen, overwrite=False)
    model = build(config.model, seed=0).eval()
    model.load_state_dict(method.state_dict())
    none = Aggregate(torch.zeros(1, 128), torch.eye(128)[None], torch.ones(1).long())
    run = Run(folder, config, model, none)
    data = probe_data(run, str(tmp_path / "test.npz"), "test", str(tmp_path / "train.npz"))
    found = probe_run(run, data, KERNEL)
    recipe = {m.name: m.value for m in switched_measures(method, known)}
    assert {"RBF SVM, 1/128", "RBF SVM"} <= {m.name for m in found.own}
    for measure in found.own:
        assert measure.value == pytest.approx(recipe[f"voxel {measure.name}"], rel=1e-4)
    grids = [flat(grid_rows(part, known)) for part in (known.train, known.test)]
    space = find_components(grids[0], 19)
    linear = probed("voxel", space.codes(grids[0]), space.codes(grids[1]), known)
    own = found.baselines["128 components"]
    assert [m.value for m in own] == pytest.approx([m.value for m in linear], rel=1e-4)
    assert {"untrained encoder", "most frequent class"} <= found.baselines.keys()


def started(folder: Path, method: Literal["vae", "dvae"]) -> tuple[Table, RunConfig]:
    """A small set of boxes, and a run of it that was only begun."""
    x, y = boxes(0, 32)
    np.savez(folder / "a.npz", x=x, y=y)
    table = read(folder / "a.npz")
    scaling = fit_scaling(table)
    chosen = plan(table, scaling, Choices(method=method, voxel_width=0.125))
    source = Source(path=str(folder / "a.npz"))
    return table, start_run(folder / "run", table, source, scaling, chosen, overwrite=False)


def test_the_control_s_statistics_are_those_of_the_data(tmp_path: Path) -> None:
    table, config = started(tmp_path, "vae")
    drawn = build(config.model, config.fit.seed)
    none = Aggregate(torch.zeros(1, 128), torch.eye(128)[None], torch.ones(1).long())
    settled = untrained_encoder(Run(tmp_path / "run", config, drawn, none), table)
    first = next(m for m in drawn.modules() if isinstance(m, nn.Conv3d))
    norm = next(m for m in settled.modules() if isinstance(m, nn.BatchNorm3d))
    with torch.no_grad():
        wanted = nn.functional.elu(first(torch.from_numpy(table.x[:]).float())).mean((0, 2, 3, 4))
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, wanted, atol=1e-5)


def test_a_denoising_host_sees_masked_cells_and_no_noise(tmp_path: Path) -> None:
    table, config = started(tmp_path, "dvae")
    batch = training_batches(config, table)[0].batch(0, 0)
    assert batch.y is not None and set(batch.x.unique().tolist()) == {0.0, 1.0}
    assert (batch.x <= batch.y).all() and (batch.x < batch.y).any()
