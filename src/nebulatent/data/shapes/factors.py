"""The factors of built-in shapes as scores of disentanglement want them."""

import numpy as np
from jaxtyping import Shaped

from nebulatent.data.shapes.categories import find_category
from nebulatent.data.shapes.make import Shapes

CATEGORY = "category"


def known_factors(shapes: Shapes) -> dict[str, Shaped[np.ndarray, " shapes"]]:
    """Factors that all shapes have and that vary: choices as whole numbers, spans as real ones.

    Shapes of several categories have the category as a factor, and the stretch of their axes; a
    choice that is another one in each category is left out.

    Examples:
        >>> from nebulatent.data.shapes.make import make_shapes
        >>> factors = known_factors(make_shapes(9, categories=("mug", "vase"), num_points=8))
        >>> list(factors), factors["category"].tolist()
        (['category', 'height', ..., 'stretch_z'], [0, 1, 0, 1, 0, 1, 0, 1, 0])
    """
    levels: dict[str, set[tuple[str, ...]]] = {}
    for factor in (factor for name in shapes.categories for factor in find_category(name).factors):
        levels.setdefault(factor.name, set()).add(factor.levels)
    found = {CATEGORY: shapes.label, **shapes.factors}
    return {
        name: values.astype(np.int64) if any(levels.get(name, ())) else values
        for name, values in found.items()
        if np.isfinite(values).all()
        and (values != values[0]).any()
        and len(levels.get(name, ())) < 2  # one name, one meaning
    }
