"""`NebulaClustering(consistency=True)`: the same contract, other clusters."""

import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_clustering, parametrize_with_checks

from nebulatent import NebulaClustering
from nebulatent.apps.planning.consistency_plan import MEMBERS

SHORT = {"consistency": True, "hidden_layer_sizes": 8, "random_state": 0}


def quick(**options: object) -> NebulaClustering:
    return NebulaClustering(**{"n_clusters": 3, "max_steps": 4} | SHORT | options)


def rows(count: int = 60) -> np.ndarray:
    """Images of 4×4 pixels with a bright row, flat, in 0..255."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 90, size=(count, 4, 4)).astype(float)
    x[np.arange(count), np.arange(count) % 3] += 160
    return x.reshape(count, 16)


@pytest.fixture(scope="module")
def fitted() -> NebulaClustering:
    return quick(image_shape=(4, 4)).fit(rows())


@parametrize_with_checks([quick(random_state=None)])
def test_every_check_of_scikit_learn_passes(
    estimator: BaseEstimator, check: Callable[[BaseEstimator], None]
) -> None:
    if getattr(check, "func", check) is check_clustering:  # it wants clusters that are good
        estimator = clone(estimator).set_params(max_steps=100)
    check(estimator)


def test_rings_are_told_apart_where_kmeans_cannot() -> None:
    count = 300
    ring, angle = np.arange(count) % 2, np.arange(count) * (2 * math.pi / count) * 7
    radius = 1.0 + 2.0 * ring
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    assert adjusted_rand_score(ring, KMeans(2, n_init=5, random_state=0).fit_predict(x)) < 0.1
    labels = quick(n_clusters=2, max_steps=150).fit_predict(x)
    assert adjusted_rand_score(ring, labels) > 0.5


def test_one_seed_gives_the_same_bits_and_another_other_codes(fitted: NebulaClustering) -> None:
    again = clone(fitted).fit(rows(), y=np.arange(60))  # y is not read
    assert (again.transform(rows()) == fitted.transform(rows())).all()
    assert again.history_ == fitted.history_
    assert again.score(rows()) == fitted.score(rows())
    other = clone(fitted).set_params(random_state=1).fit(rows())
    assert not np.allclose(other.transform(rows()), fitted.transform(rows()))


def test_all_results_have_their_shapes(fitted: NebulaClustering) -> None:
    codes = fitted.transform(rows())
    assert codes.shape == (60, 26) and fitted.cluster_centers_.shape == (3, 26)
    assert fitted.n_clusters_ == 3 and fitted.n_iter_ == len(fitted.history_)
    assert (fitted.predict_proba(rows()).argmax(1) == fitted.predict(rows())).all()
    assert (fitted.predict(rows()) == fitted.labels_).all()
    back = fitted.inverse_transform(codes)
    assert back.shape == (60, 16) and back.min() >= 0 and back.max() <= 255
    assert fitted.sample(4, cluster=1, random_state=0).shape == (4, 16)
    assert np.isfinite(fitted.score(rows()))
    assert {row["stage"] for row in fitted.history_} == set(range(MEMBERS + 2))


def test_a_row_is_treated_alike_whatever_stands_beside_it(fitted: NebulaClustering) -> None:
    parts = np.concatenate([fitted.transform(row[None]) for row in rows()[:5]])
    np.testing.assert_allclose(parts, fitted.transform(rows())[:5], rtol=1e-7, atol=1e-12)


def test_pickles_keep_every_result(fitted: NebulaClustering) -> None:
    copy = pickle.loads(pickle.dumps(fitted))
    assert (copy.predict_proba(rows()) == fitted.predict_proba(rows())).all()
    assert (copy.sample(5, random_state=1) == fitted.sample(5, random_state=1)).all()


def test_grid_search_over_the_number_of_clusters() -> None:
    search = GridSearchCV(quick(), {"n_clusters": [1, 3]}, cv=2).fit(rows())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_clusters_can_be_counted() -> None:
    model = quick(n_clusters="auto", max_steps=90).fit(rows())
    assert 2 <= model.n_clusters_ == len(model.cluster_centers_)


def test_codes_may_be_short() -> None:
    assert quick(n_components=1, max_steps=2).fit_transform(rows()).shape == (60, 1)
    assert quick(n_components=5, max_steps=2).fit_transform(rows()).shape == (60, 5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"image_shape": (4, 5)}, r"`image_shape` .* of 16 values, .* got \(4, 5\)"),
        ({"image_shape": (16,)}, r"`image_shape` must be \(height, width\) or \(channels"),
        ({"image_shape": (4, 4), "consistency": False}, "`image_shape` must go with `consistency"),
        ({"n_clusters": 31}, "`n_clusters` must be at most half the number of samples"),
        ({"n_clusters": "auto", "consistency": False}, "`n_clusters` auto must go with"),
        ({"consistency": "yes"}, "`consistency` must be True or False, got 'yes'"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        quick(**options).fit(rows())


def test_rows_without_any_difference_are_refused() -> None:
    with pytest.raises(ValueError, match="The samples must differ, got the same values"):
        quick().fit(np.ones((30, 4)))


def test_too_few_rows_to_count_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="auto must have at least 40 samples, got 20"):
        quick(n_clusters="auto").fit(rows(20))
