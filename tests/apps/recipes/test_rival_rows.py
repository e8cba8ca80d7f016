"""Rows of rivals, of evidence, of consistency and of trivial clusters train, measure, repeat."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from nebulatent.apps.planning.build import build
from nebulatent.apps.planning.choices import Choices
from nebulatent.apps.planning.plan import plan
from nebulatent.apps.recipes import agreeing
from nebulatent.apps.recipes.agreeing import SHARE_OF_ALL, Consistency
from nebulatent.apps.recipes.code_clusters import CodeClusters, PcaClusters
from nebulatent.apps.recipes.nvc_baselines import RECIPE as BASELINES
from nebulatent.apps.recipes.nvc_baselines import RIVALS
from nebulatent.apps.recipes.nvc_density import IWAE, Density
from nebulatent.apps.recipes.nvc_density import RECIPE as DENSITY
from nebulatent.apps.recipes.nvc_supervised import RECIPE as SUPERVISED
from nebulatent.apps.recipes.nvc_supervised import Labelled
from nebulatent.apps.recipes.nvc_table3 import RECIPE as TABLE3
from nebulatent.apps.recipes.recipe import Budget, Experiment, Finished, Recipe, Setting
from nebulatent.apps.recipes.recipe_data import RecipeData, labels, load_recipe_data
from nebulatent.apps.recipes.record import make_record
from nebulatent.apps.recipes.rivals import Rival, build_rival
from nebulatent.apps.recipes.runner import Wanted
from nebulatent.apps.recipes.store import NAME
from nebulatent.apps.recipes.tables import markdown
from nebulatent.apps.recipes.trained import Trained
from nebulatent.apps.recipes.trivial import pixels
from nebulatent.evaluation.measures import Measure
from nebulatent.latents.anchors import AnchorSet
from nebulatent.training.consistent import ConsistencyConfig

SMALL = Budget(samples=300, test_samples=60, epochs=2, batch_size=64)
RECIPES = (DENSITY, TABLE3, BASELINES, SUPERVISED)


@pytest.fixture(scope="module")
def data() -> RecipeData:
    return load_recipe_data("digits").cut(SMALL.samples, SMALL.test_samples)


def setting(data: RecipeData, seed: int = 3) -> Setting:
    return Setting(data, SMALL, seed, draws=False)


def measured(experiment: Experiment, data: RecipeData, seed: int = 3) -> dict[str, float]:
    return {m.name: m.value for m in experiment(setting(data, seed)).measures}


@pytest.mark.parametrize("method", [method for method, _ in RIVALS.values()])
def test_rival_is_measured_like_any_row(method: str, data: RecipeData) -> None:
    found = measured(Rival(method=method, num_clusters=4), data)  # pyright: ignore[reportArgumentType]
    assert np.isfinite(list(found.values())).all()
    assert {"reconstruction", "rel", "SSE", "k-means ACC", "k-NN"} <= found.keys()
    assert ("ACC" in found) == (method != "info-vae")
    assert ("ELBO" in found) == (method not in ("dec", "idec", "deep-kmeans"))


def test_same_seed_gives_the_same_numbers_and_another_seed_others(data: RecipeData) -> None:
    row = Rival(method="gmvae", num_clusters=3)
    assert measured(row, data) == measured(row, data) != measured(row, data, seed=4)


def test_pretraining_rivals_spend_half_of_the_epochs_on_it(data: RecipeData) -> None:
    for method in ("dec", "idec", "vade", "deep-kmeans"):
        model = build_rival(method, 4, setting(data))
        anchors = [part for part in model.modules() if isinstance(part, AnchorSet)]
        assert [part.warmup_epochs for part in anchors] == [1]


def test_building_a_rival_leaves_the_global_random_state_alone(data: RecipeData) -> None:
    before = torch.get_rng_state()
    build_rival("vq-vae", 4, setting(data))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("row", [row for row in DENSITY.rows], ids=lambda row: row.name)
def test_importance_bound_of_a_row_is_above_its_elbo(row, data: RecipeData) -> None:  # noqa: ANN001
    found = measured(dataclasses.replace(row.experiment, bounded_samples=60), data)
    assert found[IWAE] > found["ELBO"] > -200


def test_prior_and_anchors_of_a_density_row_are_those_asked_for(data: RecipeData) -> None:
    row = Density(method="nvc", num_anchors=7, prior="anchors", nebula_weight=0.0)
    model = row._build(setting(data))
    assert model.prior.logits.shape == (7,)
    assert model.latent_terms.weights.nebula == 0 and not model.latent_terms.metric


def test_members_are_trained_once_for_several_numbers_of_anchors(data: RecipeData) -> None:
    agreeing._members.cache_clear()
    first, second = (measured(Consistency(num_anchors=m), data) for m in (4, 3))
    # 300 samples: 5 neighbours for either number, so the members are the same.
    assert agreeing._members.cache_info().misses == 1
    assert first["anchors in use"] <= 4 and second["anchors in use"] <= 3
    assert {"ACC", "many-to-one", "NMI", "k-NN"} <= first.keys()
    assert measured(Consistency(num_anchors=3), data) == second


def test_stages_of_consistency_take_the_steps_of_the_budget_and_no_more_than_its_own(
    data: RecipeData,
) -> None:
    short = Consistency(num_anchors=4).config(setting(data))
    assert _all_steps(short) == pytest.approx(10, abs=2)  # 2 epochs of 5 batches
    long = Setting(data, dataclasses.replace(SMALL, epochs=5000), 0, draws=False)
    settled = ConsistencyConfig()
    found = Consistency(num_anchors=4).config(long)
    assert (found.first_steps, found.second_steps) == (settled.first_steps, settled.second_steps)
    assert pytest.approx(_all_steps(settled) / 2000) == SHARE_OF_ALL


def _all_steps(config: ConsistencyConfig) -> int:
    return config.members * config.first_steps + config.second_steps


def test_components_are_those_of_scikit_learn(data: RecipeData) -> None:
    """k-means sees distances only, so equal distances are enough."""
    known = pixels(data.train, data)
    z = PCA(5, svd_solver="full").fit(known).transform(pixels(data.test, data))
    found = PcaClusters(num_clusters=4, components=5)(setting(data))
    values = {m.name: m.value for m in found.measures}
    near = PCA(5, svd_solver="full").fit(known).transform(known)
    distances = np.linalg.norm(z[:, None] - near[None], axis=2)
    votes = labels(data.train)[np.argsort(distances, axis=1)[:, :5]]
    guess = [np.bincount(vote).argmax() for vote in votes]
    assert values["k-NN"] == pytest.approx((np.array(guess) == labels(data.test)).mean(), abs=0.02)


def test_codes_of_an_autoencoder_are_clustered(data: RecipeData) -> None:
    found = measured(CodeClusters(method="ae", num_clusters=4), data)
    assert 0.1 < found["ACC"] <= found["many-to-one"] <= 1


def test_supervised_anchors_act_from_the_first_step_unless_told_otherwise(data: RecipeData) -> None:
    chosen = plan(data.train, data.scaling, Choices(supervised=True, epochs=6)).model
    assert chosen.warmup_epochs == 0
    late = plan(data.train, data.scaling, Choices(supervised=True, epochs=6, warmup_epochs=2)).model
    free = plan(data.train, data.scaling, Choices(epochs=6)).model
    starts = [build(m, 0).latent_terms.anchors.start_from for m in (chosen, late, free)]
    assert starts == ["normal", "classes", "kmeans"]


def test_labelled_row_is_trained_with_the_warmup_it_names(data: RecipeData) -> None:
    row = Trained(method="nvc-ml", supervised=True)
    first, late = (measured(Labelled(row=row, warmup_epochs=w), data) for w in (0, 1))
    assert first["ACC"] != late["ACC"] or first["ELBO"] != late["ELBO"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_experiments_have_names_of_their_own(recipe: Recipe) -> None:
    names = [row.experiment.name for row in recipe.rows]
    assert all(NAME.fullmatch(name) for name in names)
    assert len(set(names)) == len({repr(row.experiment) for row in recipe.rows}) == len(names)


def test_only_rows_that_read_labels_are_marked_supervised() -> None:
    for recipe in RECIPES:
        for row in recipe.rows:
            assert row.supervised == ("supervised=True" in repr(row.experiment)), row.name


def test_table_3_has_the_numbers_that_the_paper_prints() -> None:
    printed = {row.name: row.paper["many-to-one"] for row in TABLE3.rows if row.paper}
    assert (printed["NVC-ML, 10"], printed["NVC-ML, 120"]) == (0.9821, 0.9703)
    assert (printed["GMVAE, 20"], printed["VQ-VAE, 16"]) == (0.9692, 0.8145)


def made_up_trainings(recipe: Recipe) -> dict[str, list[Finished]]:
    """A number for every measure of every quick row, three seeds."""
    rng = np.random.default_rng(0)
    return {
        row.name: [
            Finished(
                seed,
                [
                    Measure(m, rng.uniform(), "higher", "", "Made up.", False)
                    for m in recipe.measures
                ],
                {},
                1.0,
                {"commit": "none"},
            )
            for seed in range(3)
        ]
        for row in recipe.rows_of("quick")
    }


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_claims_are_judged_and_the_figure_drawn_from_what_rows_measure(
    recipe: Recipe, tmp_path: Path
) -> None:
    trained = made_up_trainings(recipe)
    wanted = Wanted(tmp_path, "digits", "quick", SMALL, (0, 1, 2), 1)
    record = make_record(recipe, wanted, trained, "digits")
    assert all(len(f["values"]) == 3 for claim in record.claims for f in claim.findings)
    assert recipe.draw(record, trained).axes
    assert recipe.title in markdown(record, "picture.png")
