"""What was chosen for a run, in sentences for people."""

from nebulatent.apps.planning.cloud_plan import cloud_reasons, parae_reasons
from nebulatent.apps.planning.completion_plan import completion_reasons
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.apps.planning.view_plan import view_reasons
from nebulatent.apps.planning.voxel_plan import voxel_reasons, weighted_reason
from nebulatent.training.config import FitConfig
from nebulatent.training.consistent import ConsistencyConfig


def model_reasons(model: ModelConfig, values: int) -> tuple[str, ...]:
    """Networks, code and likelihood.

    Arguments:
        model: What will be trained.
        values: Numbers of a sample.
    """
    labels = "read in training" if model.uses_labels else "never read in training"
    if model.method == "parae":
        own = parae_reasons(model.widths, model.latent_dim, model.components)
        return (*own, f"labels: {labels}")
    if model.encoder == "pointnet":
        own = cloud_reasons(model.widths, model.latent_dim, model.shape[0])
        return (*own, f"weight of the KL term: {model.beta:g}", f"labels: {labels}")
    if model.completion is not None:
        own = completion_reasons(
            model.completion, model.host, model.widths, model.latent_dim, model.shape[-1]
        )
        return (*own, weighted_reason(model.filled_weight), f"labels: {labels}")
    if model.encoder == "voxel":
        own = voxel_reasons(model.widths, model.latent_dim, model.shape[-1])
        seen = () if model.views is None else view_reasons(model.views, model.host)
        return (*own, *seen, *_likelihood(model), f"labels: {labels}")
    encoder = "fully connected" if model.encoder == "fc" else "convolutional"
    parts = f", the first {model.cluster_dim} for the cluster" if model.is_consistent else ""
    return (
        f"encoder: {encoder}, widths {'-'.join(map(str, model.widths))}, for {values} values",
        f"code: {model.latent_dim} numbers{parts}",
        *_likelihood(model),
        f"labels: {labels}",
    )


def _likelihood(model: ModelConfig) -> tuple[str, ...]:
    if model.likelihood == "weighted":
        weight = f"weight of the KL term: {model.beta:g}"
        return weighted_reason(model.filled_weight), weight
    what = (
        "Gaussian with a learned noise level (real values)"
        if model.likelihood == "gaussian"
        else "Bernoulli (values in [0, 1])"
    )
    return (f"likelihood: {what}, beta {model.beta:g}",)


def training_reasons(
    model: ModelConfig,
    fit: FitConfig,
    batch_size: int,
    consistency: ConsistencyConfig | None,
    auto: bool,
) -> tuple[str, ...]:
    """Anchors, stages, epochs and batches."""
    most = "" if fit.patience is None else "at most "
    epochs = f"{most}{fit.epochs} epochs, batches of {batch_size}"
    if consistency is not None:
        anchors = "as many anchors as all find again" if auto else f"{model.num_anchors} anchors"
        return (
            f"clusters: {consistency.members} members of {consistency.over_anchors} over-anchors, "
            f"{consistency.first_steps} steps each; then {anchors}, "
            f"{consistency.second_steps} steps",
            f"training, with the clusters fixed: {epochs}",
        )
    if not model.has_anchors:
        return (f"training: {model.method}, {epochs}",)
    return (
        f"anchors: {model.num_anchors}, acting from epoch {model.warmup_epochs + 1}",
        f"training: {model.method}, {epochs}",
    )
