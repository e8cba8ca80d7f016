r"""Pairs of views: of a sample with itself, or with one of its neighbours.

A pair is a random view of sample n and another view of sample n or, with probability
`neighbour_share`, of one of its k neighbours, each as likely. Batches of *row numbers* become
batches of pairs through the view,

    Batches(torch.arange(len(x)), view=PairView(x, neighbours, warp_images))

so that `Batch.x` is (batch, 2, *sample) and `Batch.y` the row numbers of the first of each pair.

Source: the neighbour as second view is Van Gansbeke et al., SCAN, ECCV 2020 and Dwibedi et al.,
NNCLR, ICCV 2021; here it joins the random view of Ji et al., IIC, ICCV 2019.
"""

import torch

from nebulatent.data.batch import View
from nebulatent.typing import Float, Int, Tensor


class PairView:
    """Row numbers → pairs of views; a pure function of (rows, generator).

    Arguments:
        x: All samples, as an encoder sees them.
        neighbours: Rows of the neighbours of each sample.
        view: A random view of a batch.
        neighbour_share: Probability that the second of a pair shows a neighbour.

    Raises:
        ValueError: If the probability is not in [0, 1], or the neighbours are not one row for each
            sample.
    """

    def __init__(
        self,
        x: Float[Tensor, "samples *shape"],
        neighbours: Int[Tensor, "samples k"],
        view: View,
        *,
        neighbour_share: float = 0.5,
    ) -> None:
        if not 0 <= neighbour_share <= 1:
            raise ValueError(f"`neighbour_share` must be in [0, 1], got {neighbour_share}.")
        if len(neighbours) != len(x):
            raise ValueError(
                f"`neighbours` must have one row per sample ({len(x)}), got {len(neighbours)}."
            )
        self.x, self.neighbours, self.view = x, neighbours, view
        self.neighbour_share = neighbour_share

    def __call__(
        self, rows: Int[Tensor, " batch"], generator: torch.Generator
    ) -> Float[Tensor, "batch views *shape"]:
        """One pair for each row number."""
        count, k = len(rows), self.neighbours.shape[1]
        pick = torch.randint(k, (count,), generator=generator)
        moves = torch.rand(count, generator=generator) < self.neighbour_share
        other = torch.where(moves, self.neighbours[rows, pick], rows)
        both = self.view(self.x[torch.cat([rows, other])], generator)
        return both.unflatten(0, (2, count)).transpose(0, 1)
