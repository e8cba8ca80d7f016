"""A run and samples → all that its report shows, as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from nebulatent.apps.pictures.density_surfaces import density_solids, density_surfaces
from nebulatent.apps.pictures.figures import Earlier, RunFigures
from nebulatent.apps.pictures.mixture_figures import divided
from nebulatent.apps.pictures.point_distances import point_distances
from nebulatent.apps.pictures.turning_shapes import RECONSTRUCTED, rows_to_turn
from nebulatent.apps.planning.build import find_anchors
from nebulatent.apps.planning.cloud_plan import COUNTED
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.apps.planning.view_plan import PICTURED, ViewConfig
from nebulatent.apps.reports import words
from nebulatent.apps.reports.completions import completed, completion_facts
from nebulatent.apps.runs.forms import from_pictures
from nebulatent.apps.runs.inputs import condition, encoder_input, pictures_of
from nebulatent.apps.runs.runs import Run, RunConfig, decoding, load_history
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import encode
from nebulatent.evaluation.latent import covariance
from nebulatent.evaluation.measures import Measure
from nebulatent.latents.anchors import AnchorSet
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.ops.distances import squared_distances
from nebulatent.training.consistent import ConsistencyConfig
from nebulatent.training.progress import Row
from nebulatent.training.stages import STAGE
from nebulatent.typing import Tensor

MAX_SAMPLES = 2000  # points of a map that a browser still moves smoothly
TURNED = ", each in the frame of its principal axes"
AROUND = 8

NAMES = {
    "ae": "AE",
    "vae": "VAE",
    "dvae": "DVAE",
    "cvae": "CVAE",
    "switch-vae": "SwitchVAE",
    "image-vae": "Image VAE",
    "rec-ae": "3D-AE",
    "rec-gan": "3D-RecGAN",
    "nvc": "NVC",
    "nvc-ml": "NVC-ML",
    "nvc-consistency": "NVC with consistency",
    "parae": "ParAE",
}

ENCODERS = {
    "fc": "fully connected",
    "conv": "convolutional",
    "pointnet": "PointNet",
    "voxel": "convolutional over cells (SwitchVAE's), with its features last",
    "volume": "convolutional over cells (3D-RecGAN's)",
}
VIEW_ENCODERS = {"conv": "convolutional", "resnet18": "ResNet-18"}
LIKELIHOODS = {
    "bernoulli": "bernoulli",
    "gaussian": "gaussian",
    "chamfer": (
        f"Chamfer distance with a learned noise level, a cloud counting as {COUNTED} points: not "
        "the likelihood of a density, so the ELBO bounds nothing and compares runs on the same "
        "data only"
    ),
    "weighted": (
        "cross-entropy in which filled and empty cells weigh differently: no normaliser, so the "
        "ELBO bounds nothing and compares runs with the same weights on the same data only"
    ),
    "mixture": "exact, of {components} Gaussians in each cloud",
}


def portray(run: Run, table: Table, measures: Sequence[Measure]) -> RunFigures:
    """Collect the figures of a run on at most 2 000 samples, chosen and ordered by a fixed seed."""
    config, measured = run.config, table
    table = shown(table)
    x = torch.from_numpy(table.x[:])
    codes = encode(run.model, encoder_input(config.model, table), config.scaling.apply)
    anchors = find_anchors(run.model)
    label = condition(run, table)
    first = slice(0, RECONSTRUCTED)
    whole, recon = completed(run, table, RECONSTRUCTED)
    if whole is None:
        recon = _rebuilt(run, codes.mean[first], None if label is None else label[first])
    drawn = anchors if config.model.decodes else None
    history, earlier = split_stages(config, load_history(run.path))
    generator = torch.Generator().manual_seed(config.fit.seed)
    noise = torch.randn(codes.mean.shape, generator=generator)
    return RunFigures(
        name=display_name(config),
        summary={**summary(config), "Shown and measured": _shown(config, measured)},
        found=config.data.found,
        history=history,
        measures=measures,
        kind=table.kind,
        codes=codes.mean.numpy(),
        anchors=None if anchors is None else anchors.positions.detach().numpy(),
        assign=None if anchors is None else anchors.assign(codes.mean).numpy(),
        label=table.label,
        label_names=table.label_names,
        ids=table.ids,
        x=config.scaling.apply(x).numpy(),
        recon=recon,
        anchor_decoded=None if drawn is None else _decoded(run, _anchor_codes(run, drawn)),
        anchor_samples=None if drawn is None else around_anchors(run, drawn),
        anchor_nearest=None if drawn is None else _nearest(run, drawn, codes.mean, x),
        covariance=covariance((codes.mean + noise * codes.variance.sqrt()).numpy()),
        earlier=earlier,
        mixtures=divided(run.model, config.scaling.apply(x[first])),
        distances=point_distances(run.model, config.scaling.apply(x[first])),
        surfaces=density_surfaces(run.model, config.scaling.apply(x[first])),
        solids=density_solids(run.model, config.scaling.apply(x[rows_to_turn(codes.mean.numpy())])),
        **_from_pictures(run, table),
        parts=None if table.point_labels is None else table.point_labels.values[first],
        whole=whole,
    )


def split_stages(config: RunConfig, rows: Sequence[Row]) -> tuple[list[Row], list[Earlier]]:
    """The rows of the last stage of training, and the stages before it."""
    last = [row for row in rows if row.get(STAGE, 0) == config.last_stage]
    if config.consistency is None:
        return last, []
    of = [[row for row in rows if row.get(STAGE) == n] for n in range(config.last_stage)]
    members = {f"member {number}": own for number, own in enumerate(of[:-1], start=1)}
    return last, [
        Earlier("First stage: members", words.MEMBERS_STAGE, members),
        Earlier("Second stage: clusters", words.CLUSTERS_STAGE, {"": of[-1]}),
    ]


def shown(table: Table) -> Table:
    """At most 2 000 of the samples, the same each time, in random order.

    Many data are sorted by class, and pictures show the first samples.
    """
    order = np.random.default_rng(0).permutation(table.num_samples)
    return table.take(order[:MAX_SAMPLES])


def _shown(config: RunConfig, table: Table) -> str:
    if table.fingerprint == config.data.fingerprint:
        return f"the {table.num_samples} samples of the training data"
    return f"{table.num_samples} samples that training did not see"


def display_name(config: RunConfig) -> str:
    """The paper's name of a run's method: "NVC-ML", "DVAE + NVC", ..."""
    model = config.model
    name = NAMES[model.method]
    if model.has_anchors and model.host != "vae":
        name = f"{NAMES[model.host]} + {name}"
    return f"{name} (supervised)" if model.supervised else name


def summary(config: RunConfig) -> Mapping[str, str]:
    """What was trained, for people."""
    model, fit = config.model, config.fit
    encoder = ENCODERS[model.encoder]
    rows = {
        "Data": f"{config.data.path} ({config.data.split}), {config.data.num_samples} samples"
        + TURNED * (config.data.poses == "principal-axes"),
        "Encoder": f"{encoder}, {'-'.join(map(str, model.widths))}",
        "Code": f"{model.latent_dim} numbers per sample",
        "Likelihood": LIKELIHOODS[model.likelihood].format(components=model.components),
        "Labels in training": "read" if model.uses_labels else "never read",
        "Training": f"{fit.epochs} epochs, batches of {config.batch_size}, learning rate {fit.lr}",
        "Seed": str(fit.seed),
    }
    if model.views is not None:
        rows |= _pictures(model.views, model.host)
    if model.completion is not None:
        rows |= completion_facts(model.completion, model.host)
    if config.seconds:
        rows["Seconds"] = f"{config.seconds:.1f}"
    if config.consistency is not None:
        rows["Clusters"] = _clusters(config.consistency, model, counted=config.auto_anchors)
    elif model.has_anchors:
        rows["Anchors"] = (
            f"{model.num_anchors}, form {model.form}, acting from epoch {model.warmup_epochs}"
        )
    return rows


def _pictures(views: ViewConfig, host: str) -> dict[str, str]:
    count, _, height, width = views.shape
    kind = VIEW_ENCODERS[views.encoder]
    widths = "-".join(map(str, views.widths))
    read = {"Pictures": f"{count} of {height}×{width} of each shape; {kind}, {widths}"}
    if host == PICTURED:
        return {**read, "Given": "pictures; of the networks for grids only the decoder is used"}
    return {
        **read,
        "Switch": f"pictures are decoded with probability {views.share:g}, drawn each "
        f"{views.switch}; lambda {views.contrastive_weight:g}",
    }


def _clusters(stages: ConsistencyConfig, model: ModelConfig, *, counted: bool) -> str:
    return (
        f"{model.num_anchors} anchors{' (counted)' * counted}, in the first {model.cluster_dim} "
        f"numbers of the code; from {stages.members} members of {stages.over_anchors} "
        f"over-anchors, {stages.first_steps} steps each, then {stages.second_steps} steps"
    )


def _anchor_codes(run: Run, anchors: AnchorSet) -> Float[Tensor, "anchors latent"]:
    """The anchors; where they lie in a part of the code only, with the mean of the other part."""
    codes = anchors.positions.detach().clone()
    if size := run.config.model.cluster_dim:
        codes[:, size:] = run.aggregate.mean[1:, size:]
    return codes


def around_anchors(run: Run, anchors: AnchorSet) -> Float[np.ndarray, "anchors samples ..."]:
    """Decoded samples of the codes around each anchor."""
    generator = torch.Generator().manual_seed(run.config.fit.seed)
    groups = range(1, anchors.num_anchors + 1)
    z = torch.cat([run.aggregate.sample(group, AROUND, generator) for group in groups])
    decoded = _decoded(run, z)
    return decoded.reshape(anchors.num_anchors, AROUND, *decoded.shape[1:])


def _from_pictures(run: Run, table: Table) -> dict[str, Float[np.ndarray, "samples ..."]]:
    """Pictures of the samples that are rebuilt, and copies from these if there are others too."""
    if run.config.model.views is None or table.views is None:
        return {}
    views = pictures_of(table)[:RECONSTRUCTED]
    if not isinstance(run.model, SwitchVAE):
        return {"views": views}
    half = from_pictures(run, run.model)
    codes = encode(half.model, torch.from_numpy(views), lambda x: x)
    return {"views": views, "recon_views": _decoded(half, codes.mean)}


def _rebuilt(run: Run, z: Tensor, label: Tensor | None) -> Float[np.ndarray, "codes ..."]:
    if run.config.model.decodes:
        return _decoded(run, z, label)
    return np.empty((0, *run.config.model.shape), np.float32)


@torch.no_grad()
def _decoded(run: Run, z: Tensor, label: Tensor | None = None) -> Float[np.ndarray, "codes ..."]:
    if run.config.model.host == "cvae" and label is None:
        # A conditional decoder must be told some class: the classes in turn.
        label = torch.arange(len(z)) % run.config.model.num_classes
    return decoding(run).decode(z, label).numpy()


def _nearest(
    run: Run, anchors: AnchorSet, z: Tensor, x: Tensor
) -> Float[np.ndarray, "anchors samples ..."]:
    """The real samples nearest to each anchor."""
    distances = squared_distances(anchors.positions.detach(), z)
    rows = distances.topk(min(AROUND, len(z)), largest=False).indices
    near = run.config.scaling.apply(x[rows.flatten()])
    return near.reshape(*rows.shape, *near.shape[1:]).numpy()
