r"""Layers that networks of point clouds share: the same small network at every point.

Tensors are `(batch, points, channels)`: a layer is then one matrix product over all points. Two
layers do what the plain ones do with less work:

* `PooledLayer`, linear → normalisation → ReLU → maximum over the points. The maximum of
  :math:`\gamma\, (w \cdot x_i + b - m)/s + \beta` is reached where :math:`\gamma\, w \cdot x_i` is
  largest, so the layer looks for the winners without a gradient and computes their values alone,
  unless there are fewer points than channels;
  :math:`m = w \cdot \bar x + b` and :math:`s^2 = w^\top \operatorname{Cov}(x)\, w` need no output at all.
* `TiledLinear`, a layer of [global feature, repeated at each point; local feature]:
  :math:`W [g; f_i] = W_g\, g + W_f f_i`, whose first half is computed once per cloud.
"""  # noqa: E501

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Tensor


def scaled(channels: Sequence[int], width: float) -> tuple[int, ...]:
    """Channels times a width, at least one each.

    Raises:
        ValueError: If `width` is not positive.

    Examples:
        >>> scaled((64, 128, 1024), 0.125)
        (8, 16, 128)
    """
    if not width > 0:
        raise ValueError(f"`width` must be positive, got {width}.")
    return tuple(max(round(count * width), 1) for count in channels)


class NormalisedRows(nn.Module):
    """Batch normalisation of the last axis, over all the others.

    Arguments:
        channels: Size of the last axis.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Float[Tensor, "*axes channels"]) -> Float[Tensor, "*axes channels"]:
        """The same shape, each channel standardised."""
        return self.norm(x.flatten(0, -2)).view(x.shape)


def point_mlp(channels: Sequence[int], *, bias: bool = True, slope: float = 0.0) -> nn.Sequential:
    """Linear, batch normalisation and ReLU at every point, for each consecutive pair of sizes.

    Arguments:
        channels: Sizes, the input's first.
        bias: Whether linear layers have a bias.
        slope: Slope of negative outputs; 0 is a ReLU.
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(channels):
        linear = nn.Linear(fan_in, fan_out, bias=bias)
        layers += [linear, NormalisedRows(fan_out), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers)


def class_head(channels: Sequence[int], num_classes: int, dropout: float) -> nn.Sequential:
    """Scores of classes from a cloud's feature: hidden layers with dropout, and a linear one.

    Arguments:
        channels: Size of the feature, then of each hidden layer.
        num_classes: Number of classes.
        dropout: Share of hidden units set to zero in training.
    """
    layers: list[nn.Module] = []
    for pair in pairwise(channels):
        layers += [point_mlp(pair), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(channels[-1], num_classes))


