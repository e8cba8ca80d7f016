"""Table 9 and Table 10 on MNIST: the number of anchors, their masses, the two metric terms."""

from dataclasses import replace

from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.drawings import size_lines
from nebulatent.apps.recipes.effects import Gap, Steadier, Trend
from nebulatent.apps.recipes.recipe import Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.trained import Trained
from nebulatent.apps.recipes.trivial import baselines

NO_MASS, NVC, ML = "NVC without M_a", "NVC", "NVC-ML"
KINDS = {
    NO_MASS: Trained(method="nvc", form="euclidean"),
    NVC: Trained(method="nvc"),
    ML: Trained(method="nvc-ml"),
}
# rel on MNIST as Table 9 prints it, by number of anchors; 0.169 without any.
SIZES = (1, 2, 3, 4, 5, 10, 15, 20, 30, 40)
PRINTED = {
    NO_MASS: (0.168, 0.154, 0.143, 0.140, 0.137, 0.136, 0.138, 0.146, 0.158, 0.163),
    NVC: (0.167, 0.153, 0.141, 0.136, 0.136, 0.138, 0.139, 0.141, 0.142, 0.142),
    ML: (0.164, 0.149, 0.141, 0.134, 0.138, 0.133, 0.134, 0.136, 0.136, 0.138),
}
QUICK_SIZES = (2, 5, 10, 20, 40)
MANY = (5, 10, 20, 40)
STEP = 0.001  # the last digit that the paper prints
VAE = "VAE, no anchors"
NO_PAIR, NO_TRIPLET = "NVC-ML, 10, without L_pair", "NVC-ML, 10, without L_triplet"


def _name(kind: str, size: int) -> str:
    return f"{kind}, {size}"


