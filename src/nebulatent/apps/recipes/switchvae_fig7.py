"""Fig. 7: sums of codes that give chairs arms and tables a middle layer, with the truth beside."""

from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.effects import Lead
from nebulatent.apps.recipes.grid_coders import unpack_grids
from nebulatent.apps.recipes.grid_strips import strip_blocks
from nebulatent.apps.recipes.grid_sums import ATTRIBUTES, HOW, MEAN, NOTHING, PAIR, THERE
from nebulatent.apps.recipes.latent_looks import Plain
from nebulatent.apps.recipes.recipe import Preset, Recipe, Row, Trainings
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
    gain,
    model_row,
    named,
    trivial_rows,
)
from nebulatent.apps.recipes.voxel_data import VoxelData, load_voxel_data
from nebulatent.apps.recipes.voxel_measuring import VOXEL
from nebulatent.data.shapes.builtin import NAME as SHAPES

MODEL, ALONE = named(SWITCH, ALL), named(VOXEL_VAE, ALL)
CELLS = "grids, added"
COUNTS = 0.05  # of all shapes

ROWS = (
    model_row(SWITCH, ALL, {}),
    model_row(VOXEL_VAE, ALL, {}),
    trivial_rows()[0],
    Row(name=CELLS, experiment=Plain(form="cells"), paper={}),
)


def share(attribute: str, how: str) -> str:
    """How often an attribute is there."""
    return f"{VOXEL} {attribute}: {how}"


def near(attribute: str, how: str) -> str:
    """IoU with the true answer."""
    return f"{VOXEL} {attribute} IoU: {how}"


NAMES = tuple(attribute.name for attribute in ATTRIBUTES)
WHAT = {"arms": "a chair gets arms", "layer": "a table gets a layer"}


def _lead(measure: str, over: str, condition: str) -> Part:
    return Part(
        effect=Lead(measure=measure, over=over, row=MODEL), condition=condition, counts_from=COUNTS
    )


CLAIMS = (
    Claim(
        says="With the difference of two other shapes added, the attribute is there more often.",
        where="Section 4.4, Fig. 7",
        parts=tuple(_lead(share(a, PAIR), share(a, NOTHING), WHAT[a]) for a in NAMES),
    ),
    Claim(
        says="With the mean difference of many shapes added, it is.",
        where="ours",
        parts=tuple(_lead(share(a, MEAN), share(a, NOTHING), WHAT[a]) for a in NAMES),
    ),
    Claim(
        says="The sum is nearer to the same shape with the attribute than without a change.",
        where="ours",
        parts=tuple(
            Part(
                effect=Lead(measure=near(a, how), over=near(a, NOTHING), row=MODEL),
                condition=f"{WHAT[a]} by {words}",
            )
            for a in NAMES
            for how, words in ((PAIR, "one pair"), (MEAN, "the mean of pairs"))
        ),
    ),
    Claim(
        says="Sums of codes give the attribute more often than sums of the grids themselves.",
        where="our bar",
        parts=tuple(
            gain(share(a, how), MODEL, row, f"{WHAT[a]} by {how}, beside {words}", COUNTS)
            for a in NAMES
            for how in (PAIR, MEAN)
            for row, words in ((CELLS, "cells"), (PRINCIPAL, "128 principal components"))
        ),
    ),
)

TITLES = ("with", "− without", "+ other", "one pair", "mean", "rebuilt", "truth")
LINES = {"arms": "a chair\ngets arms", "layer": "a table gets\na layer"}


def draw(record: Record, trained: Trainings) -> Figure:
    """The first sums of SwitchVAE's first seed."""
    arrays = trained[MODEL][0].arrays
    return strip_blocks({LINES[a]: unpack_grids(arrays[f"{a} sums"]) for a in NAMES}, TITLES)


def load_known(path: str, preset: Preset) -> VoxelData:
    """Shapes whose factors are known.

    Raises:
        ValueError: If they are others.
    """
    if path != SHAPES:
        raise ValueError(
            f"`--data` must be {SHAPES} for switchvae-fig7, got `{path}`: of other shapes it is "
            "not known what they are like with and without an attribute."
        )
    return load_voxel_data(path, preset)


RECIPE = Recipe(
    name="switchvae-fig7",
    title="Sums of codes",
    source=f"{SOURCE}, Fig. 7",
    measures=(
        *(share(a, how) for a in NAMES for how in HOW),
        *(near(a, how) for a in NAMES for how in HOW),
    ),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        *NOTES,
        "The paper shows two sums of 3D-R2N2's shapes, without a number. Here chairs and tables "
        "come from the built-in generator, 48 of each from a seed of their own, with and without "
        "the attribute and else the same; so what a sum should be is known. The attribute is there "
        f"if {THERE:.0%} of the cells that it adds are filled; shapes where it adds less than 5 % "
        "of the cells, that fall apart because a part is thinner than a cell, or that it makes "
        "smaller (a shape fills its cube), are left out.",
        "“One pair”: another shape with it less a third one without, as in the paper. “Mean of "
        "pairs”: all others with it less all others without. “No change”: the shape itself, "
        "encoded and decoded. “Rebuilt”: the true answer, encoded and decoded, the best that the "
        "code can do.",
    ),
    quick=QUICK,
    full=FULL,
    load=load_known,
    default_data=lambda: SHAPES,
)
