"""Table 1: what a linear SVM reads off encoders of clouds that never saw a label."""

from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.cloud_data import built_in, load_cloud_data
from nebulatent.apps.recipes.cloud_learners import Host, Task
from nebulatent.apps.recipes.cloud_pretext import (
    ByHand,
    Pretext,
    UntrainedEncoder,
)
from nebulatent.apps.recipes.drawings import row_dots
from nebulatent.apps.recipes.effects import Beyond, Gap
from nebulatent.apps.recipes.recipe import Budget, Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.evaluation.poses import MEAN_POSE

ACCURACY = "linear SVM"
POINTNET, DGCNN = "PointNet", "DGCNN"
HOSTS: dict[str, Host] = {POINTNET: "pointnet", DGCNN: "dgcnn"}
PARAE, JIGSAW, ROTATION, OCCO = "ParAE", "Jigsaw3D", "Rotation3D", "OcCo"
FOLDING, NVC = "FoldingNet", "VAE with NVC-ML"
UNTRAINED, FRESH, BY_HAND = "untrained", "untrained, fresh statistics", "D2 distribution"
POINT = 0.01
TASKS: dict[str, Task] = {
    PARAE: "parae",
    JIGSAW: "jigsaw3d",
    ROTATION: "rotation3d",
    OCCO: "occo",
    FOLDING: "foldingnet",
    NVC: "nvc-ml",
}
# The first three were the better of 1e-3 and 5e-3 on shapes of other seeds, before the present test
# clouds were made; the others are the package's default and were not chosen.
RATES: dict[Task, float] = {
    "parae": 5e-3,
    "jigsaw3d": 1e-3,
    "rotation3d": 1e-3,
    "occo": 1e-3,
    "foldingnet": 1e-3,
    "nvc-ml": 1e-3,
}
# ModelNet40 after pre-training on ShapeNet, as Table 1 prints it.
PRINTED = {
    (POINTNET, JIGSAW): 0.873,
    (POINTNET, ROTATION): 0.886,
    (POINTNET, OCCO): 0.887,
    (POINTNET, PARAE): 0.903,
    (POINTNET, FOLDING): 0.884,  # its own network, of graphs
    (DGCNN, JIGSAW): 0.906,
    (DGCNN, ROTATION): 0.908,
    (DGCNN, PARAE): 0.916,
}


def _name(host: str, what: str) -> str:
    return f"{host}, {what}"


def _row(host: str, what: str) -> Row:
    task = TASKS[what]
    paper = PRINTED.get((host, what))
    return Row(
        name=_name(host, what),
        experiment=Pretext(task=task, host=HOSTS[host], lr=RATES[task]),
        paper={} if paper is None else {ACCURACY: paper},
    )


def _untrained(host: str, what: str = UNTRAINED) -> Row:
    experiment = UntrainedEncoder(host=HOSTS[host], settled=what == UNTRAINED)
    return Row(name=_name(host, what), experiment=experiment, paper={})


ROWS = (
    *(_row(POINTNET, what) for what in TASKS),
    _untrained(POINTNET),
    _untrained(POINTNET, FRESH),
    *(_row(DGCNN, what) for what in (PARAE, JIGSAW, ROTATION)),
    _untrained(DGCNN),
    Row(name=BY_HAND, experiment=ByHand(), paper={}),
)


def _above(host: str, other: str, counts_from: float, condition: str = "") -> Part:
    """That ParAE is more accurate than another row of the same network."""
    effect = Gap(measure=ACCURACY, higher=(_name(host, PARAE),), lower=(_name(host, other),))
    return Part(effect=effect, condition=condition, counts_from=counts_from)


def _against(others: tuple[str, ...], hosts: tuple[str, ...]) -> tuple[Part, ...]:
    return tuple(
        _above(host, other, POINT / 2, f"it is compared with {other} on {host}")
        for host in hosts
        for other in others
    )


CLAIMS = (
    Claim(
        says="ParAE is better than Jigsaw3D and Rotation3D on the same network.",
        where="Table 1",
        parts=_against((JIGSAW, ROTATION), (POINTNET, DGCNN)),
    ),
    Claim(
        says="ParAE is better than OcCo and FoldingNet.",
        where="Table 1",
        parts=_against((OCCO, FOLDING), (POINTNET,)),
    ),
    Claim(
        says="ParAE is better than a variational autoencoder with anchors.",
        where="ours",
        parts=(_above(POINTNET, NVC, POINT / 2),),
    ),
    Claim(
        says="ParAE adds ten points or more to the untrained encoder.",
        where="our bar, meant for the built-in shapes",
        parts=tuple(
            _above(host, UNTRAINED, 10 * POINT, f"the network is {host}") for host in HOSTS
        ),
    ),
    Claim(
        says="ParAE adds eight points or more to the untrained PointNet.",
        where="our bar, meant for ModelNet10",
        parts=(_above(POINTNET, UNTRAINED, 8 * POINT),),
    ),
    Claim(
        says="ParAE with PointNet is right for 85 % of the clouds or more.",
        where="our bar, meant for ModelNet10",
        parts=(Part(effect=Beyond(measure=ACCURACY, row=_name(POINTNET, PARAE), bound=0.85)),),
    ),
    Claim(
        says="ParAE is better than distances counted by hand.",
        where="ours",
        parts=(
            Part(
                effect=Gap(measure=ACCURACY, higher=(_name(POINTNET, PARAE),), lower=(BY_HAND,)),
                counts_from=POINT,
            ),
        ),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """Accuracy of each row, over all clouds and within the classes."""
    return row_dots(record, (ACCURACY, f"{ACCURACY}, class mean"))


RECIPE = Recipe(
    name="parae-table1",
    title="What an encoder of clouds learns without labels",
    source="Eckart et al., CVPR 2021, Table 1 (ModelNet40 after ShapeNet)",
    measures=(ACCURACY, f"{ACCURACY}, class mean", f"{ACCURACY}, cross-validation", MEAN_POSE),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "Each encoder learns from the training clouds, without labels, and is then frozen; a "
        "linear SVM learns the labels of the same clouds. Its C is chosen among up to five by "
        "cross-validation on them. The paper's encoders learn from 57 448 shapes of ShapeNet.",
        "The quick preset has networks of a quarter of the paper's channels that train on 512 "
        "points, other ones at each step, and ParAE has 16 components instead of 32, which was "
        "better on shapes of another seed (0.752 to 0.729 after eight epochs of one training).",
        "Built-in shapes are upright and turned about the up axis. Other clouds are turned into "
        "the frame of their principal axes, for every row; “mean pose” is the SVM on features "
        "averaged over the four rotations that the axes' signs leave open. The untrained encoder "
        "has the statistics of the clouds in its normalisations, which claims compare with; “fresh "
        "statistics” is the weaker control, a network just created.",
        "That claims read the single pose was settled after development had shown that averaging "
        "makes an untrained PointNet as good as ParAE's after four epochs, on a fifth of "
        "ModelNet10's training clouds (0.863 and 0.858), so read both columns. ParAE was tuned "
        "more than its rivals; the rates of OcCo, FoldingNet and the VAE were not tuned at all.",
    ),
    quick=Budget(samples=20_000, test_samples=10_000, epochs=10, batch_size=16),
    full=Budget(samples=100_000, test_samples=10_000, epochs=150, batch_size=32),
    load=load_cloud_data,
    default_data=built_in,
)
