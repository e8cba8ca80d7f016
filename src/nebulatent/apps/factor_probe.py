"""Does a component of a run's codes stand for one known factor? MIG, SAP and DCI.

Factors are known of the built-in shapes, which are functions of their factors: the category, the
stretch of each axis, the turn about the up axis (as clouds; as grids and pictures they all stand
upright). Beside the codes stand those of the network before training and principal components, as
many as a code has: of clouds those of the D2 distribution, else those of the values.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from nebulatent.apps.assess import Assessment, Evaluated
from nebulatent.apps.preparing.prepare import built_in_numbers
from nebulatent.apps.raw_values import raw_values
from nebulatent.apps.runs.inputs import encoder_input, read_like
from nebulatent.apps.runs.runs import Run
from nebulatent.apps.runs.untrained import untrained_encoder
from nebulatent.data.r2n2 import find_grid_folder
from nebulatent.data.shapes.builtin import NAME as SHAPES
from nebulatent.data.shapes.builtin import factors_of, shape_factors
from nebulatent.data.table import Split
from nebulatent.evaluation.components import find_components
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.disentanglement import disentanglement_measures
from nebulatent.evaluation.encode import Encoder, encode


class Made(NamedTuple):
    """Data of which it is known what made them.

    Arguments:
        data: The data.
        factors: Values of each factor, one a sample.
    """

    data: Evaluated
    factors: dict[str, Shaped[np.ndarray, " shapes"]]


def factor_data(run: Run, data: str, split: Split) -> Made:
    """Data whose factors are known.

    Raises:
        ValueError: If they are not.
    """
    if data == SHAPES:
        return Made(Evaluated(read_like(run, data, split)), shape_factors(split))
    path = Path(data)
    grids = find_grid_folder(path) if path.is_dir() else None
    if grids is None:
        raise ValueError(
            f"`DATA` must be {SHAPES} for --probe factors, or a folder that `nebulatent prepare "
            f"{SHAPES}` made, got `{data}`: the factors that made other data are not known."
        )
    table = read_like(run, data, split)
    # Ids of pairs have the number of the scan behind that of the shape.
    names = (
        [name.rpartition("/")[0] for name in table.ids] if table.whole is not None else table.ids
    )
    numbers = built_in_numbers(grids.absolute().parent, names)
    return Made(Evaluated(table), factors_of(numbers))


def probe_factors(run: Run, made: Made, *, baselines: bool = True) -> Assessment:
    """Scores of the codes of a run, and of what they must beat.

    Arguments:
        run: The run.
        made: From `factor_data`.
        baselines: Whether to measure other codes beside.
    """
    table, factors = made.data.table, made.factors

    def codes(model: Encoder) -> Float[np.ndarray, "shapes latent"]:
        x = encoder_input(run.config.model, table)
        return encode(model, x, run.config.scaling.apply).mean.numpy()

    own = codes(run.model)
    found = {}
    if baselines:
        found["untrained encoder"] = codes(untrained_encoder(run, table))
        clouds = table.kind == "points"
        described = d2_distribution(table.x) if clouds else raw_values(run, table)
        count = min(own.shape[1], *described.shape)
        name = "components of D2" if clouds else "components"
        found[name] = find_components(described, count).codes(described)
    return Assessment(
        disentanglement_measures(own, factors),
        {name: disentanglement_measures(z, factors) for name, z in found.items()},
    )
