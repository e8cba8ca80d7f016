"""What is read off clouds in several poses: the mean of their features.

A frame that is found up to the signs of its axes (:mod:`nebulatent.data.clouds.principal_axes`)
leaves a choice, and an encoder's feature depends on it. A mean over all choices does not.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from nebulatent.evaluation.encode import Encoder
from nebulatent.evaluation.measures import Measure
from nebulatent.latents.posterior import Dirac
from nebulatent.typing import Float, Tensor

MEAN_POSE = "linear SVM, mean pose"
Diagonals = Sequence[tuple[int, int, int]]


def mean_over_poses(
    features: Callable[[Tensor], Float[Tensor, "clouds features"]],
    clouds: Float[Tensor, "clouds points 3"],
    poses: Diagonals,
) -> Float[Tensor, "clouds features"]:
    """The mean feature of each cloud over some rotations.

    Arguments:
        features: Clouds → features.
        clouds: The clouds.
        poses: Diagonals of the rotations.
    """
    turned = [features(clouds * clouds.new_tensor(pose)) for pose in poses]
    return torch.stack(turned).mean(0)


class InPoses(NamedTuple):
    """An encoder whose code of a cloud is the mean over some poses.

    Arguments:
        encoder: The encoder.
        poses: Diagonals of rotations.
    """

    encoder: Encoder
    poses: Diagonals

    def encode(self, x: Float[Tensor, "clouds points 3"]) -> Dirac:
        """The mean code of each cloud."""
        return Dirac(mean_over_poses(self._code, x, self.poses))

    def _code(self, x: Float[Tensor, "clouds points 3"]) -> Float[Tensor, "clouds latent"]:
        return self.encoder.encode(x).mean


def mean_pose_measure(probed: Sequence[Measure], poses: int) -> Measure:
    """The accuracy of a machine on mean features, under a name of its own.

    Arguments:
        probed: What was measured on mean features, the accuracy first.
        poses: How many were averaged.
    """
    accuracy = probed[0]
    text = f"{accuracy.convention} Features are the mean over {poses} poses."
    return accuracy._replace(name=f"{accuracy.name}, mean pose", convention=text)
