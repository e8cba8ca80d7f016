"""What the report shows of a run that completes grids."""

import numpy as np
from jaxtyping import Float

from nebulatent.apps.planning.completion_plan import AE, CompletionConfig
from nebulatent.apps.runs.inputs import whole_of
from nebulatent.apps.runs.runs import Run
from nebulatent.data.table import Table
from nebulatent.evaluation.completion import Completer, chances

Grids = Float[np.ndarray, "samples 1 x y z"]


def completed(run: Run, table: Table, count: int) -> tuple[Grids | None, Grids]:
    """The first whole grids, and what partial ones were completed to, as probabilities.

    Of other runs the first is None, and there are none of the second.
    """
    if run.config.model.completion is None or not isinstance(run.model, Completer):
        return None, np.empty((0, *run.config.model.shape), np.float32)
    found = np.concatenate(list(chances(run.model, table.x[:count])))
    return whole_of(table)[:count].astype(np.float32), found


def completion_facts(completion: CompletionConfig, host: str) -> dict[str, str]:
    """What is special about the network, for people."""
    seen = "sees the encoder's maps" if completion.shortcuts else "sees the code alone"
    rows = {"Given": "what one view sees of a shape", "Decoder": seen}
    if host == AE:
        return rows
    return {**rows, "Critic": f"its opinion weighs {completion.adversarial_weight:g}"}
