"""Completion: what is trained, what is trivial, what is read, and what the figure shows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nebulatent.apps.cli import main
from nebulatent.apps.recipes.completing import Completed, Setting, shown
from nebulatent.apps.recipes.completion_data import (
    SIZES,
    CompletionData,
    Sizes,
    load_completion_data,
)
from nebulatent.apps.recipes.completion_pictures import completions, draw_cells, grids
from nebulatent.apps.recipes.completion_trivial import Untrained
from nebulatent.apps.recipes.names import load_recipe
from nebulatent.apps.recipes.recipe import Budget, Finished
from nebulatent.data import completion_pairs
from nebulatent.data.shapes.scanned import Scanned, scan_shapes
from nebulatent.data.voxel_pairs import VoxelPairs, reduced, to_pairs
from nebulatent.evaluation.trivial_completion import mean_shape, most_similar
from nebulatent.methods.nvc import NebulaAnchors
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.vae import VAE

TINY = Sizes(8, (2, 3), 4, 1e-2)
BUDGET = Budget(samples=8, test_samples=4, epochs=2, batch_size=8)


@pytest.fixture(scope="module")
def data() -> CompletionData:
    train, test = (
        scan_shapes(Scanned(shapes=4, views=views, seed=seed, resolution=8))
        for seed, views in ((0, 2), (1, 1))
    )
    return CompletionData(train, test, TINY)


@pytest.fixture
def setting(data: CompletionData) -> Setting:
    return Setting(data, BUDGET, 3, draws=True)


def pairs(partial: list[list[int]], whole: list[list[int]]) -> VoxelPairs:
    """Grids of 2³ by the numbers of their filled cells."""
    sides = []
    for side in (partial, whole):
        cells = np.zeros((len(side), 8), bool)
        for row, filled in zip(cells, side, strict=True):
            row[filled] = True
        sides.append(cells.reshape(-1, 1, 2, 2, 2))
    ids = tuple(map(str, range(len(partial))))
    return to_pairs(sides[0], sides[1], np.zeros(len(ids), int), ("a",), ids)


def test_every_row_trains_and_gives_the_measures_of_its_table(setting: Setting) -> None:
    four, ten = load_recipe("nvc-table4"), load_recipe("nvc-table10")
    for row in (*ten.rows, four.rows[-1]):
        outcome = row.experiment(setting)
        assert {*four.measures, *ten.measures} <= {m.name for m in outcome.measures}
        assert set(outcome.arrays) == {"answer", "partial", "whole", "resolution"}
        assert not row.supervised
    assert not ten.rows[0].experiment(setting._replace(draws=False)).arrays
    names = [row.experiment.name for row in ten.rows]
    assert len(set(names)) == len(names)


def test_tables_share_their_trainings() -> None:
    four, ten = (
        {row.experiment for row in load_recipe(n).rows} for n in ("nvc-table4", "nvc-table10")
    )
    assert {experiment.name for experiment in four - ten} == {
        "completed-ae-plain",
        "completed-ae-plain-nvc-ml-5-w0p001",
    }


def test_the_papers_numbers() -> None:
    paper = {row.name: row.paper for row in load_recipe("nvc-table4").rows}
    assert paper["3D-RecGAN with NVC-ML"] == {
        "class IoU": 0.832,
        "IoU bench": 0.782,
        "IoU chair": 0.791,
        "IoU couch": 0.927,
        "IoU table": 0.828,
    }
    for numbers in filter(None, paper.values()):
        each = [value for name, value in numbers.items() if name != "class IoU"]
        assert np.mean(each) == pytest.approx(numbers["class IoU"], abs=8e-4)
    ten = {row.name: row.paper.get("class IoU") for row in load_recipe("nvc-table10").rows}
    assert ten["3D-AE with NVC without M_a"] == 0.167
    assert ten["3D-RecGAN with NVC-ML without L_triplet"] == 0.179
    assert ten["3D-RecGAN with NVC"] == 0.196


def test_rows_differ_in_what_their_names_say(setting: Setting) -> None:
    built = {row.name: row.experiment.build(setting) for row in load_recipe("nvc-table10").rows[3:]}
    assert all(isinstance(built[name], VAE if "3D-AE" in name else RecGAN) for name in built)
    terms = {name: model.latent_terms for name, model in built.items()}
    assert not isinstance(terms["3D-AE"], NebulaAnchors)
    ml, no_pair = terms["3D-AE with NVC-ML"], terms["3D-AE with NVC-ML without L_pair"]
    assert isinstance(ml, NebulaAnchors) and isinstance(no_pair, NebulaAnchors)
    assert ml.metric and ml.weights._replace(pair=0.0) == no_pair.weights
    euclidean, nvc = terms["3D-RecGAN with NVC without M_a"], terms["3D-RecGAN with NVC"]
    assert isinstance(euclidean, NebulaAnchors) and isinstance(nvc, NebulaAnchors)
    assert (euclidean.form, nvc.form, nvc.metric) == ("euclidean", "log1p", False)
    # The same players, weight by weight, whatever is added to them.
    first = built["3D-RecGAN"].state_dict()
    for model in built.values():
        for key, value in model.state_dict().items():
            assert key.startswith("latent_terms") or torch.equal(value, first[key])


def test_both_hosts_weigh_the_latent_terms_alike_beside_the_reconstruction(
    setting: Setting,
) -> None:
    """Of 3D-AE the reconstruction is a sum over cells, of 3D-RecGAN 95 times their mean."""
    experiment = Completed(host="ae", anchors="nvc", weight=0.5)
    ae, gan = (replace(experiment, host=host).build(setting) for host in ("ae", "gan"))
    ratios = []
    for model, reconstruction in ((ae, 1.0), (gan, 95.0 / 8**3)):
        assert isinstance(model.latent_terms, NebulaAnchors)
        ratios.append(model.latent_terms.weights.nebula / reconstruction)
    assert ratios[0] == pytest.approx(ratios[1]) == pytest.approx(0.5 * 8**3 / 95)


def test_the_full_sizes_are_the_papers() -> None:
    """Golden numbers of spec/hosts.md, section 21."""
    data = CompletionData(pairs([[0]], [[0]]), pairs([[0]], [[0]]), SIZES["full"])
    with torch.device("meta"):
        model = Completed(host="gan").build(Setting(data, BUDGET, 0, draws=False))
    assert isinstance(model, RecGAN)
    count = sum(p.numel() for p in model.autoencoder.parameters())
    assert count == 11_015_104 + 22_028_737 + 327_717_768
    assert sum(p.numel() for p in model.critic.parameters()) == 11_019_200
    assert model.weights == {"reconstruction": 95, "adversarial": 5, "penalty": 10, "kl": 1}


def test_the_same_seed_gives_the_same_numbers(setting: Setting) -> None:
    experiment = Completed(host="gan", anchors="nvc-ml", num_anchors=3)
    assert experiment(setting) == experiment(setting)
    assert experiment(setting).measures != experiment(setting._replace(seed=4)).measures


def test_the_mean_shape_is_the_share_with_the_best_training_agreement() -> None:
    train = pairs([[0]] * 3, [[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    # {0, 1}: 2/3 for each; with any other cell 1/3 (3/3 + 2/4 + 2/4) of them, for all five 3/5.
    assert np.flatnonzero(mean_shape(train.whole)).tolist() == [0, 1]


def test_the_most_similar_view_has_the_highest_agreement() -> None:
    train = pairs([[0, 1, 2, 3], [0, 1], [5]], [[7], [6], [5]])
    test = pairs([[0, 1, 4], [5, 6], [0, 1, 2]], [[0]] * 3)
    assert most_similar(train.partial, test.partial).tolist() == [1, 2, 0]


def test_trivial_answers_hold_what_was_seen(setting: Setting) -> None:
    test = setting.data.test
    seen = Finished(0, (), Untrained(answer="seen")(setting).arrays, 0.0, {})
    assert np.array_equal(grids(seen, "answer"), test.partial[shown(test)][:, 0])
    for answer in ("mean", "nearest"):
        made = Finished(0, (), Untrained(answer=answer)(setting).arrays, 0.0, {})
        assert not (grids(made, "partial") & ~grids(made, "answer")).any()


def test_the_figure_has_a_column_for_each_row_and_both_ends(setting: Setting) -> None:
    seen = Finished(0, (), Untrained(answer="seen")(setting).arrays, 0.0, {})
    figure = completions({"a": [seen], "b": [seen]}, {"a": "same", "b": "same", "c": "not there"})
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.texts] == ["seen", "same", "same", "truth"]
    sheet = ax.images[0].get_array()
    assert sheet is not None and sheet.shape[1] > 3.9 * 160 and (sheet < 200).any()


def test_cells_are_drawn_on_white() -> None:
    cells = np.zeros((4, 4, 4), bool)
    assert (draw_cells(cells, 20) == 255).all()
    cells[1:3, 1:3, 1:3] = True
    drawn = draw_cells(cells, 20)
    assert drawn.shape == (20, 20, 3) and 0.05 < (drawn < 255).any(axis=2).mean() < 0.6


def write_folder(root: Path, part: str, count: int) -> None:
    """Pairs of 64³ in 3D-RecGAN's layout."""
    for kind, rows in (("25d", "0 0 0\n"), ("3d", "0 0 0\n63 63 63\n")):
        place = root / "chair" / f"{part}_{kind}" / "voxel_grids_64"
        place.mkdir(parents=True)
        for i in range(count):
            (place / f"c{i}_064_064_064.txt").write_text(rows)


