"""The clustering stages of NVC with consistency, and how an ordinary NVC takes over their result.

1. Neighbours of every sample in a simple space.
2. Members, and the clusters that they agree on (`nebulatent.training.consistent`).
3. The encoder of the clusters becomes the fixed part of the model's code, their anchors its
   anchors; what is left to train, a style part and a decoder, is an ordinary `fit`.

Images are moved, turned and bent in their views and are neighbours as straightened pixels; vectors
are jittered and are neighbours in their principal coordinates.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import torch

from nebulatent.apps.planning.build import cluster_encoder
from nebulatent.apps.planning.consistency_plan import EXPECTED
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.data.batch import View
from nebulatent.data.image_views import simple_features, warp_images
from nebulatent.data.views import jitter
from nebulatent.latents.fixed_code import BesideFixed
from nebulatent.methods.nvc import NVC
from nebulatent.ops.neighbours import nearest_rows, principal_coordinates
from nebulatent.training.consistent import (
    ConsistencyConfig,
    count_anchors,
    count_neighbours,
    fit_members,
    settle_member,
)
from nebulatent.training.stages import Stages
from nebulatent.training.tensor_files import load_weights
from nebulatent.typing import Float, Tensor

COORDINATES = 48  # of the simple space
CODER = "coder."


class Likeness(NamedTuple):
    """What makes two samples alike.

    Arguments:
        view: A random view of a batch.
        features: Samples → a simple space in which those that look alike are near.
    """

    view: View
    features: Callable[[Tensor], Float[Tensor, "samples features"]]


def of_images(x: Tensor) -> Float[Tensor, "samples features"]:
    """Straightened, blurred pixels in their principal coordinates."""
    return principal_coordinates(simple_features(x), COORDINATES)


def of_vectors(x: Tensor) -> Float[Tensor, "samples features"]:
    """Principal coordinates."""
    return principal_coordinates(x, COORDINATES)


IMAGES, VECTORS = Likeness(warp_images, of_images), Likeness(jitter, of_vectors)


def flat_images(shape: tuple[int, int, int]) -> Likeness:
    """The likeness of images that are given as rows of numbers.

    Arguments:
        shape: Channels, height and width.
    """

    def view(x: Tensor, generator: torch.Generator) -> Tensor:
        return warp_images(x.unflatten(1, shape), generator).flatten(1)

    return Likeness(view, lambda x: of_images(x.unflatten(1, shape)))


def find_clusters(
    x: Float[Tensor, "samples *shape"],
    likeness: Likeness,
    model: ModelConfig,
    config: ConsistencyConfig,
    stages: Stages,
    *,
    auto: bool,
) -> dict[str, Tensor]:
    """Train the clustering stages, or what is left of them.

    Arguments:
        x: Scaled samples.
        likeness: What makes two of them alike.
        model: The model whose fixed part is wanted.
        config: Options of the stages.
        stages: How they are carried out.
        auto: Whether to count the clusters, in place of the number that the model has.

    Returns:
        Weights of the coder under `coder.`, and the anchors' `positions` in the cluster part.

    Raises:
        ValueError: If all samples are equal.
    """
    if not (x != x[0]).any():
        raise ValueError(
            "The samples must differ, got the same values in all of them; there are no clusters to "
            "be found."
        )
    number = None if auto else model.num_anchors
    return stages.keep("cluster-part", lambda: _found(x, likeness, model, config, stages, number))


def _found(
    x: Tensor,
    likeness: Likeness,
    model: ModelConfig,
    config: ConsistencyConfig,
    stages: Stages,
    number: int | None,
) -> dict[str, Tensor]:
    k = count_neighbours(len(x), EXPECTED if number is None else number, config)
    features = likeness.features(x)
    rows = stages.keep("neighbours", lambda: {"rows": nearest_rows(features, k)})
    members = fit_members(
        x, rows["rows"], lambda: cluster_encoder(model), likeness.view, config, stages=stages
    )
    if number is None:
        number = count_anchors(members, rows["rows"], config).number
    done = settle_member(
        members, x, features, rows["rows"], number, likeness.view, config, stages=stages
    ).model
    coder = torch.nn.Sequential(done.encoder, done.bottleneck.mean)  # pyright: ignore[reportArgumentType]
    anchors = cast(torch.nn.Module, done.anchors)
    tensors = {f"{CODER}{name}": value for name, value in coder.state_dict().items()}
    return tensors | {"positions": anchors.positions.detach()}  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]


@torch.no_grad()
def fix_clusters(model: NVC, found: dict[str, Tensor]) -> None:
    """Put what `find_clusters` found into a model; training leaves it there.

    Raises:
        ValueError: If it does not fit.
    """
    beside = cast(BesideFixed, model.autoencoder.encoder)
    coder = {k.removeprefix(CODER): v.cpu() for k, v in found.items() if k.startswith(CODER)}
    load_weights(beside.fixed.network, coder, "cluster-part.safetensors")
    positions = found["positions"]
    model.latent_terms.anchors.positions[:, : positions.shape[1]] = positions.cpu()
