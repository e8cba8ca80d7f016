"""Codes of a run in groups, all of them and those of each anchor, from which samples are drawn."""

import torch

from nebulatent.evaluation.encode import Codes
from nebulatent.latents.aggregate import Aggregate, aggregate
from nebulatent.latents.anchors import AnchorSet


def aggregate_posterior(codes: Codes, anchors: AnchorSet | None) -> Aggregate:
    """Group 0 is all codes, group 1 + i those of anchor i."""
    everything = torch.arange(len(codes.mean))
    middle = codes.mean.mean(0, keepdim=True)
    if anchors is None:
        return aggregate(codes.mean, codes.variance, [everything], middle)
    owner = anchors.assign(codes.mean)
    groups = [(owner == i).nonzero().flatten() for i in range(anchors.num_anchors)]
    centres = torch.cat([middle, anchors.positions.detach()])
    try:
        return aggregate(codes.mean, codes.variance, [everything, *groups], centres)
    except torch.linalg.LinAlgError as error:  # pyright: ignore[reportPrivateImportUsage]
        raise FloatingPointError(
            "The codes of the trained model must have a finite covariance, got NaN or infinity; "
            "lower `lr`."
        ) from error