def test_a_folder_of_pairs_is_read_and_reduced(tmp_path: Path) -> None:
    write_folder(tmp_path, "train", 6)
    found = load_completion_data(str(tmp_path), "quick")
    assert (found.train.num_pairs, found.test.num_pairs) == (5, 1)
    assert found.test.ids == ("chair/c5",)  # the end of the category: its last shape
    assert np.argwhere(found.train.whole[:][0, 0]).tolist() == [[0, 0, 0], [15, 15, 15]]
    full = load_completion_data(str(tmp_path), "full")
    assert full.train.resolution == 64 and full.fingerprint != found.fingerprint
    write_folder(tmp_path, "test", 2)
    assert load_completion_data(str(tmp_path), "quick").test.num_pairs == 2
    assert reduced(found.train, 16) is found.train


def test_the_built_in_pairs_are_cut_the_same_way_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(completion_pairs, "TRAIN", (0, 4, 2))
    monkeypatch.setattr(completion_pairs, "TEST", (1, 4, 1))
    monkeypatch.setitem(SIZES, "quick", TINY)
    found = load_completion_data("builtin:scans", "quick")
    assert (found.train.num_pairs, found.test.num_pairs) == (8, 4)
    assert len(list((tmp_path / "nebulatent" / "scans").iterdir())) == 2
    few = found.cut(3, 9)
    assert (few.train.num_pairs, few.test.num_pairs) == (3, 4)
    assert few.fingerprint == found.cut(3, 4).fingerprint
    assert found.fingerprint != found._replace(sizes=TINY._replace(code=5)).fingerprint
    words = ["--max-steps", "2", "--seeds", "1", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert main(["reproduce", "nvc-table4", *words]) == 0
    with Image.open(tmp_path / "out" / "nvc-table4.png") as picture:
        assert min(picture.size) > 400


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere", "must be a folder or builtin:scans, got nothing"), (".", "in 3D-RecGAN's")],
)
def test_data_that_do_not_fit_are_refused(path: str, message: str) -> None:
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        load_completion_data(path, "quick")


def test_too_few_pairs_without_a_test_part_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, "train", 4)
    with pytest.raises(ValueError, match="a test part or 5 training pairs of one category, got 4"):
        load_completion_data(str(tmp_path), "quick")
