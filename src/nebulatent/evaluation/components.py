"""Principal components as codes: what a linear map alone makes of the values."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.utils.extmath import randomized_svd


class Components(NamedTuple):
    """A mean and orthonormal directions.

    Arguments:
        mean: Of the values.
        axes: One a row.
    """

    mean: Float[np.ndarray, " values"]
    axes: Float[np.ndarray, "components values"]

    def codes(self, x: Float[np.ndarray, "samples values"]) -> Float[np.ndarray, "samples _"]:
        """Coordinates along the directions."""
        return (x - self.mean) @ self.axes.T

    def back(self, z: Float[np.ndarray, "samples _"]) -> Float[np.ndarray, "samples values"]:
        """Values of coordinates."""
        return z @ self.axes + self.mean


def find_components(x: Float[np.ndarray, "samples values"], count: int) -> Components:
    """The directions along which values vary most; none for a `count` of 0."""
    mean = x.mean(axis=0)
    if not count:
        return Components(mean, np.zeros((0, x.shape[1]), np.float32))
    axes = randomized_svd(x - mean, count, random_state=0)[2]
    return Components(mean, np.ascontiguousarray(axes, dtype=np.float32))
