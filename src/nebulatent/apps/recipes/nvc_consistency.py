"""NVC with consistency at its own length: are clusters classes, without a label, on every seed?

The other recipes give all rows one budget. Here the method takes the steps that the command takes,
on all training samples, so that what it reaches can be read off. `--data digits` asks the same of
scikit-learn's digits, with the same defaults; other seeds of both sets settled these.
"""

from matplotlib.figure import Figure

from nebulatent.apps.recipes.agreeing import Consistency
from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.drawings import row_dots
from nebulatent.apps.recipes.effects import Beyond, Effect, Gap
from nebulatent.apps.recipes.recipe import Budget, Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.trivial import PIXELS, baselines

TEN = "NVC with consistency, 10"
PRINTED = {16: 0.9779, 20: 0.9751, 30: 0.9719, 120: 0.9703}
MANY = "many-to-one"
MANY_BAR = 0.965


def _named(size: int) -> str:
    return f"NVC with consistency, {size}"


ROWS = (
    Row(
        name=TEN,
        experiment=Consistency(num_anchors=10, own_steps=True),
        paper={"ACC": 0.9821, MANY: 0.9821},
    ),
    *(
        Row(
            name=_named(size),
            experiment=Consistency(num_anchors=size, own_steps=True),
            paper={MANY: printed},
            full_only=True,
        )
        for size, printed in PRINTED.items()
    ),
    *baselines(10),
)


def _bar(says: str, effect: Effect) -> Claim:
    return Claim(says=says, where="our bar", parts=(Part(effect=effect),))


CLAIMS = (
    _bar("Ten anchors find the classes: ACC ≥ 0.96.", Beyond(measure="ACC", row=TEN, bound=0.96)),
    _bar("As well as the paper says: ACC ≥ 0.98.", Beyond(measure="ACC", row=TEN, bound=0.98)),
    _bar(
        "They are better than k-means on pixels by ten points or more.",
        Gap(measure="ACC", higher=(TEN,), lower=(PIXELS,), slack=-0.1),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """Every seed of every row."""
    return row_dots(record, ("ACC", MANY, "NMI"))


BUDGET = Budget(samples=60_000, test_samples=10_000, epochs=1, batch_size=512)

RECIPE = Recipe(
    name="nvc-consistency",
    title="NVC with consistency: clusters as classes",
    source="Wang et al., TPAMI 2022, Table 3, by a method of our own",
    measures=("ACC", MANY, "NMI", "ARI", "k-NN"),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "All training samples, the steps of `nebulatent fit --method nvc-consistency` (590 of each "
        "member, 1 410 of the clusters), no decoder, no label. The epochs of the budget do not "
        f"apply. The full preset adds 16, 20, 30 and 120 anchors; our bar there is {MANY_BAR:.1%} "
        "many-to-one.",
    ),
    quick=BUDGET,
    full=BUDGET,
)
