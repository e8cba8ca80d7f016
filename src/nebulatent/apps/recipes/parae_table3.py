"""Table 3: what learning from scenes without labels is worth when one area has labels."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import LINE, name_legend, new_figure, numbers, tidy
from nebulatent.apps.pictures.colours import colours
from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.drawings import PAPER
from nebulatent.apps.recipes.effects import Gap
from nebulatent.apps.recipes.parae_table1 import JIGSAW, PARAE, RATES
from nebulatent.apps.recipes.recipe import Budget, Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.scene_data import SIZES, TRAINED, default_scenes, load_scene_data
from nebulatent.apps.recipes.scene_transfer import ACCURACY, MIOU, ByHeight, Transferred, in_area

DRAWN, HEIGHT = "weights as drawn", "most frequent class by height"
TABLE = "Table 3"
LEAST = 0.001  # the last digit that the paper prints
QUICK, FULL = SIZES["quick"], SIZES["full"]
# Gains over weights as drawn, by the area of training, as Table 3 prints them.
PRINTED = {
    (JIGSAW, MIOU): (0.011, 0.003, 0.025, 0.005, 0.0),
    (JIGSAW, ACCURACY): (0.006, 0.0, 0.012, 0.001, 0.002),
    (PARAE, MIOU): (0.099, 0.039, 0.085, 0.056, 0.053),
    (PARAE, ACCURACY): (0.089, 0.011, 0.067, 0.054, 0.033),
}

ROWS = (
    Row(name=DRAWN, experiment=Transferred(task=None), paper={}, supervised=True),
    Row(
        name=JIGSAW,
        experiment=Transferred(task="jigsaw3d", pretext_rate=RATES["jigsaw3d"]),
        paper={},
        supervised=True,
    ),
    Row(
        name=PARAE,
        experiment=Transferred(task="parae", pretext_rate=RATES["parae"]),
        paper={},
        supervised=True,
    ),
    Row(name=HEIGHT, experiment=ByHeight(), paper={}, supervised=True),
)


def _better(measure: str, higher: str, lower: str, condition: str = "") -> Part:
    effect = Gap(measure=measure, higher=(higher,), lower=(lower,))
    return Part(effect=effect, condition=condition, counts_from=LEAST)


def _by_area(higher: str, lower: str) -> tuple[Part, ...]:
    return tuple(
        _better(in_area(MIOU, area), higher, lower, f"Area {area} has the labels")
        for area in TRAINED
    )


CLAIMS = (
    Claim(
        says="Both pretext tasks improve mIoU and accuracy over random weights.",
        where="Section 4.4",
        parts=tuple(
            _better(measure, task, DRAWN, f"it is {task}'s {measure}")
            for task in (JIGSAW, PARAE)
            for measure in (MIOU, ACCURACY)
        ),
    ),
    Claim(
        says="ParAE improves mIoU and accuracy more than Jigsaw3D.",
        where=TABLE,
        parts=tuple(
            _better(measure, PARAE, JIGSAW, f"it is {measure}") for measure in (MIOU, ACCURACY)
        ),
    ),
    Claim(
        says="ParAE improves mIoU whichever area has the labels.",
        where=TABLE,
        parts=_by_area(PARAE, DRAWN),
    ),
    Claim(
        says="ParAE improves mIoU more than Jigsaw3D whichever area has the labels.",
        where=TABLE,
        parts=_by_area(PARAE, JIGSAW),
    ),
    Claim(
        says="The network from weights as drawn is better than the height alone by ten points.",
        where="our bar",
        parts=(Part(effect=Gap(measure=MIOU, higher=(DRAWN,), lower=(HEIGHT,), slack=-0.1)),),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """Gains over weights as drawn by the area of training: each seed, their mean, the paper's."""
    tasks = dict(zip((JIGSAW, PARAE), colours(2), strict=True))
    figure = new_figure(3.4)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, measure in zip(axes, (MIOU, ACCURACY), strict=True):
        for number, (task, colour) in enumerate(tasks.items()):
            places = np.arange(len(TRAINED)) + 0.3 * number - 0.15
            _gains(ax, gains(record, task, measure), places, colour)
            ax.plot(PRINTED[task, measure], places, "D", color=PAPER, markersize=4.5)
        tidy(ax, f"gain in {measure}").axvline(0, color=LINE, zorder=0)
    axes[0].set_yticks(range(len(TRAINED)), [f"Area {area}" for area in TRAINED])
    axes[0].invert_yaxis()
    marks = [axes[0].plot([], [], "o", color=colour)[0] for colour in tasks.values()]
    marks.append(axes[0].plot([], [], "D", color=PAPER, markersize=4.5)[0])
    legend = figure.legend(marks, numbers(3), loc="outside upper right", ncols=3)
    name_legend(legend, [*tasks, "the paper (S3DIS)"])
    return figure


