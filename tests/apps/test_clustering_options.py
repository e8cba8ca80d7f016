"""Which options of `NebulaClustering` are refused, and how."""

import pytest

from nebulatent import NebulaClustering
from nebulatent.apps.planning.clustering_options import check_options, to_widths


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("n_clusters", 0, "`n_clusters` must be an integer of at least 1, got 0"),
        ("n_clusters", 2.5, "`n_clusters` must be an integer of at least 1, got 2.5"),
        ("n_clusters", "auto", "`n_clusters` auto must go with `consistency=True`"),
        ("n_clusters", "many", "`n_clusters` must be an integer of at least 1, got 'many'"),
        ("n_components", 0, "`n_components` must be an integer of at least 1, got 0"),
        ("max_iter", 0, "`max_iter` must be an integer of at least 1, got 0"),
        ("max_steps", True, "`max_steps` must be an integer of at least 1, got True"),
        ("batch_size", 2, "`batch_size` must be an integer of at least 3, got 2"),
        ("hidden_layer_sizes", (), "`hidden_layer_sizes` must be an integer of at least 1"),
        ("hidden_layer_sizes", (8, 0), "`hidden_layer_sizes` must be an integer of at least 1"),
        ("prior", "uniform", "`prior` must be one of .* got 'uniform'"),
        ("likelihood", "poisson", "`likelihood` must be one of .* got 'poisson'"),
        ("scaling", "none", "`scaling` must be one of .* got 'none'"),
        ("warmup", 1.0, "`warmup` must be at least 0 and below 1, got 1.0"),
        ("learning_rate", 0.0, "`learning_rate` must be positive, got 0.0"),
        ("learning_rate", float("nan"), "`learning_rate` must be positive, got nan"),
        ("beta", -1.0, "`beta` must not be negative, got -1.0"),
        ("n_clusters", 6, "`n_clusters` must not exceed the number of samples, got 6 clusters"),
    ],
)
def test_an_option_out_of_range_is_named(name: str, value: object, sentence: str) -> None:
    options = NebulaClustering(n_clusters=2).get_params() | {name: value}
    with pytest.raises(ValueError, match=sentence):
        check_options(options, num_samples=5)


def test_the_defaults_are_legal() -> None:
    check_options(NebulaClustering().get_params(), num_samples=10)


def test_one_width_is_one_layer() -> None:
    assert to_widths(32) == (32,)
    assert to_widths([64, 32]) == (64, 32)
