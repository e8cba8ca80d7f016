"""Does a component of a run's codes stand for one known factor? MIG, SAP and DCI.

Factors are known of the built-in shapes, which are functions of their factors: the category, the
stretch of each axis, the turn about the up axis. Beside the codes stand those of the network before
training and principal components of the D2 distribution, as many as a code has components.
"""

import numpy as np
from jaxtyping import Float

from nebulatent.apps.assess import Assessment, Evaluated
from nebulatent.apps.runs.inputs import read_like, samples
from nebulatent.apps.runs.runs import Run
from nebulatent.apps.runs.untrained import untrained_encoder
from nebulatent.data.shapes.builtin import NAME as SHAPES
from nebulatent.data.shapes.builtin import shape_factors
from nebulatent.data.table import Split
from nebulatent.evaluation.components import find_components
from nebulatent.evaluation.descriptors import d2_distribution
from nebulatent.evaluation.disentanglement import disentanglement_measures
from nebulatent.evaluation.encode import Encoder, encode


def factor_data(run: Run, data: str, split: Split) -> Evaluated:
    """Data whose factors are known.

    Raises:
        ValueError: If they are not.
    """
    if data != SHAPES:
        raise ValueError(
            f"`DATA` must be {SHAPES} for --probe factors, got `{data}`: the factors that made "
            "other data are not known."
        )
    return Evaluated(read_like(run, data, split))


def probe_factors(run: Run, data: Evaluated, split: Split, *, baselines: bool = True) -> Assessment:
    """Scores of the codes of a run, and of what they must beat.

    Arguments:
        run: The run.
        data: From `factor_data`.
        split: Which part of the shapes it is.
        baselines: Whether to measure other codes beside.
    """
    table, factors = data.table, shape_factors(split)

    def codes(model: Encoder) -> Float[np.ndarray, "shapes latent"]:
        return encode(model, samples(table.x), run.config.scaling.apply).mean.numpy()

    own = codes(run.model)
    found = {}
    if baselines:
        found["untrained encoder"] = codes(untrained_encoder(run, table))
        described = d2_distribution(table.x)
        count = min(own.shape[1], *described.shape)
        found["components of D2"] = find_components(described, count).codes(described)
    return Assessment(
        disentanglement_measures(own, factors),
        {name: disentanglement_measures(z, factors) for name, z in found.items()},
    )
