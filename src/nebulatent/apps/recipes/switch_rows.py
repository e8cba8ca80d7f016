"""What the recipes of SwitchVAE's tables share: their models, so that each is trained once."""

from dataclasses import replace

from nebulatent.apps.recipes.claims import Part
from nebulatent.apps.recipes.effects import Gap
from nebulatent.apps.recipes.principal import Principal
from nebulatent.apps.recipes.recipe import Budget, Row
from nebulatent.apps.recipes.switching import Switched, Untrained
from nebulatent.apps.recipes.voxel_measuring import REBUILT

SOURCE = "Wu, Pfrommer, Zhou, Beyerer 2023 (SwitchVAE)"
CHAIRS, ALL = f"trained on {REBUILT}s", "trained on all"
IMAGE_VAE, VOXEL_VAE, SWITCH = "Image VAE", "Voxel VAE", "SwitchVAE"
NO_LAMBDA, NVC = "SwitchVAE, λ = 0", "SwitchVAE + NVC-ML"
FOR_IMAGES, FOR_IMAGES_NO_LAMBDA = "SwitchVAE for pictures", "SwitchVAE for pictures, λ = 0"
FEW_IMAGE_VAE, FEW_SWITCH = "Image VAE, few pictures", "SwitchVAE for pictures, few pictures"
FEW = 1 / 16  # share of the shapes that have pictures, where few have
MOSTLY = 0.8  # how often the switch of a model for pictures picks them
MODELS = {
    IMAGE_VAE: Switched(model="image-vae"),
    VOXEL_VAE: Switched(model="voxel-vae"),
    NO_LAMBDA: Switched(model="switch-vae"),
    SWITCH: Switched(model="switch-vae", contrastive=1.0),
    FOR_IMAGES_NO_LAMBDA: Switched(model="switch-vae", share=MOSTLY),
    FOR_IMAGES: Switched(model="switch-vae", contrastive=1.0, share=MOSTLY),
    NVC: Switched(model="switch-vae", contrastive=1.0, num_anchors=10),
    FEW_IMAGE_VAE: Switched(model="image-vae", pictured=FEW),
    FEW_SWITCH: Switched(model="switch-vae", contrastive=1.0, share=MOSTLY, pictured=FEW),
}
PRINCIPAL, UNTRAINED = "128 principal components", "untrained encoders"

QUICK = Budget(samples=4_000, test_samples=1_000, epochs=20, batch_size=32)
# Our reading: the paper states no number of epochs; the authors' script has 400, but of 5 or 50
# batches each, whatever the data.
FULL = Budget(samples=4_000, test_samples=1_000, epochs=100, batch_size=32)

NOTES = (
    "The quick preset has grids of 16³, eight pictures of 32 × 32 pixels and three convolutions in "
    "place of ResNet-18; the full one has the paper's sizes. Adam at 5e-3 in place of SGD; "
    "the switch is thrown once a batch, as in the authors' code. KL, contrastive term and anchors "
    "weigh an eighth in the quick preset, whose grids have an eighth of the cells; the KL weighs a "
    "tenth of the others, as the paper states no weight of it. The contrastive term moves only the "
    "form that is picked, in the paper's words; the authors' code moves both.",
    "“SwitchVAE” picks grids in 80 % of the batches, as the paper says “for voxel test input”; our "
    "reading is that where pictures are given it picks those in 80 % (“for pictures”). λ = 1 "
    "unless said otherwise.",
    "“Few pictures”, ours: a sixteenth of the training shapes, drawn, has some. SwitchVAE learns "
    "from all grids and from these shapes in both forms, a batch of each in turn; the image VAE "
    "from these alone, for as many steps.",
    "Models trained on one category, which a label chooses, take as many steps as those trained on "
    "all.",
    "ModelNet10's official test shapes are not among our data: a fifth of each class of the 3 991 "
    "training shapes is held out, and figures are not those of the official split. Pictures are "
    "drawn from the grids. With --data builtin:shapes: 1 600 and 800 shapes of 16 classes.",
)


def named(model: str, trained_on: str) -> str:
    """Name of a row.

    Examples:
        >>> named(SWITCH, CHAIRS)
        'SwitchVAE, trained on chairs'
    """
    return f"{model}, {trained_on}"


def model_row(model: str, trained_on: str, paper: dict[str, float]) -> Row:
    """One model, trained on one category or on all."""
    experiment = MODELS[model]
    if trained_on == CHAIRS:
        experiment = replace(experiment, category=REBUILT)
    return Row(name=named(model, trained_on), experiment=experiment, paper=paper)


def trivial_rows() -> tuple[Row, Row]:
    """Codes that need no training of a network."""
    return (
        Row(name=PRINCIPAL, experiment=Principal(components=128), paper={}),
        Row(name=UNTRAINED, experiment=Untrained(), paper={}),
    )


def gain(measure: str, higher: str, lower: str, condition: str, counts_from: float) -> Part:
    """That a measure is higher in one row than in another."""
    effect = Gap(measure=measure, higher=(higher,), lower=(lower,))
    return Part(effect=effect, condition=condition, counts_from=counts_from)
