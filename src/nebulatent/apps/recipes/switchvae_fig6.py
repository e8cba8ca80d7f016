"""Fig. 6: paths between shapes of different classes, in the latent and without one."""

from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.effects import Beyond, Gap
from nebulatent.apps.recipes.grid_coders import unpack_grids
from nebulatent.apps.recipes.grid_strips import strip_blocks
from nebulatent.apps.recipes.grid_walks import ENDS, STEPS
from nebulatent.apps.recipes.latent_looks import Plain
from nebulatent.apps.recipes.recipe import Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.switch_rows import (
    ALL,
    FULL,
    NOTES,
    PRINCIPAL,
    QUICK,
    SOURCE,
    SWITCH,
    VOXEL_VAE,
    model_row,
    named,
    trivial_rows,
)
from nebulatent.apps.recipes.voxel_data import default_voxels, load_voxel_data
from nebulatent.apps.recipes.voxel_measuring import VOXEL

LARGEST, DETOUR = f"{VOXEL} largest step", f"{VOXEL} detour"
NEAR, WHOLE = f"{VOXEL} IoU of neighbours", f"{VOXEL} between in one piece"
ENDS_WHOLE, CLOSE = f"{VOXEL} ends in one piece", f"{VOXEL} {ENDS}"
MODEL, ALONE = named(SWITCH, ALL), named(VOXEL_VAE, ALL)
CELLS, DISTANCES = "grids, mixed", "distances from the surface, mixed"
SMOOTH = 0.3  # of all changes: a step that is larger is seen as a jump; an even one is 0.125

ROWS = (
    model_row(SWITCH, ALL, {}),
    model_row(VOXEL_VAE, ALL, {}),
    trivial_rows()[0],
    Row(name=CELLS, experiment=Plain(form="cells"), paper={}),
    Row(name=DISTANCES, experiment=Plain(form="distances"), paper={}),
)


def _over(higher: str, lower: str, measure: str, condition: str, slack: float = 0.0) -> Part:
    effect = Gap(measure=measure, higher=(higher,), lower=(lower,), slack=slack)
    return Part(effect=effect, condition=condition)


CLAIMS = (
    Claim(
        says="Between shapes of different classes the transition is smooth: the largest step has "
        f"less than {SMOOTH:g} of all changes (mean over paths).",
        where="Section 4.4, Fig. 6",
        parts=(Part(effect=Beyond(measure=LARGEST, row=MODEL, bound=SMOOTH, side="below")),),
    ),
    Claim(
        says="It is more even than without a latent.",
        where="ours",
        parts=(
            _over(CELLS, MODEL, LARGEST, "the cells are mixed instead"),
            _over(DISTANCES, MODEL, LARGEST, "distances from the surface are mixed instead"),
        ),
    ),
    Claim(
        says="What lies between is one body.",
        where="ours",
        parts=(
            _over(MODEL, CELLS, WHOLE, "0.05 less often than with mixed cells is as good", 0.05),
            _over(MODEL, DISTANCES, WHOLE, "it stands beside mixed distances"),
        ),
    ),
    Claim(
        says="Its path changes fewer cells in vain than one among principal components.",
        where="our bar",
        parts=(_over(PRINCIPAL, MODEL, DETOUR, ""),),
    ),
)

TITLES = ("from", *(f"{step / (STEPS - 1):.2g}" for step in range(STEPS)), "to")
SHOWN = {MODEL: "SwitchVAE", CELLS: "grids,\nmixed", DISTANCES: "distances,\nmixed"}


def draw(record: Record, trained: Trainings) -> Figure:
    """The first pairs, walked by SwitchVAE's first seed; the first two without a latent."""
    strips = {
        title: unpack_grids(trained[row][0].arrays["walks"])[: 4 if row == MODEL else 2]
        for row, title in SHOWN.items()
    }
    return strip_blocks(strips, TITLES)


RECIPE = Recipe(
    name="switchvae-fig6",
    title="Paths between shapes of different classes",
    source=f"{SOURCE}, Fig. 6",
    measures=(LARGEST, DETOUR, NEAR, WHOLE, ENDS_WHOLE, CLOSE),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        *NOTES,
        "Sixty-four pairs of test shapes, drawn once, are joined by straight lines among posterior "
        "means, decoded at nine places; a cell is filled above 0.5. The largest step is the share "
        "of all changes of cells that falls into one step (even: 0.125), a detour the share that "
        "is undone again. A code that lost the shapes would have smooth paths too: the IoU of the "
        "ends with the true shapes stands beside.",
        "Beside the latent: the cells of both shapes mixed, which jumps in the middle, and signed "
        "distances from the surface mixed, a morph without any training.",
    ),
    quick=QUICK,
    full=FULL,
    load=load_voxel_data,
    default_data=default_voxels,
)
