"""Fig. 3: is the covariance of the codes still that of the prior, once there are anchors?"""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from nebulatent.apps.recipes.claims import Claim, Part
from nebulatent.apps.recipes.drawings import covariances
from nebulatent.apps.recipes.effects import Beyond, Gap
from nebulatent.apps.recipes.measuring import density_measures, drawn
from nebulatent.apps.recipes.recipe import Outcome, Recipe, Row, Setting, Trainings
from nebulatent.apps.recipes.recipe_data import images
from nebulatent.apps.recipes.record import Record
from nebulatent.apps.recipes.rivals import RivalMethod, build_rival, train
from nebulatent.apps.recipes.trained import Trained
from nebulatent.evaluation.encode import Codes, Model, encode
from nebulatent.evaluation.latent import covariance, latent_measures
from nebulatent.methods.gmvae import GMVAE

DEVIATION = "covariance deviation"
NEARLY = 0.45  # of the identity's norm: the off-diagonal structure is then hardly seen
MIXTURE = "NVC, mixture prior"
VAE, NVC, ML = "VAE", "NVC", "NVC-ML"
RIVALS: dict[str, RivalMethod] = {"InfoVAE": "info-vae", "VQ-VAE": "vq-vae", "GMVAE": "gmvae"}


@dataclass(frozen=True, kw_only=True)
class RivalCovariance:
    """How the codes of another paper's method are spread; ten clusters where it has clusters."""

    method: RivalMethod
    num_clusters: int = 10

    @property
    def name(self) -> str:
        """Method and number of clusters."""
        return f"{self.method}-{self.num_clusters}-covariance"

    def __call__(self, setting: Setting) -> Outcome:
        """Train, and measure what the decoder's input is like."""
        model = build_rival(self.method, self.num_clusters, setting)
        train(model, setting)
        assert isinstance(model, Model)
        data = setting.data
        with torch.no_grad():
            codes = encode(model, images(data.test), data.scaling.apply)
        if isinstance(model, GMVAE):  # its posterior is of z and w; the decoder reads z
            width = model.latent_dim
            codes = Codes(codes.mean[:, :width], codes.variance[:, :width])
        z = drawn(codes, setting.seed)
        return Outcome(
            [*latent_measures(z, codes.mean.numpy()), *density_measures(model, data, setting.seed)],
            {"covariance": covariance(z).round(4).tolist()} if setting.draws else {},
        )


ROWS = (
    Row(name=VAE, experiment=Trained(method="vae"), paper={}),
    Row(name=NVC, experiment=Trained(method="nvc"), paper={}),
    Row(name=ML, experiment=Trained(method="nvc-ml"), paper={}),
    Row(name=MIXTURE, experiment=Trained(method="nvc", prior="anchors"), paper={}),
    *(Row(name=name, experiment=RivalCovariance(method=m), paper={}) for name, m in RIVALS.items()),
)

CLAIMS = (
    Claim(
        says=f"The covariance of the codes is almost identity (deviation below {NEARLY:g}).",
        where="Fig. 3",
        parts=(
            Part(
                effect=Beyond(measure=DEVIATION, row=NVC, bound=NEARLY, side="below"),
                condition="the method is NVC",
            ),
            Part(
                effect=Beyond(measure=DEVIATION, row=ML, bound=NEARLY, side="below"),
                condition="the method is NVC-ML",
            ),
        ),
    ),
    Claim(
        says="It behaves as a VAE's does: its deviation is larger by at most 0.1.",
        where="Fig. 3",
        parts=(
            Part(
                effect=Gap(measure=DEVIATION, higher=(VAE,), lower=(NVC,), slack=0.1),
                condition="the method is NVC",
            ),
            Part(
                effect=Gap(measure=DEVIATION, higher=(VAE,), lower=(ML,), slack=0.1),
                condition="the method is NVC-ML",
            ),
        ),
    ),
    Claim(
        says="Other variational clustering deviates more from an identity matrix than NVC-ML.",
        where="Fig. 3",
        parts=tuple(
            Part(
                effect=Gap(measure=DEVIATION, higher=(name,), lower=(ML,)),
                condition=f"the other one is {name}",
            )
            for name in (*RIVALS, MIXTURE)
        ),
    ),
)


def draw(record: Record, trained: Trainings) -> Figure:
    """The covariance of each row's first seed, its deviation over all seeds in the title."""
    matrices = {name: np.array(seeds[0].arrays["covariance"]) for name, seeds in trained.items()}
    values = {row.name: row.values[DEVIATION] for row in record.rows}
    titles = {name: f"{name}: {np.mean(values[name]):.2f}" for name in matrices}
    return covariances(matrices, titles)


RECIPE = Recipe(
    name="nvc-fig3",
    title="Covariance of the codes",
    source="Wang et al., TPAMI 2022, Fig. 3",
    measures=(DEVIATION, "Gaussian entropy", "active units", "KL", "ELBO"),
    rows=ROWS,
    claims=CLAIMS,
    draw=draw,
    notes=(
        "The paper shows matrices without a number. The deviation is the Frobenius distance of the "
        "covariance from the identity over the root of the number of components: 0 for the "
        "identity, 1 for codes that have all collapsed onto one point. The codes of VQ-VAE are "
        "the encoder's output, those of GMVAE the part z that the decoder reads.",
    ),
)
