"""Fig. 4: what 5, 10 and 20 anchors decode to, and how pure the codes around them are."""

import numpy as np
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import new_figure
from nebulatent.apps.pictures.galleries import picture_grid, pictures
from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.effects import Beyond, Gap, Lead, Trend
from nebulatent.apps.recipes.recipe import Finished, Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.store import unpack
from nebulatent.apps.recipes.trained import Trained
from nebulatent.apps.recipes.trivial import baselines

SIZES = (5, 10, 20)
PURE = 0.9  # share of test digits on the majority's anchor: the paper's Table 3 says 0.97 to 0.98
PIXELS, UNTRAINED = baselines(10)


def _name(size: int) -> str:
    return f"NVC-ML, {size} anchors"


ROWS = (
    *(
        Row(name=_name(size), experiment=Trained(method="nvc-ml", num_anchors=size), paper={})
        for size in SIZES
    ),
    PIXELS,
    UNTRAINED,
)

CLAIMS = (
    Claim(
        says="With 10 anchors, every anchor is surrounded by one of the 10 digits "
        f"(one-to-one accuracy at least {PURE:g}).",
        where="Fig. 4, Section 4.2",
        parts=(Part(effect=Beyond(measure="ACC", row=_name(10), bound=PURE)),),
    ),
    Claim(
        says="With 10 anchors, each digit is the most frequent one of an anchor.",
        where="Fig. 4, Section 4.2",
        parts=(
            Part(
                effect=Beyond(measure="classes named", row=_name(10), bound=9.5),
            ),
        ),
    ),
    Claim(
        says="More anchors separate digits and styles: the share of the most frequent digit rises.",
        where="Fig. 4, Section 4.2",
        parts=(
            Part(
                effect=Trend(
                    measure="many-to-one",
                    sizes={_name(size): float(size) for size in SIZES},
                    direction="rise",
                )
            ),
        ),
    ),
    Claim(
        says=f"20 anchors are separate by digit (purity at least {PURE:g}).",
        where="Fig. 4, Section 4.2",
        parts=(Part(effect=Beyond(measure="many-to-one", row=_name(20), bound=PURE)),),
    ),
    Claim(
        says="10 anchors are purer than k-means without any training.",
        where="ours",
        parts=tuple(
            Part(
                effect=Gap(measure=measure, higher=(_name(10),), lower=(PIXELS.name,)),
                condition=f"it is read as {measure}",
                counts_from=0.005,
            )
            for measure in ("many-to-one", "ACC")
        ),
    ),
    Claim(
        says="The anchors name digits better than k-means does on the same codes.",
        where="ours",
        parts=tuple(
            Part(
                effect=Lead(measure="ACC", over="k-means ACC", row=_name(size)),
                condition=f"there are {size} anchors",
                counts_from=0.005,
            )
            for size in (10, 20)
        ),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """Each anchor of the first seed: decoded, then samples of the codes around it."""
    figure = new_figure(8.2)
    axes = figure.subplot_mosaic("AC;BC", height_ratios=SIZES[:2])
    for ax, size in zip((axes["A"], axes["B"], axes["C"]), SIZES, strict=True):
        first = trained[_name(size)][0]
        tiles = unpack(first.arrays["anchors"])
        names = anchor_names(first)
        order = np.argsort(names, kind="stable")
        picture_grid(
            ax,
            pictures(tiles[order] / 255.0),
            f"{size} anchors: purity {_purity(record, size):.2f}",
            [names[i] for i in order],
        )
        ax.set_anchor("N")
    return figure


def anchor_names(first: Finished) -> list[str]:
    """The most frequent class of each anchor and its share of the test samples there."""
    counts = np.array(first.arrays["counts"])
    share = counts.max(1) / np.maximum(counts.sum(1), 1)
    return [f"{i} · {s:.0%}" if s else "none" for i, s in zip(counts.argmax(1), share, strict=True)]


def _purity(record: Record, size: int) -> float:
    values = next(row.values for row in record.rows if row.name == _name(size))
    return float(np.mean(values["many-to-one"]))


RECIPE = Recipe(
    name="nvc-fig4",
    title="What anchors decode to",
    source="Wang et al., TPAMI 2022, Fig. 4 and section 4.2",
    measures=("many-to-one", "ACC", "NMI", "classes named", "anchors in use", "k-means ACC"),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "The figure: anchors of the first seed, ordered by the digit that is most frequent among "
        "the test digits nearest to them, with its share; first what the anchor itself decodes "
        "to, then eight draws from the codes around it. Purity is many-to-one accuracy, mean over "
        "seeds; it rises with the number of clusters for any method, and 5 clusters of ten equal "
        "classes have at most 0.5. Labels are read after training only.",
    ),
)
