"""Table 5: do anchors in supervised point networks name the parts of shapes better?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from nebulatent.apps.pictures.canvas import name_legend, new_figure, numbers
from nebulatent.apps.pictures.part_pictures import category_dots, part_grid
from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.effects import Effect, Gap, Results, Values, values
from nebulatent.apps.recipes.part_data import SIZES, default_part_data, load_part_data
from nebulatent.apps.recipes.recipe import Budget, Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.segmenting import FrequentPart, NearestPoint, Segmented
from nebulatent.data.clouds.shapenet_part import PARTS as SHAPENET_PARTS
from nebulatent.evaluation.part_iou import ACCURACY, CLASS, INSTANCE, iou_of

TABLE = "Table 5"
POINTNET, POINTNET2, GCN = "PointNet", "PointNet++", "3D-GCN"
NVC, ML = "with NVC", "with NVC-ML"
STRONG = f"{POINTNET} {ML}, strong"
FREQUENT, NEAREST = "most frequent part", "nearest training point"
SHOWN = 8  # clouds in a line of the figure
QUICK, FULL = SIZES["quick"], SIZES["full"]
STEP = 0.001  # the last digit that the paper prints


def _paper(mean: float, *by_category: float) -> dict[str, float]:
    """A line of Table 5: the mean, which is over clouds, and the sixteen categories."""
    shares = zip(SHAPENET_PARTS, by_category, strict=True)
    return {INSTANCE: mean / 100, **{iou_of(name): value / 100 for name, value in shares}}


# fmt: off
PRINTED = {
    POINTNET: _paper(
        83.7, 83.4, 78.7, 82.5, 74.9, 89.6, 73.0, 91.5, 85.9,
        80.8, 95.3, 65.2, 93.0, 81.2, 57.9, 72.8, 80.6,
    ),
    f"{POINTNET} {ML}": _paper(
        84.4, 84.1, 81.6, 82.7, 76.5, 89.8, 71.6, 91.8, 86.1,
        81.7, 95.7, 66.3, 92.2, 82.3, 61.0, 73.2, 81.7,
    ),
    POINTNET2: _paper(
        85.1, 82.4, 79.0, 87.7, 77.3, 90.8, 71.8, 91.0, 85.9,
        83.7, 95.3, 71.6, 94.1, 81.3, 58.7, 76.4, 82.6,
    ),
    GCN: _paper(
        85.1, 83.1, 84.0, 86.6, 77.5, 90.3, 74.1, 90.9, 86.4,
        83.8, 95.6, 66.8, 94.8, 81.3, 59.6, 75.7, 82.8,
    ),
    f"{GCN} {ML}": _paper(
        86.3, 83.5, 83.1, 91.4, 79.6, 92.9, 70.3, 97.4, 87.1,
        87.4, 97.0, 78.0, 97.2, 84.4, 61.6, 82.3, 87.9,
    ),
}
# fmt: on


def _row(name: str, experiment: Segmented) -> Row:
    return Row(name=name, experiment=experiment, paper=PRINTED.get(name, {}), supervised=True)


ROWS = (
    _row(POINTNET, Segmented(host="pointnet")),
    _row(f"{POINTNET} {NVC}", Segmented(host="pointnet", terms="nvc")),
    _row(f"{POINTNET} {ML}", Segmented(host="pointnet", terms="nvc-ml")),
    _row(STRONG, Segmented(host="pointnet", terms="nvc-ml", counted=1)),
    _row(POINTNET2, Segmented(host="pointnet2")),
    _row(f"{POINTNET2} {ML}", Segmented(host="pointnet2", terms="nvc-ml")),
    _row(GCN, Segmented(host="gcn3d")),
    _row(f"{GCN} {ML}", Segmented(host="gcn3d", terms="nvc-ml")),
    Row(name=FREQUENT, experiment=FrequentPart(), paper={}, supervised=True),
    Row(name=NEAREST, experiment=NearestPoint(), paper={}, supervised=True),
)


@dataclass(frozen=True, kw_only=True)
class MostCategories:
    """By how much the share of categories with a higher IoU exceeds one half."""

    higher: str
    lower: str

    @property
    def measure(self) -> str:
        """What the others are the parts of."""
        return CLASS

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows."""
        return (self.higher, self.lower)

    def __call__(self, results: Results) -> Values:
        """The share, less one half; equal categories count as half."""
        names = [name for name in results[self.lower][0] if name.startswith(iou_of(""))]
        gaps = [
            values(results, self.higher, name) - values(results, self.lower, name) for name in names
        ]
        return np.sign(gaps).mean(0) / 2

    def __str__(self) -> str:
        return f"share of categories with IoU {self.higher} > {self.lower} − 0.5"


def _gap(higher: str, lower: str) -> Gap:
    return Gap(measure=INSTANCE, higher=(higher,), lower=(lower,))


def _host(host: str) -> str:
    return f"the network is {host}"


def _better(effect: Effect, counts_from: float, condition: str = "") -> Part:
    return Part(effect=effect, condition=condition, counts_from=counts_from)