def _gains(
    ax: Axes,
    values: Float[np.ndarray, "areas seeds"],
    places: Float[np.ndarray, " areas"],
    colour: str,
) -> None:
    for seed in values.T:
        ax.plot(seed, places, "o", color=colour, alpha=0.5, markersize=4)
    ax.plot(values.mean(1), places, "|", color=colour, markersize=10, markeredgewidth=1.8)


def gains(record: Record, task: str, measure: str) -> Float[np.ndarray, "areas seeds"]:
    """What a task adds to weights as drawn, by the area of training and seed."""
    values = {row.name: row.values for row in record.rows}
    names = [in_area(measure, area) for area in TRAINED]
    own, drawn = (np.array([values[row][name] for name in names]) for row in (task, DRAWN))
    return own - drawn


def _points(task: str, measure: str) -> str:
    """The paper's gains, in points."""
    return ", ".join(f"{100 * gain:.1f}" for gain in PRINTED[task, measure])


RECIPE = Recipe(
    name="parae-table3",
    title="Names of the points of scenes, learned from one area after all were seen unlabelled",
    source="Eckart et al., CVPR 2021, Table 3 (S3DIS) and section 4.4",
    measures=(
        MIOU,
        ACCURACY,
        *(in_area(measure, area) for measure in (MIOU, ACCURACY) for area in TRAINED),
    ),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "DGCNN for scenes. A pretext task sees the blocks of Areas 1 to 4 and 6 without labels; "
        "then one network for each of these areas starts from its weights and learns the area's "
        "labels; all are tested on Area 5. The first two columns are means over the five networks. "
        "The paper prints gains over weights as drawn, in points, for the Areas 1, 2, 3, 4, 6: "
        f"mIoU {_points(JIGSAW, MIOU)} for Jigsaw3D and {_points(PARAE, MIOU)} for ParAE, accuracy "
        f"{_points(JIGSAW, ACCURACY)} and {_points(PARAE, ACCURACY)}; they are in the figure.",
        "Networks see positions alone, in the block: positions in the room, which S3DIS's columns "
        "have too, would solve Jigsaw3D. So figures of S3DIS are not those of networks that see "
        "colours. The edge convolutions and the layer that is pooled are transferred, the rest is "
        "as drawn. Fine-tuning takes as many epochs as pre-training; its rate is the package's "
        "default, those of pre-training are the ones of parae-table1, and none was chosen here.",
        "The built-in rooms are generated, with ten classes: of one kind of building, without "
        f"colour or occlusion. The quick preset has {QUICK.num_points} points of each block, "
        f"{QUICK.neighbours} neighbours, {QUICK.components} components and {QUICK.width:g} of the "
        f"paper's channels, the full one at most {FULL.num_points:,} (built-in rooms have 512), "
        f"{FULL.neighbours}, {FULL.components} and all of them.",
    ),
    quick=Budget(samples=20_000, test_samples=10_000, epochs=10, batch_size=16),
    full=Budget(samples=100_000, test_samples=100_000, epochs=100, batch_size=32),
    load=load_scene_data,
    default_data=default_scenes,
)
