"""Fig. 4: how classes lie in the latent, of a VAE of grids and of SwitchVAE, without and with λ."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import name_legend, new_figure, numbers
from nebulatent.apps.pictures.colours import group_rows
from nebulatent.apps.pictures.plots import MPL_MARKS, latent_map
from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.recipe import Recipe, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.switch_rows import (
    ALL,
    FULL,
    NO_LAMBDA,
    NOTES,
    PRINCIPAL,
    QUICK,
    SOURCE,
    SWITCH,
    UNTRAINED,
    VOXEL_VAE,
    gain,
    model_row,
    named,
    trivial_rows,
)
from nebulatent.apps.recipes.voxel_data import default_voxels, load_voxel_data
from nebulatent.apps.recipes.voxel_measuring import VOXEL

SILHOUETTE, PURITY = f"{VOXEL} silhouette", f"{VOXEL} k-NN purity"
OWN, NEXT = f"{VOXEL} own class", f"{VOXEL} next class"
A, B, C = (named(model, ALL) for model in (VOXEL_VAE, NO_LAMBDA, SWITCH))
COUNTS = 0.005  # our reading: smaller differences of the two are not seen on a map

ROWS = (*(model_row(model, ALL, {}) for model in (VOXEL_VAE, NO_LAMBDA, SWITCH)), *trivial_rows())
TITLES = {A: "(a) Voxel VAE", B: "(b) SwitchVAE, λ = 0", C: "(c) SwitchVAE"}
OTHERS = {PRINCIPAL: "128 components", UNTRAINED: "untrained"}


def _better(higher: str, lower: str) -> tuple[Part, Part]:
    """That classes are told apart better, by both numbers."""
    return (
        gain(SILHOUETTE, higher, lower, "it is read as silhouette", COUNTS),
        gain(PURITY, higher, lower, "it is read as purity of neighbours", COUNTS),
    )


CLAIMS = (
    Claim(
        says="Switching tells classes apart better than grids alone: (b) over (a).",
        where="Fig. 4, Section 4.3",
        parts=_better(B, A),
    ),
    Claim(
        says="Switching moves classes away from each other: (b) over (a).",
        where="Section 4.3",
        parts=(gain(NEXT, B, A, "", COUNTS),),
    ),
    Claim(
        says="Switching makes each class a bit less clustered: (b) over (a).",
        where="Section 4.3",
        parts=(gain(OWN, B, A, "", COUNTS),),
    ),
    Claim(
        says="The contrastive term tells classes apart better: (c) over (b).",
        where="Fig. 4, Section 4.3",
        parts=_better(C, B),
    ),
    Claim(
        says="The contrastive term helps to cluster each class: (c) over (b).",
        where="Section 4.3",
        parts=(gain(OWN, B, C, "", COUNTS),),
    ),
    Claim(
        says="Classes lie apart better than among as many principal components.",
        where="our bar",
        parts=_better(C, PRINCIPAL),
    ),
    Claim(
        says="Classes lie apart better than in the encoder without any training.",
        where="our bar",
        parts=_better(C, UNTRAINED),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """A t-SNE map of each row's first seed, its silhouette and purity over all seeds above it."""
    titles = TITLES | OTHERS
    maps = {name: trained[name][0].arrays["map"] for name in titles}
    groups = group_rows(np.array(maps[A]["classes"]), maps[A]["names"])  # the same in all
    values = {row.name: row.values for row in record.rows}
    figure = new_figure(5.6)
    axes = figure.subplots(2, 3).ravel()
    for ax, (name, title) in zip(axes, titles.items(), strict=False):
        latent_map(ax, np.array(maps[name]["points"]), groups, np.empty((0, 2)))
        ax.set_title(f"{title}\n{_numbers(values[name])}", size=8.5)
    for ax in axes[len(titles) :]:
        ax.set_axis_off()
    marks = [
        axes[-1].plot([], [], MPL_MARKS[group.mark], color=group.colour, markersize=5)[0]
        for group in groups
    ]
    legend = axes[-1].legend(
        marks, numbers(len(marks)), loc="center left", ncols=1 + len(marks) // 11
    )
    name_legend(legend, [group.name for group in groups])
    return figure


def _numbers(values: Mapping[str, object]) -> str:
    silhouette, purity = (np.mean(np.asarray(values[name])) for name in (SILHOUETTE, PURITY))
    return f"silhouette {silhouette:.2f}, purity {purity:.2f}"


RECIPE = Recipe(
    name="switchvae-fig4",
    title="Classes in the latent of grids",
    source=f"{SOURCE}, Fig. 4",
    measures=(SILHOUETTE, PURITY, OWN, NEXT),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        *NOTES,
        "The paper shows t-SNE maps without a number, and a map of so few of 128 dimensions keeps "
        "neighbours at best. Its claims are judged by numbers of the codes themselves: silhouette "
        "of the true classes, the share of a code's ten nearest neighbours that are of its class, "
        "and the mean distance from its own class and from the next one, as shares of that of any "
        "two codes. (d), trained on 3D-R2N2, is left out: it is not among our data.",
        "Codes are posterior means of test shapes' grids; labels are read after training only.",
    ),
    quick=QUICK,
    full=FULL,
    load=load_voxel_data,
    default_data=default_voxels,
)
