r"""Named scalar terms, their weights and their sum.

Every objective returns :class:`Terms`; a training loop differentiates ``terms.total`` and logs
``terms.values``, which are unweighted so that logs of runs with different weights compare.

.. math:: L = \sum_k w_k\, \ell_k
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch

from nebulatent.typing import Float, Tensor


class Terms(NamedTuple):
    """What every objective returns.

    Arguments:
        values: Unweighted scalar terms by name.
        weights: Weight of a term; a name that is missing weighs 1.

    Examples:
        >>> a = Terms({"kl": torch.tensor(2.0)}, {"kl": 0.5})
        >>> b = Terms({"reconstruction": torch.tensor(3.0)})
        >>> (a | b).total
        tensor(4.)
    """

    values: Mapping[str, Float[Tensor, ""]]
    weights: Mapping[str, float] = {}

    @property
    def total(self) -> Float[Tensor, ""]:
        """The weighted sum, the scalar to differentiate (zero when there is no term)."""
        if not self.values:
            return torch.zeros(())
        # A weight of 1 costs no operation: the loop runs once a step.
        parts = [
            value if (weight := self.weights.get(name, 1.0)) == 1.0 else weight * value
            for name, value in self.values.items()
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def __or__(self, other: "Terms") -> "Terms":
        """Union of two sets of terms.

        Raises:
            ValueError: If both name the same term.
        """
        both = self.values.keys() & other.values.keys()
        if both:
            raise ValueError(
                f"`terms` must have distinct names, got {sorted(both)} twice; "
                "rename one of the objectives' terms."
            )
        return Terms({**self.values, **other.values}, {**self.weights, **other.weights})


NO_TERMS = Terms({})


def no_terms(z: Tensor) -> Terms:
    """The latent terms of a method that has none."""
    return NO_TERMS
