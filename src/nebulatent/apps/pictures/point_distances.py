r"""How far the points of a cloud are from one of them, in space and for the network.

Source: Eckart et al., CVPR 2021, Fig. 3 bottom: points coloured by their distance from a random
point, by place and by the learned features of points. By features, what is likely to belong to the
same Gaussian is near, so that the distance follows the surface rather than the straight line.
Our reading: the features of a point are its scores, which every network has that divides clouds.
"""

import numpy as np
import torch
from jaxtyping import Float
from matplotlib import colormaps

from nebulatent.apps.pictures.cloud_pictures import paint
from nebulatent.apps.pictures.figures import PointDistances
from nebulatent.apps.planning.build import Trained
from nebulatent.methods.parae import ParAE
from nebulatent.ops.points import points_at
from nebulatent.typing import Tensor

SEED = 0
FARTHEST = 0.93  # of the colour map, whose last colours are too light for white paper


@torch.no_grad()
def point_distances(model: Trained, x: Float[Tensor, "samples points 3"]) -> PointDistances | None:
    """Distances from a random point of each cloud, by a method that divides; None for any other."""
    if not isinstance(model, ParAE):
        return None
    generator = torch.Generator().manual_seed(SEED)
    picked = torch.randint(x.shape[1], (len(x), 1), generator=generator)
    features = model.network(x).logits
    space, feature = (
        torch.linalg.vector_norm(values - points_at(values, picked), dim=2).numpy()
        for values in (x, features)
    )
    return PointDistances(picked.squeeze(1).numpy(), space, feature)


def draw_distances(
    x: Float[np.ndarray, "clouds points 3"],
    picked: np.ndarray,
    distance: Float[np.ndarray, "clouds points"],
) -> Float[np.ndarray, "clouds 3 side side"]:
    """Clouds as images in [0, 1]: dark near the picked point, light far from it.

    Arguments:
        x: The clouds.
        picked: The point of each that is marked.
        distance: Of each point; a cloud's largest is the lightest colour.
    """
    rows = zip(x, picked, distance, strict=True)
    return np.stack([paint(cloud, _shades(far), marked=int(one)) for cloud, one, far in rows])


def _shades(distance: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points 3"]:
    share = distance / max(float(distance.max()), 1e-12)
    return colormaps["viridis"](FARTHEST * share)[:, :3]
