"""The scikit-learn face: its contract, its numbers, its sentences."""

import pickle
from collections.abc import Callable
from io import BytesIO

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nebulatent import NebulaClustering

Clouds = tuple[np.ndarray, np.ndarray]
CENTRES = np.array([[0.0, 0.0, 0.0], [40.0, 0.0, 10.0], [0.0, 40.0, -10.0]])


@pytest.fixture(scope="module")
def clouds() -> Clouds:
    return make_blobs(120, centers=CENTRES, cluster_std=2.0, random_state=0)[:2]


@pytest.fixture(scope="module")
def fitted(clouds: Clouds) -> NebulaClustering:
    return NebulaClustering(n_clusters=3, random_state=0).fit(clouds[0])


def quick(**options: object) -> NebulaClustering:
    return NebulaClustering(**{"n_clusters": 3, "max_iter": 4, "random_state": 0} | options)


@parametrize_with_checks([NebulaClustering()])
def test_every_check_of_scikit_learn_passes(
    estimator: BaseEstimator, check: Callable[[BaseEstimator], None]
) -> None:
    check(estimator)


def test_separated_blobs_are_found(fitted: NebulaClustering, clouds: Clouds) -> None:
    assert adjusted_rand_score(clouds[1], fitted.labels_) > 0.95
    assert (fitted.predict(clouds[0]) == fitted.labels_).all()


def test_digits_cluster_as_well_as_with_kmeans() -> None:
    pixels, digit = load_digits(return_X_y=True)
    kmeans = KMeans(10, n_init=10, random_state=0).fit(pixels)
    ours = NebulaClustering(random_state=0).fit(pixels)
    bar = normalized_mutual_info_score(digit, kmeans.labels_)
    assert normalized_mutual_info_score(digit, ours.labels_) > bar - 0.01


def test_features_of_different_units_need_no_scaling_by_the_user() -> None:
    amounts, wine = load_wine(return_X_y=True)
    labels = NebulaClustering(n_clusters=3, random_state=0).fit_predict(amounts)
    assert adjusted_rand_score(wine, labels) > 0.75


def test_grid_search_over_the_number_of_clusters_runs_in_a_pipeline(clouds: Clouds) -> None:
    model = make_pipeline(StandardScaler(), quick())
    search = GridSearchCV(model, {"nebulaclustering__n_clusters": [1, 3]}, cv=2).fit(clouds[0])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(clouds[0]).shape == (120,)


def test_a_clone_with_the_same_seed_gives_the_same_bits(
    fitted: NebulaClustering, clouds: Clouds
) -> None:
    again = clone(fitted).fit(clouds[0])
    assert (again.transform(clouds[0]) == fitted.transform(clouds[0])).all()
    assert again.score(clouds[0]) == fitted.score(clouds[0])
    assert again.history_ == fitted.history_


def test_another_seed_gives_other_codes(fitted: NebulaClustering, clouds: Clouds) -> None:
    other = clone(fitted).set_params(random_state=1).fit(clouds[0])
    assert not np.allclose(other.transform(clouds[0]), fitted.transform(clouds[0]))


def test_a_random_state_object_moves_on_from_fit_to_fit(clouds: Clouds) -> None:
    model = quick(random_state=np.random.RandomState(0))
    first, second = model.fit(clouds[0]).cluster_centers_, model.fit(clouds[0]).cluster_centers_
    assert not np.allclose(first, second)


def test_the_global_random_states_are_left_alone(clouds: Clouds) -> None:
    numbers, tensors = np.random.get_state(), torch.get_rng_state()
    model = quick().fit(clouds[0])
    model.score(clouds[0])
    model.sample(2, random_state=0)
    assert (np.random.get_state()[1] == numbers[1]).all()
    assert (torch.get_rng_state() == tensors).all()


def test_a_row_is_treated_alike_whatever_stands_beside_it(
    fitted: NebulaClustering, clouds: Clouds
) -> None:
    whole = fitted.transform(clouds[0])
    parts = np.concatenate([fitted.transform(row[None]) for row in clouds[0]])
    np.testing.assert_allclose(parts, whole, rtol=1e-7, atol=1e-12)


def test_labels_passed_to_fit_are_not_read(fitted: NebulaClustering, clouds: Clouds) -> None:
    told = clone(fitted).fit(clouds[0], clouds[1])
    assert (told.cluster_centers_ == fitted.cluster_centers_).all()


def test_pickle_and_joblib_keep_every_result(fitted: NebulaClustering, clouds: Clouds) -> None:
    file = BytesIO()
    joblib.dump(fitted, file)
    file.seek(0)
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(file)):
        assert (copy.predict_proba(clouds[0]) == fitted.predict_proba(clouds[0])).all()
        assert copy.score(clouds[0]) == fitted.score(clouds[0])
        assert (copy.sample(5, random_state=1) == fitted.sample(5, random_state=1)).all()


def test_single_precision_comes_back_in_single_precision(clouds: Clouds) -> None:
    rows = clouds[0].astype(np.float32)
    model = quick().fit(rows)
    codes = model.transform(rows)
    for result in (codes, model.predict_proba(rows), model.inverse_transform(codes)):
        assert result.dtype == np.float32
    assert model.cluster_centers_.dtype == model.sample().dtype == np.float32
    assert model.transform(clouds[0]).dtype == np.float64