CLAIMS = (
    Claim(
        says="NVC-ML improves the mean IoU of its network.",
        where=TABLE,
        parts=(
            _better(_gap(f"{POINTNET} {ML}", POINTNET), STEP, _host(POINTNET)),
            _better(_gap(f"{GCN} {ML}", GCN), STEP, _host(GCN)),
        ),
    ),
    Claim(
        says="NVC-ML improves most of the categories.",
        where="Section 4.4",
        parts=tuple(
            _better(MostCategories(higher=f"{host} {ML}", lower=host), 0.0, _host(host))
            for host in (POINTNET, GCN)
        ),
    ),
    Claim(
        says="NVC-ML improves PointNet++, too.",
        where="ours: Table 5 lacks it",
        parts=(_better(_gap(f"{POINTNET2} {ML}", POINTNET2), STEP),),
    ),
    Claim(
        says="Anchors without class labels (NVC) improve PointNet.",
        where="ours: Table 5 lacks it",
        parts=(_better(_gap(f"{POINTNET} {NVC}", POINTNET), STEP),),
    ),
    Claim(
        says="Weights of 1, 0.1 and 1 beside a mean over points are worse than 1/64 of them.",
        where="ours",
        parts=(_better(_gap(f"{POINTNET} {ML}", STRONG), STEP),),
    ),
    Claim(
        says="PointNet++ and 3D-GCN are better than PointNet.",
        where=TABLE,
        parts=tuple(_better(_gap(host, POINTNET), STEP, _host(host)) for host in (POINTNET2, GCN)),
    ),
    Claim(
        says="A trained network is better than the nearest training point by ten points or more.",
        where="our bar",
        parts=tuple(
            _better(
                Gap(measure=INSTANCE, higher=(host,), lower=(NEAREST,), slack=-0.1),
                0.0,
                _host(host),
            )
            for host in (POINTNET, POINTNET2, GCN)
        ),
    ),
)

DRAWN = (POINTNET, f"{POINTNET} {ML}", GCN, f"{GCN} {ML}")


def draw(record: Record, trained: Trainings) -> Figure:
    """The first test cloud of each category as in Fig. 6, then the IoU of all categories."""
    shown = {row: trained[row][0].arrays for row in DRAWN if row in trained}
    first = next(iter(shown.values()))
    count = len(first["names"])
    lines = [range(start, min(start + SHOWN, count)) for start in range(0, count, SHOWN)]
    tall = 0.32 * count
    figure = new_figure(1.05 * len(lines) * (len(shown) + 1) + tall + 1.0)
    axes = figure.subplots(
        len(lines) + 1, 1, height_ratios=[*(1.05 * (len(shown) + 1),) * len(lines), tall]
    )
    for ax, line in zip(axes, lines, strict=False):
        opinions = {"true": _some(first["true"], line)}
        opinions |= {row: _some(arrays["predicted"], line) for row, arrays in shown.items()}
        clouds, names = np.array(_some(first["points"], line)), _some(first["names"], line)
        own = [first["parts_of"][number] for number in line]
        part_grid(ax, clouds, opinions, own, list(names))
    drawn = category_dots(axes[-1], _by_category(record, first["names"]), first["names"], "IoU")
    marks = drawn.get_legend_handles_labels()[0]
    legend = figure.legend(marks, numbers(len(DRAWN)), loc="outside lower center", ncols=len(DRAWN))
    name_legend(legend, DRAWN)
    return figure


def _some(every: Sequence[object], rows: range) -> np.ndarray:
    return np.array([every[row] for row in rows])


def _by_category(record: Record, names: Sequence[str]) -> Mapping[str, list[Sequence[float]]]:
    measured = {row.name: row.values for row in record.rows}
    return {row: [measured[row][iou_of(name)] for name in names] for row in DRAWN}


RECIPE = Recipe(
    name="nvc-table5",
    title="Parts of shapes, with and without anchors in the network",
    source="Wang et al., TPAMI 2022, Table 5 (ShapeNetPart), Fig. 6 and section 4.4",
    measures=(INSTANCE, CLASS, ACCURACY),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "Mean IoU by the protocol of ShapeNetPart: the category is known, a part that is neither "
        "there nor predicted counts as 1. Table 5's “Avg.” is the mean over clouds, not over "
        "categories, and its numbers are of ShapeNetPart; the built-in shapes are others, turned "
        "by any angle, so that only differences compare. The IoU of every category is in the .csv. "
        f"The quick preset has {QUICK.num_points} points of each cloud and 1/{QUICK.narrower} of "
        f"the papers' channels, the full one {FULL.num_points:,} and all of them.",
        "The paper says neither how many anchors there are, nor where, nor how they are weighed: "
        "here as many as categories, on the feature of the whole cloud divided by the root of its "
        "size. Weights are 1, 0.1 and 1 beside a sum over points of which a cloud counts as 64 "
        "(“strong”: beside their mean). In NVC-ML the category of a cloud is its anchor, as "
        "section 4.4 says. PointNet++ is the one with one neighbourhood per centre, "
        "without normals; 3D-GCN has as many points as the others (its paper: 1 024).",
    ),
    quick=Budget(samples=1600, test_samples=800, epochs=12, batch_size=16),
    full=Budget(samples=14_007, test_samples=2874, epochs=200, batch_size=32),
    load=load_part_data,
    default_data=default_part_data,
)
