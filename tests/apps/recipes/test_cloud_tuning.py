"""Table 2: fine-tuning starts from learned weights; all else is the same in every row of a seed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nebulatent.apps.pictures.canvas import to_png
from nebulatent.apps.recipes import cloud_pretext, cloud_tuning
from nebulatent.apps.recipes.cloud_data import CloudData, Sizes
from nebulatent.apps.recipes.cloud_learners import Host, Task, build_learner
from nebulatent.apps.recipes.cloud_tuning import (
    ALL,
    FEW,
    Tuned,
    TunedByHand,
    build_classifier,
    find,
)
from nebulatent.apps.recipes.parae_table2 import RECIPE, ROWS
from nebulatent.apps.recipes.recipe import Budget, Finished, Given
from nebulatent.apps.recipes.recipe_data import RecipeData
from nebulatent.apps.recipes.record import make_record
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.backbones.dgcnn import DGCNNSegmenter
from nebulatent.backbones.pointnet import PointNetEncoder
from nebulatent.data.batch import Batches
from nebulatent.data.scaling import fit_scaling
from nebulatent.data.table import Table, build_table
from nebulatent.evaluation import svm
from nebulatent.evaluation.label_fractions import labelled_rows
from nebulatent.evaluation.measures import Measure

SMALL = Budget(samples=30, test_samples=12, epochs=1, batch_size=12)
KINDS = np.array(["cube", "rod", "slab"])


def table(count: int, seed: int) -> Table:
    """Boxes of three proportions."""
    rng = np.random.default_rng(seed)
    label = np.arange(count) % len(KINDS)
    box = np.array([[1, 1, 1], [1, 1, 3], [1, 3, 4]])[label][:, None] / 5
    x = rng.uniform(-1, 1, (count, 64, 3)) * box
    return build_table(x.astype(np.float32), source="made up", labels=KINDS[label])


@pytest.fixture(scope="module")
def data() -> CloudData:
    train, test = table(30, 0), table(12, 1)
    clouds = RecipeData("made up", train, test, fit_scaling(train))
    return CloudData(clouds, Sizes(32, 1 / 16, 5), ((1, 1, 1),))


def setting(data: CloudData, seed: int = 3) -> Given[CloudData]:
    return Given(data, SMALL, seed, draws=False)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_trains_and_is_measured(
    row,  # noqa: ANN001
    data: CloudData,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(svm, "STRENGTHS", (0.01,))
    measures = row.experiment(setting(data)).measures
    assert [m.name for m in measures] == [ALL, FEW] == list(RECIPE.measures)
    assert all(0 <= m.value <= 1 and m.uses_labels for m in measures) and row.supervised


def test_pre_training_sees_no_label_and_tuning_the_same_batches_in_every_row(
    data: CloudData, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretext: list[Batches] = []
    tuned: list[Batches] = []

    def note(seen: list[Batches]):  # noqa: ANN202
        # Rows use up different amounts of global randomness, as trainings do.
        return lambda method, batches, config: (torch.rand(len(tuned) + 1), seen.append(batches))

    monkeypatch.setattr(cloud_pretext, "fit", note(pretext))
    monkeypatch.setattr(cloud_tuning, "fit", note(tuned))
    label = data.clouds.train.label
    assert label is not None
    for task in (None, "parae", "jigsaw3d"):
        Tuned(task=task, pretext_rate=1e-3)(setting(data))
    assert len(pretext) == 2 and all(b.label is None and not b.also for b in pretext)
    assert len(tuned) == 6
    for name, first, others in ((ALL, tuned[0], tuned[2::2]), (FEW, tuned[1], tuned[3::2])):
        rows = labelled_rows(label, {ALL: 1.0, FEW: 0.1}[name], draw=3)
        assert first.label is not None and first.label.tolist() == label[rows].tolist()
        batch = first.batch(0, 0)
        assert batch.x.shape[1] == 32
        for other in others:
            again = other.batch(0, 0)
            assert torch.equal(batch.x, again.x)
            assert batch.label is not None and again.label is not None
            assert torch.equal(batch.label, again.label)
    assert len(tuned[1].x) == 3  # a tenth of ten of each class


@pytest.mark.parametrize(("host", "task"), [("pointnet", "occo"), ("dgcnn", "jigsaw3d")])
def test_a_classifier_has_a_copy_of_learned_weights_and_the_head_as_drawn(
    host: Host, task: Task, data: CloudData
) -> None:
    given = setting(data)
    row = Tuned(task=task, pretext_rate=1e-3, host=host)
    learned, drawn = row.start(given), Tuned(task=None, host=host).start(given)
    kind = PointNetEncoder if host == "pointnet" else DGCNNSegmenter
    part = "encoder" if host == "pointnet" else "trunk"
    one, other = (build_classifier(learner, host, given).network for learner in (learned, drawn))
    assert same(getattr(one, part), find(kind, learned))
    assert not same(find(kind, learned), find(kind, build_learner(task, host, given, 1e-3)))
    assert same(one.head, other.head)  # pyright: ignore
    kept = [p.clone() for p in learned.method.parameters()]
    for p in one.parameters():
        p.data.add_(1)
    assert all(torch.equal(p, q) for p, q in zip(kept, learned.method.parameters(), strict=True))
    # Weights as drawn are those that the task began with, but for the scores it throws away.
    begun = find(kind, build_learner(task, host, given, 1e-3)).state_dict()
    for name, value in find(kind, drawn).state_dict().items():
        if not name.startswith("head"):
            assert torch.equal(begun[name], value), name


def test_building_leaves_the_global_random_state_alone(data: CloudData) -> None:
    learner = Tuned(task=None).start(setting(data))
    before = torch.get_rng_state()
    build_classifier(learner, "pointnet", setting(data))
    assert torch.equal(before, torch.get_rng_state())


def test_all_weights_are_tuned_and_the_same_seed_gives_the_same_numbers(
    data: CloudData, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Tuned(task="parae", pretext_rate=1e-3)
    assert row(setting(data)) == row(setting(data))
    changed: list[bool] = []
    real = cloud_tuning.fit

    def watch(method, batches, config) -> None:  # noqa: ANN001
        before = [p.clone() for p in method.network.encoder.parameters()]
        real(method, batches, config)
        pairs = zip(before, method.network.encoder.parameters(), strict=True)
        changed.extend(not torch.equal(p, q) for p, q in pairs)

    monkeypatch.setattr(cloud_tuning, "fit", watch)
    row(setting(data))
    # Biases before a batch normalisation have no gradient.
    assert sum(changed) > len(changed) / 2


def test_distances_by_hand_learn_from_the_same_labels(
    data: CloudData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(svm, "STRENGTHS", (0.01,))
    seen: list[list[int]] = []
    real = cloud_tuning.train_svm

    def watch(features, label):  # noqa: ANN001, ANN202
        seen.append(label.tolist())
        return real(features, label)

    monkeypatch.setattr(cloud_tuning, "train_svm", watch)
    TunedByHand()(setting(data))
    assert [len(label) for label in seen] == [30, 3]


def test_claims_are_judged_and_the_figure_is_drawn() -> None:
    base = {"weights as drawn": 0.80, "Jigsaw3D": 0.81, "OcCo": 0.79, "ParAE": 0.85}

    def finished(name: str, seed: int) -> Finished:
        what = name.rpartition(", ")[2]
        value = base.get(what, 0.5) + 0.001 * seed * (1 if what == "ParAE" else -1)
        return Finished(
            seed, [Measure(m, value, "higher", "", "", True) for m in (ALL, FEW)], {}, 1.0, {}
        )

    trained = {row.name: [finished(row.name, seed) for seed in (1, 2, 3)] for row in ROWS}
    wanted = Wanted(Path(), "builtin:shapes", "quick", RECIPE.quick, (1, 2, 3), 1)
    record = make_record(RECIPE, wanted, trained, "builtin:shapes")
    # OcCo is worse than weights as drawn.
    assert [claim.verdict for claim in record.claims] == ["holds only if", *["holds"] * 4]
    paper = {row.name: row.paper for row in ROWS}
    assert paper["PointNet, ParAE"] == {ALL: 0.905} and paper["DGCNN, weights as drawn"] == {
        ALL: 0.922
    }
    assert len(to_png(RECIPE.draw(record, trained))) > 10_000