def test_codes_are_named_columns(fitted: NebulaClustering) -> None:
    names = fitted.get_feature_names_out().tolist()
    assert names == ["nebulaclustering0", "nebulaclustering1", "nebulaclustering2"]


def test_the_most_probable_anchor_is_the_predicted_one(
    fitted: NebulaClustering, clouds: Clouds
) -> None:
    shares = fitted.predict_proba(clouds[0])
    np.testing.assert_allclose(shares.sum(1), 1)
    assert (shares.argmax(1) == fitted.predict(clouds[0])).all()


def test_decoded_codes_are_in_the_units_of_the_data(
    fitted: NebulaClustering, clouds: Clouds
) -> None:
    recon = fitted.inverse_transform(fitted.transform(clouds[0]))
    assert np.square(recon - clouds[0]).mean() < 0.1 * clouds[0].var(axis=0).mean()


def test_decoded_codes_of_bernoulli_data_stay_between_0_and_1(clouds: Clouds) -> None:
    rows = (clouds[0] > 20).astype(float)
    model = quick().fit(rows)
    recon = model.inverse_transform(10 * model.transform(rows))
    assert recon.min() >= 0
    assert recon.max() <= 1


def test_samples_of_a_cluster_fall_into_it(fitted: NebulaClustering) -> None:
    for cluster in range(3):
        rows = fitted.sample(50, cluster=cluster, random_state=0)
        assert rows.shape == (50, 3)
        assert (fitted.predict(rows) == cluster).mean() > 0.9


def test_samples_cover_the_clusters_and_repeat_with_a_seed(fitted: NebulaClustering) -> None:
    rows = fitted.sample(90, random_state=0)
    assert np.bincount(fitted.predict(rows), minlength=3).min() > 15
    assert (rows == fitted.sample(90, random_state=0)).all()
    assert not np.allclose(rows, fitted.sample(90, random_state=1))


def test_the_score_is_a_log_density_in_the_units_of_the_data(
    fitted: NebulaClustering, clouds: Clouds
) -> None:
    wide = clone(fitted).fit(1000 * clouds[0])
    expected = fitted.score(clouds[0]) - 3 * np.log(1000)
    assert wide.score(1000 * clouds[0]) == pytest.approx(expected, abs=0.05)


def test_the_score_of_the_data_is_above_that_of_noise(
    fitted: NebulaClustering, clouds: Clouds
) -> None:
    noise = np.random.default_rng(0).uniform(-20, 60, clouds[0].shape)
    assert fitted.score(clouds[0]) > fitted.score(noise)


def test_a_far_offset_does_not_matter(fitted: NebulaClustering, clouds: Clouds) -> None:
    moved = clone(fitted).fit(clouds[0] + 1e6)
    assert adjusted_rand_score(fitted.labels_, moved.labels_) == 1


def test_one_cluster_is_legal(clouds: Clouds) -> None:
    model = quick(n_clusters=1).fit(clouds[0])
    assert set(model.labels_) == {0}
    assert (model.predict_proba(clouds[0]) == 1).all()


@pytest.mark.parametrize("count", [2, 3, 33, 65])
def test_no_number_of_rows_leaves_a_lone_one(count: int) -> None:
    rows = np.random.default_rng(0).normal(size=(count, 2))
    for batch_size in (3, 64):
        assert quick(n_clusters=2, max_iter=2, batch_size=batch_size).fit(rows).n_iter_ == 2


def test_coincident_and_constant_rows_are_legal() -> None:
    model = quick().fit(np.full((20, 2), 7.0))
    assert np.isfinite(model.transform([[7.0, 7.0]])).all()
    np.testing.assert_allclose(model.sample(3, random_state=0), 7, atol=5)


def test_more_clusters_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="`n_clusters` must not exceed the number of samples"):
        quick(n_clusters=5).fit(np.eye(4))


def test_a_single_row_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 sample.* a minimum of 2 is required"):
        quick(n_clusters=1).fit([[1.0, 2.0]])


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="contains NaN"):
        quick().fit([[1.0, np.nan]] * 4)


def test_codes_of_another_size_are_refused(fitted: NebulaClustering) -> None:
    with pytest.raises(ValueError, match="`X` must hold codes of 3 numbers, got 2"):
        fitted.inverse_transform(np.zeros((4, 2)))


def test_sampling_needs_a_cluster_that_exists(fitted: NebulaClustering) -> None:
    with pytest.raises(ValueError, match=r"`cluster` must lie in 0..2, got 3"):
        fitted.sample(1, cluster=3)
    with pytest.raises(ValueError, match="`n_samples` must be at least 1, got 0"):
        fitted.sample(0)


@pytest.mark.parametrize("method", ["sample", "inverse_transform", "score"])
def test_nothing_works_before_fit(method: str) -> None:
    with pytest.raises(NotFittedError):
        getattr(quick(), method)(*([] if method == "sample" else [np.zeros((2, 3))]))


def test_a_diverged_fit_keeps_the_last_good_one(clouds: Clouds) -> None:
    model = quick().fit(clouds[0])
    before = model.transform(clouds[0])
    with pytest.raises(FloatingPointError, match="loss must stay finite"):
        model.set_params(learning_rate=1e30).fit(clouds[0])
    assert (model.transform(clouds[0]) == before).all()