def _names(kind: str, sizes: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(_name(kind, size) for size in sizes)


def _method(kind: str) -> str:
    return f"the method is {kind}"


def _row(kind: str, size: int, rel: float) -> Row:
    return Row(
        name=_name(kind, size),
        experiment=replace(KINDS[kind], num_anchors=size),
        paper={"rel": rel},
        full_only=size not in QUICK_SIZES,
    )


ROWS = (
    Row(name=VAE, experiment=Trained(method="vae"), paper={"rel": 0.169}),
    *(
        _row(kind, size, rel)
        for kind in KINDS
        for size, rel in zip(SIZES, PRINTED[kind], strict=True)
    ),
    Row(name=NO_PAIR, experiment=Trained(method="nvc-ml", pair_weight=0.0), paper={}),
    Row(name=NO_TRIPLET, experiment=Trained(method="nvc-ml", triplet_weight=0.0), paper={}),
    *baselines(10),
)


def _rel(higher: tuple[str, ...], lower: tuple[str, ...], paper: float, condition: str) -> Part:
    """That rel is lower in some rows; a tenth of the paper's own effect counts."""
    effect = Gap(measure="rel", higher=higher, lower=lower)
    return Part(effect=effect, condition=condition, counts_from=max(STEP, paper / 10))


def _helps(without: str, condition: str) -> tuple[Part, Part]:
    """That NVC-ML with 10 anchors is better than without one of its terms, by rel and by ACC."""
    whole = (_name(ML, 10),)
    rel = Gap(measure="rel", higher=(without,), lower=whole)
    acc = Gap(measure="ACC", higher=whole, lower=(without,))
    return (
        Part(effect=rel, condition=f"{condition} and it is read as rel", counts_from=STEP),
        Part(effect=acc, condition=f"{condition} and it is read as ACC", counts_from=0.005),
    )


CLAIMS = (
    Claim(
        says="Fewer than 5 anchors (2 here) already improve the model.",
        where="Section 5",
        parts=(
            _rel((VAE,), (_name(NO_MASS, 2),), 0.015, _method(NO_MASS)),
            _rel((VAE,), (_name(NVC, 2),), 0.016, _method(NVC)),
            _rel((VAE,), (_name(ML, 2),), 0.020, _method(ML)),
        ),
    ),
    Claim(
        says="The improvement is larger from 5 to 20 anchors.",
        where="Section 5",
        parts=tuple(
            _rel((_name(kind, 2),), _names(kind, (5, 10, 20)), 0.014, _method(kind))
            for kind in KINDS
        ),
    ),
    Claim(
        says="5 to 20 anchors improve the model.",
        where="Table 9",
        parts=tuple(
            _rel((VAE,), _names(kind, (5, 10, 20)), 0.030, _method(kind)) for kind in KINDS
        ),
    ),
    Claim(
        says="Without M_a, too many anchors (40) are worse than 10.",
        where="Section 5.1",
        parts=(_rel((_name(NO_MASS, 40),), (_name(NO_MASS, 10),), 0.027, ""),),
    ),
    Claim(
        says="M_a makes rel less sensitive to the number of anchors (5 to 40).",
        where="Section 5.1",
        parts=(
            Part(
                effect=Steadier(
                    measure="rel", steady=_names(NVC, MANY), varying=_names(NO_MASS, MANY)
                ),
                counts_from=0.002,
            ),
        ),
    ),
    Claim(
        says="Metric learning improves NVC further (5 to 40 anchors).",
        where="Section 5.2",
        parts=(_rel(_names(NVC, MANY), _names(ML, MANY), 0.003, ""),),
    ),
    Claim(
        says="Metric learning makes rel less sensitive to the number of anchors (5 to 40).",
        where="Section 5.2",
        parts=(
            Part(
                effect=Steadier(measure="rel", steady=_names(ML, MANY), varying=_names(NVC, MANY)),
                counts_from=STEP,
            ),
        ),
    ),
    Claim(
        says="With M_a the model is better than without (10 anchors, read on MNIST).",
        where="Table 10",
        parts=(
            Part(
                effect=Gap(measure="rel", higher=(_name(NO_MASS, 10),), lower=(_name(NVC, 10),)),
                condition="it is read as rel",
                counts_from=STEP,
            ),
            Part(
                effect=Gap(measure="ACC", higher=(_name(NVC, 10),), lower=(_name(NO_MASS, 10),)),
                condition="it is read as ACC",
                counts_from=0.005,
            ),
        ),
    ),
    Claim(
        says="Without either metric term the model is worse (10 anchors, read on MNIST).",
        where="Table 10",
        parts=(
            *_helps(NO_PAIR, "the term is L_pair"),
            *_helps(NO_TRIPLET, "the term is L_triplet"),
        ),
    ),
    Claim(
        says="Leaving out the triplet term costs more than leaving out the pair term.",
        where="Table 10",
        parts=(
            Part(
                effect=Gap(measure="rel", higher=(NO_TRIPLET,), lower=(NO_PAIR,)),
                condition="it is read as rel",
                counts_from=STEP,
            ),
            Part(
                effect=Gap(measure="ACC", higher=(NO_PAIR,), lower=(NO_TRIPLET,)),
                condition="it is read as ACC",
                counts_from=0.005,
            ),
        ),
    ),
    Claim(
        says="One-to-one accuracy falls as anchors are added beyond the ten digits.",
        where="ours",
        parts=(
            Part(
                effect=Trend(
                    measure="ACC",
                    sizes={_name(ML, size): size for size in (10, 20, 40)},
                    direction="fall",
                )
            ),
        ),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """Rel over the number of anchors, as Fig. 9, and two readings of the clusters."""
    series = {kind: {_name(kind, size): size for size in SIZES} for kind in KINDS}
    return size_lines(record, ("rel", "ACC", "many-to-one"), series, "anchors")


RECIPE = Recipe(
    name="nvc-table9",
    title="How many anchors, with and without masses and metric terms",
    source="Wang et al., TPAMI 2022, Table 9 (MNIST), Table 10 read on MNIST, Fig. 9",
    measures=("rel", "SSE", "ACC", "many-to-one", "anchors in use", "k-means ACC"),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "“Without M_a” replaces the nebula loss by the squared distance to the nearest anchor "
        "(section 5.1). Table 10 itself has volumes, not digits; its comparisons are repeated "
        f"here on MNIST, where {STEP:g} in rel or 0.005 in ACC counts. The quick preset has "
        f"{', '.join(map(str, QUICK_SIZES))} anchors, the full one all of the paper's.",
    ),
)
