"""Several pictures of one thing → its features: one encoder for each picture, then an aggregate.

Source: Wu, Pfrommer, Zhou, Beyerer: Generative-Contrastive Learning for Self-Supervised Latent
Representations of 3D Shapes from Multi-Modal Euclidean Input, 2023, section 4.1: weights are shared
over views; a gated recurrent unit aggregates, since maximum and mean "did not yield satisfying
results".
Authors' code: a unit whose gates are hard sigmoids and whose reset comes before the product. Our
reading: PyTorch's, so that weights of the authors would not fit.
"""

from typing import Literal, get_args

from torch import nn

from nebulatent.typing import Float, Tensor

Aggregate = Literal["gru", "max", "mean"]


class MultiViewEncoder(nn.Module):
    """Encodes each view with the same network and aggregates over views.

    Arguments:
        view_encoder: Maps pictures to features; it has `feature_dim`.
        aggregate: `"gru"` reads the views in their order and gives its last state; `"max"` and
            `"mean"` do not see the order.
        feature_dim: Number of features; of `"max"` and `"mean"` those of a view.

    Raises:
        ValueError: If there is no such aggregate, or `"max"` or `"mean"` would change the number of
            features.
    """

    def __init__(
        self, view_encoder: nn.Module, aggregate: Aggregate = "gru", *, feature_dim: int = 1024
    ) -> None:
        super().__init__()
        if aggregate not in get_args(Aggregate):
            raise ValueError(f"`aggregate` must be gru, max or mean, got {aggregate!r}.")
        view_dim = int(view_encoder.feature_dim)  # pyright: ignore[reportArgumentType]
        if aggregate != "gru" and feature_dim != view_dim:
            raise ValueError(
                f"`feature_dim` must be the view encoder's {view_dim} to take the {aggregate} over "
                f"views, got {feature_dim}."
            )
        self.view_encoder, self.aggregate, self.feature_dim = view_encoder, aggregate, feature_dim
        if aggregate == "gru":
            self.gru = nn.GRU(view_dim, feature_dim, batch_first=True)

    def forward(self, x: Float[Tensor, "batch views channels height width"]) -> Tensor:
        """Features `(batch, feature_dim)`."""
        h = self.view_encoder(x.flatten(0, 1)).unflatten(0, x.shape[:2])  # (batch, views, features)
        if self.aggregate == "gru":
            return self.gru(h)[1][-1]
        return h.amax(1) if self.aggregate == "max" else h.mean(1)