class PooledLayer(nn.Module):
    """Linear layer, batch normalisation, ReLU, maximum over the points.

    Arguments:
        fan_in: Channels of a point.
        fan_out: Features of the cloud.
        bias: Whether the linear layer has a bias.
        slope: Slope of negative features, not below zero; 0 is a ReLU, 1 leaves them.
    """

    def __init__(self, fan_in: int, fan_out: int, *, bias: bool = True, slope: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.Linear(fan_in, fan_out, bias=bias)
        self.norm, self.slope = nn.BatchNorm1d(fan_out), slope

    def forward(self, x: Float[Tensor, "batch points channels"]) -> Float[Tensor, "batch features"]:
        """The feature of each cloud."""
        best = self._best(x)
        if self.linear.bias is not None:
            best = best + self.linear.bias
        known = self._statistics(at_least_single(x)) if self.training else None
        return F.leaky_relu(normalised(best, self.norm, known), self.slope)

    def _best(self, x: Tensor) -> Tensor:
        """The linear layer's output, without its bias, where it is largest after normalisation."""
        weight = self.linear.weight
        falls = self.norm.weight < 0  # there the largest is the smallest of w x
        turned = torch.where(falls.unsqueeze(1), -weight, weight)
        if x.shape[1] <= x.shape[2]:  # few points: looking the winners up would take more memory
            best = at_least_single((x @ turned.T).amax(1))
            return torch.where(falls, -best, best)
        with torch.no_grad():
            winners = (x @ turned.T).argmax(1)
        at = winners.unsqueeze(2).expand(-1, -1, x.shape[2])
        return (at_least_single(x).gather(1, at) * weight).sum(2)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the linear layer's output over all points; moves the running ones.

        Raises:
            ValueError: If there is one point only.
        """
        rows = x.flatten(0, 1)
        if len(rows) < 2:
            raise ValueError(
                f"`x` must have at least two points to train on, got {len(rows)}; "
                "take a larger batch."
            )
        weight, centre = self.linear.weight, rows.mean(0)
        rows = rows - centre
        with torch.autocast(x.device.type, enabled=False):
            mean = F.linear(centre, weight, self.linear.bias)
            covariance = rows.T @ rows / len(rows)
            variance = ((weight @ covariance) * weight).sum(1).clamp_min(0)
        move_statistics(self.norm, mean, variance, len(rows))
        return mean, variance


def normalised(
    x: Float[Tensor, "rows channels"],
    norm: nn.BatchNorm1d,
    statistics: tuple[Tensor, Tensor] | None,
) -> Float[Tensor, "rows channels"]:
    """Batch normalisation with a given mean and variance; with the running ones if missing."""
    mean, variance = _running(norm) if statistics is None else statistics
    return (x - mean) * (variance + norm.eps).rsqrt() * norm.weight + norm.bias


@torch.no_grad()
def move_statistics(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, count: int) -> None:
    """Move the running mean and variance as batch normalisation of `count` rows does."""
    running_mean, running_var = _running(norm)
    momentum = 0.1 if norm.momentum is None else norm.momentum
    running_mean.lerp_(mean.to(running_mean), momentum)
    running_var.lerp_((variance * (count / (count - 1))).to(running_var), momentum)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)


def _running(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Running mean and variance."""
    assert norm.running_mean is not None and norm.running_var is not None
    return norm.running_mean, norm.running_var


class TiledLinear(nn.Module):
    """Linear layer of a global feature beside each local one.

    Arguments:
        global_dim: Channels of the cloud.
        local_dim: Channels of a point.
        fan_out: Channels of a point afterwards.
        bias: Whether there is a bias.
    """

    def __init__(self, global_dim: int, local_dim: int, fan_out: int, *, bias: bool = True) -> None:
        super().__init__()
        self.global_dim = global_dim
        self.linear = nn.Linear(global_dim + local_dim, fan_out, bias=bias)

    def forward(
        self,
        h: Float[Tensor, "batch features"],
        local: Float[Tensor, "clouds points channels"],
    ) -> Tensor:
        """Features `(batch, points, fan_out)`; local features may be one cloud's for all."""
        weight = self.linear.weight
        whole = F.linear(h, weight[:, : self.global_dim], self.linear.bias).unsqueeze(1)
        return F.linear(local, weight[:, self.global_dim :]) + whole


class TiledLayer(nn.Module):
    """Linear layer of a global feature beside each local one, batch normalisation, ReLU.

    Arguments:
        global_dim: Channels of the cloud.
        local_dim: Channels of a point.
        fan_out: Channels of a point afterwards.
        bias: Whether the linear layer has a bias.
        slope: Slope of negative outputs; 0 is a ReLU.
    """

    def __init__(
        self,
        global_dim: int,
        local_dim: int,
        fan_out: int,
        *,
        bias: bool = True,
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.tile = TiledLinear(global_dim, local_dim, fan_out, bias=bias)
        self.norm, self.slope = NormalisedRows(fan_out), slope

    def forward(
        self,
        h: Float[Tensor, "batch features"],
        local: Float[Tensor, "batch points channels"],
    ) -> Tensor:
        """Features `(batch, points, fan_out)`."""
        return F.leaky_relu(self.norm(self.tile(h, local)), self.slope)
