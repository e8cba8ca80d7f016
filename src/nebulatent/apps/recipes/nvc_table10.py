"""Table 10 on object completion: the masses and the two metric terms, each left out in turn."""

from dataclasses import replace

from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.completing import Completed
from nebulatent.apps.recipes.completion_data import default_completion_data, load_completion_data
from nebulatent.apps.recipes.completion_trivial import TRIVIAL
from nebulatent.apps.recipes.drawings import row_dots
from nebulatent.apps.recipes.nvc_table4 import (
    AE,
    FULL,
    GAN,
    HOSTS,
    HOW,
    PAIRS,
    QUICK,
    higher,
)
from nebulatent.apps.recipes.recipe import Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.evaluation.completion import CLASS, HIDDEN

TABLE = "Table 10"
KINDS = (
    "",
    "NVC",
    "NVC without M_a",
    "NVC-ML",
    "NVC-ML without L_pair",
    "NVC-ML without L_triplet",
)
# IoU of the completion of real scans, in the order of KINDS.
PRINTED = {
    AE: (0.166, 0.171, 0.167, 0.184, 0.179, 0.172),
    GAN: (0.165, 0.196, 0.170, 0.205, 0.181, 0.179),
}


def name_of(host: str, kind: str) -> str:
    """A row's name."""
    return f"{host} with {kind}" if kind else host


def _experiments(host: str) -> tuple[Completed, ...]:
    """In the order of KINDS."""
    alone = Completed(host=HOSTS[host])
    nvc, metric = replace(alone, anchors="nvc"), replace(alone, anchors="nvc-ml")
    return (
        alone,
        nvc,
        replace(nvc, form="euclidean"),
        metric,
        replace(metric, pair=False),
        replace(metric, triplet=False),
    )


def _rows(host: str) -> tuple[Row, ...]:
    return tuple(
        Row(name=name_of(host, kind), experiment=experiment, paper={CLASS: iou})
        for kind, experiment, iou in zip(KINDS, _experiments(host), PRINTED[host], strict=True)
    )


def _parts(better: str, worse: str) -> tuple[Part, ...]:
    """That one kind is better than another, for each host."""
    return tuple(
        higher(
            name_of(host, better),
            name_of(host, worse),
            PRINTED[host][KINDS.index(better)] - PRINTED[host][KINDS.index(worse)],
            f"the host is {host}",
        )
        for host in HOSTS
    )


NO_MASS, NO_PAIR, NO_TRIPLET = KINDS[2], KINDS[4], KINDS[5]
CLAIMS = (
    Claim(
        says="Without M_a, a Euclidean distance in its place, the IoU is lower.",
        where=f"Section 6, {TABLE}",
        parts=_parts("NVC", NO_MASS),
    ),
    Claim(
        says="Without L_pair the IoU is lower.",
        where=f"Section 6, {TABLE}",
        parts=_parts("NVC-ML", NO_PAIR),
    ),
    Claim(
        says="Without L_triplet the IoU is lower.",
        where=f"Section 6, {TABLE}",
        parts=_parts("NVC-ML", NO_TRIPLET),
    ),
    Claim(
        says="Leaving out L_triplet costs more than leaving out L_pair.",
        where=f"Section 6, {TABLE}",
        parts=_parts(NO_PAIR, NO_TRIPLET),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """Both IoUs of every row."""
    return row_dots(record, (CLASS, HIDDEN))


RECIPE = Recipe(
    name="nvc-table10",
    title="Completion without masses or a metric term",
    source=f"Wang et al., TPAMI 2022, {TABLE}, object completion",
    measures=(CLASS, HIDDEN),
    rows=(*TRIVIAL, *_rows(AE), *_rows(GAN)),
    claims=CLAIMS,
    draw=draw,
    notes=(PAIRS, "The paper's numbers are those of real scans (Kinect) at 64³.", HOW),
    quick=QUICK,
    full=FULL,
    load=load_completion_data,
    default_data=default_completion_data,
)
