"""A run that reads grids and pictures of shapes, as a run that reads one of them.

The pictures' half of SwitchVAE is an image VAE: what can be done with a run of `image-vae` can be
done with it. Decoder and anchors are those of the whole run.
"""

from dataclasses import replace

from nebulatent.apps.planning.build import VIEWS, Trained
from nebulatent.apps.planning.view_plan import PICTURED, Form
from nebulatent.apps.runs.runs import Run
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.typing import Tensor


def in_form(run: Run, form: Form | None) -> Run:
    """The run as one that reads this form of shapes; None is what it reads, of both grids.

    Raises:
        ValueError: If it reads the other form only, or no shapes at all.
    """
    model = run.config.model
    own: Form = "pictures" if model.host == PICTURED else "grids"
    if form is None or (form == own and model.has_grids):
        return run
    if form == "pictures" and isinstance(run.model, SwitchVAE):
        return from_pictures(run, run.model)
    known = f"{own} alone" if model.has_grids else "other samples than shapes"
    raise ValueError(f"`--form` must be what the run reads, {known}, got {form}.")


def reader_of(run: Run, x: Tensor) -> Trained:
    """What encodes these samples: of SwitchVAE its half for pictures, if that is what they are."""
    views = run.config.model.views
    if views is None or tuple(x.shape[1:]) != views.shape or not isinstance(run.model, SwitchVAE):
        return run.model
    return from_pictures(run, run.model).model


def from_pictures(run: Run, model: SwitchVAE) -> Run:
    """The half of a run of SwitchVAE that reads pictures."""
    alone = VAE(
        model.branch(VIEWS),
        likelihood=model.likelihood,
        beta=model.beta,
        latent_terms=model.latent_terms,
    )
    config = replace(run.config.model, method=PICTURED, host=PICTURED)
    return run._replace(config=replace(run.config, model=config), model=alone.eval())
