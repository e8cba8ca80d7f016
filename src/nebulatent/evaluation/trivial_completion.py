"""Answers to partial grids that no network gives: what a network must be better than.

A network is worth what it adds to the mean shape, and to looking up the most similar view. What was
seen is part of all of these answers.
"""

import numpy as np
import torch
from jaxtyping import Bool, Int

from nebulatent.data.rows import Rows, blocks

THRESHOLDS = np.linspace(0.05, 0.95, 19)


def mean_shape(whole: Rows) -> Bool[np.ndarray, "1 x y z"]:
    """Cells filled in more than a share of the whole grids, the share with the best mean IoU.

    The IoU is that with these grids themselves.
    """
    count = sum(part.sum(axis=0, dtype=np.int64) for part in blocks(whole))
    answers = (np.ravel(count) / len(whole) > THRESHOLDS[:, None]).astype(np.float32)
    total = np.zeros(len(THRESHOLDS))
    for part in blocks(whole):
        flat = part.reshape(len(part), -1).astype(np.float32)
        hits = flat @ answers.T
        union = flat.sum(axis=1, keepdims=True) + answers.sum(axis=1) - hits
        total += (hits / np.maximum(union, 1)).sum(axis=0)
    return answers[total.argmax()].astype(bool).reshape(whole.shape[1:])


def most_similar(known: Rows, asked: Rows) -> Int[np.ndarray, " asked"]:
    """For each grid that is asked for the known one with the highest IoU."""
    return np.concatenate([_most_similar(known, part) for part in blocks(asked)])


def _most_similar(known: Rows, asked: Bool[np.ndarray, "asked 1 x y z"]) -> np.ndarray:
    wanted = torch.from_numpy(asked).flatten(1).float()
    found = []
    for part in blocks(known):
        own = torch.from_numpy(part).flatten(1).float()
        hits = wanted @ own.T
        union = wanted.sum(1, keepdim=True) + own.sum(1) - hits
        found.append(hits / union.clamp_min(1))
    return torch.cat(found, 1).argmax(1).numpy()
