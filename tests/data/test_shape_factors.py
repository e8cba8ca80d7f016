"""The factors of built-in shapes: what they were drawn as, of the type that scores expect."""

import numpy as np

from nebulatent.data.shapes.categories import find_category
from nebulatent.data.shapes.category import Factor
from nebulatent.data.shapes.factors import known_factors
from nebulatent.data.shapes.make import draw_shape, make_shapes


def test_factors_of_one_category_are_those_that_were_drawn() -> None:
    shapes = make_shapes(20, seed=4, categories=("chair",), num_points=4)
    found = known_factors(shapes)
    own: dict[str, Factor] = {factor.name: factor for factor in find_category("chair").factors}
    assert found.keys() == own.keys() | {"stretch_x", "stretch_y", "stretch_z"}  # no turn: it is 0
    for i in range(20):
        drawn = draw_shape(i, seed=4, categories=("chair",)).factors
        assert {name: float(values[i]) for name, values in found.items()} == {
            name: drawn[name] for name in found
        }
    for name, values in found.items():
        levels = name in own and own[name].levels
        assert values.dtype == (np.int64 if levels else np.float64), name


def test_what_two_categories_mean_by_one_name_is_one_factor_only_if_it_is_one_thing() -> None:
    found = known_factors(make_shapes(20, categories=("chair", "table"), num_points=4, turn=90))
    assert found["category"].tolist() == [0, 1] * 10
    assert {"stretch_x", "turn", "width"} <= found.keys()
    chair, table = (
        {factor.name: factor.levels for factor in find_category(name).factors}
        for name in ("chair", "table")
    )
    assert chair["legs"] != table["legs"]
    assert not {"legs", "arms", "back_height"} & found.keys()
