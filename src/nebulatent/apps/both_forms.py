"""What is measured of a run from its own samples, and the same from pictures of them.

A run of SwitchVAE has an encoder of each; from data that have both, either is measured like a run
of its own, with its own baselines.
"""

from collections.abc import Callable, Mapping, Sequence

from nebulatent.apps.assess import Assessment, Evaluated
from nebulatent.apps.console import Output
from nebulatent.apps.runs.forms import from_pictures
from nebulatent.apps.runs.runs import Run
from nebulatent.evaluation.measures import Measure
from nebulatent.methods.switch_vae import SwitchVAE

PICTURES = "from pictures"


def both_forms(run: Run, data: Evaluated, measure: Callable[[Run], Assessment]) -> Assessment:
    """Measure a run, and its half that reads pictures if it has one and the data have pictures.

    Arguments:
        run: A complete run.
        data: What `measure` measures on.
        measure: What is measured.
    """
    found = measure(run)
    tables = [table for table in data if table is not None]
    if not isinstance(run.model, SwitchVAE) or any(table.views is None for table in tables):
        return found
    return found._replace(pictures=measure(from_pictures(run, run.model)))


def say_measures(output: Output, title: str, found: Assessment) -> None:
    """A table of a run beside its baselines, and one of the same from pictures."""
    output.measures(title, {"value": found.own, **found.baselines})
    if found.pictures is not None:
        say_measures(output, f"{title}, {PICTURES}", found.pictures)


def columns(found: Assessment) -> Mapping[str, Sequence[Measure]]:
    """All that stands beside the run's own measures, by name, for one table."""
    if found.pictures is None:
        return found.baselines
    other = {f"{name}, {PICTURES}": rows for name, rows in found.pictures.baselines.items()}
    return {PICTURES: found.pictures.own, **found.baselines, **other}
