"""What every point network returns: its scores, the cloud's feature, and its own terms.

A classifier gives one row of scores per cloud, a segmentation network one per point; both have the
feature of the whole cloud on the way, and that is what is kept when the scores are thrown away.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from nebulatent.terms import NO_TERMS, Terms
from nebulatent.typing import Float, Tensor


class Prediction(NamedTuple):
    """What a network says of a batch of clouds.

    Arguments:
        logits: Scores of the classes, per cloud or per point.
        h: Feature of each whole cloud.
        terms: Losses of the network's own, such as the penalty of a transform net.
    """

    logits: Float[Tensor, "batch *points classes"]
    h: Float[Tensor, "batch features"]
    terms: Terms = NO_TERMS


@runtime_checkable
class PointNetwork(Protocol):
    """A classifier of clouds, or of their points, that can stop at the cloud's feature.

    A network of your own is one when its `forward` returns a `Prediction`.
    """

    feature_dim: int
    """Size of the cloud's feature."""
    num_classes: int
    """Number of scores."""

    def __call__(self, points: Tensor, /) -> Prediction:
        """Scores, feature and terms of a batch of clouds `(batch, points, channels)`."""
        ...

    def features(self, points: Tensor, /) -> Float[Tensor, "batch features"]:
        """The feature alone, without the cost of the scores."""
        ...
