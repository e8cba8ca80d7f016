"""Fig. 5: entropy of the codes, ELBO and reconstruction along the training."""

from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.drawings import curve_panels
from nebulatent.apps.recipes.effects import Gap
from nebulatent.apps.recipes.recipe import Recipe, Row, Trainings
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.trained import Trained

VAE, NVC, ML, MIXTURE = "VAE", "NVC", "NVC-ML", "NVC, mixture prior"
NAT = 0.1  # the smallest difference in nats that counts: a thousandth of the bound

ROWS = (
    Row(name=VAE, experiment=Trained(method="vae"), paper={}),
    Row(name=NVC, experiment=Trained(method="nvc"), paper={}),
    Row(name=ML, experiment=Trained(method="nvc-ml"), paper={}),
    Row(name=MIXTURE, experiment=Trained(method="nvc", prior="anchors"), paper={}),
)


def _part(measure: str, higher: str, lower: str, condition: str, counts_from: float = 0) -> Part:
    effect = Gap(measure=measure, higher=(higher,), lower=(lower,))
    return Part(effect=effect, condition=condition, counts_from=counts_from)


CLAIMS = (
    Claim(
        says="The entropy of the codes is larger with NVC.",
        where="Fig. 5(a)",
        parts=(
            _part("softmax entropy", NVC, VAE, "entropy is that of softmax(z), as in their code"),
            _part("Gaussian entropy", NVC, VAE, "entropy is that of a Gaussian fit to the codes"),
        ),
    ),
    Claim(
        says="Metric learning makes it larger still.",
        where="Fig. 5(a)",
        parts=(
            _part("softmax entropy", ML, NVC, "entropy is that of softmax(z), as in their code"),
            _part("Gaussian entropy", ML, NVC, "entropy is that of a Gaussian fit to the codes"),
        ),
    ),
    Claim(
        says="The ELBO is raised over a VAE's.",
        where="Fig. 5(b)",
        parts=(
            _part("ELBO", NVC, VAE, "the method is NVC", NAT),
            _part("ELBO", ML, VAE, "the method is NVC-ML", NAT),
            _part("ELBO", MIXTURE, VAE, "the anchors are the prior", NAT),
        ),
    ),
    Claim(
        says="The reconstruction loss converges to a smaller error.",
        where="Fig. 5(c)",
        parts=(
            _part("reconstruction", VAE, NVC, "the method is NVC", NAT),
            _part("reconstruction", VAE, ML, "the method is NVC-ML", NAT),
            _part("reconstruction", VAE, MIXTURE, "the anchors are the prior", NAT),
        ),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """The panels of Fig. 5, those of nats against the VAE, and the entropy it does not show."""
    entropies = ("softmax entropy", "Gaussian entropy")
    return curve_panels(trained, entropies, against=("ELBO", "reconstruction"))


RECIPE = Recipe(
    name="nvc-fig5",
    title="Entropy, ELBO and reconstruction along the training",
    source="Wang et al., TPAMI 2022, Fig. 5",
    measures=("softmax entropy", "Gaussian entropy", "ELBO", "reconstruction", "KL", "rel"),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "The paper reads its entropy as “more informative”. By the authors' code it is the mean "
        "entropy of softmax(z), which rises when codes shrink towards 0, whatever they hold; the "
        "entropy of a Gaussian fit to the codes stands beside it. Curves: mean and range over "
        "seeds, on 500 test digits; the first third of the steps is cut off. Claims: at the end "
        "of the training, on all test digits.",
    ),
)
