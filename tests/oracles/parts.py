"""Oracle of the mean IoU of ShapeNetPart: slow loops over points, one cloud and part at a time.

Written from the protocol (`spec/hosts.md` section 1.6), not from the library.
"""

import math


def cross_entropy(logits: list[list[list[float]]], parts: list[list[int]]) -> float:
    """Mean over all points of -log softmax of the true part's score, over all parts."""
    terms = []
    for cloud, own in zip(logits, parts, strict=True):
        for scores, part in zip(cloud, own, strict=True):
            terms.append(math.log(math.fsum(math.exp(s) for s in scores)) - scores[part])
    return math.fsum(terms) / len(terms)


def best_part(scores: list[float], allowed: list[int]) -> int:
    """The allowed part with the highest score, the first of equal ones."""
    best = allowed[0]
    for part in allowed:
        if scores[part] > scores[best]:
            best = part
    return best


def cloud_iou(predicted: list[int], true: list[int], parts: list[int]) -> float:
    """Mean over the category's parts of intersection over union; 1 for an empty union."""
    ious = []
    for part in parts:
        both = either = 0
        for said, is_ in zip(predicted, true, strict=True):
            both += said == part and is_ == part
            either += said == part or is_ == part
        ious.append(both / either if either else 1.0)
    return sum(ious) / len(ious)


def mean_ious(
    predicted: list[list[int]], true: list[list[int]], category: list[int], parts: list[list[int]]
) -> tuple[float, float, dict[int, float]]:
    """Mean over clouds, mean over categories, and the mean of each category that has a cloud."""
    by_category: dict[int, list[float]] = {}
    every = []
    for said, is_, of in zip(predicted, true, category, strict=True):
        iou = cloud_iou(said, is_, parts[of])
        by_category.setdefault(of, []).append(iou)
        every.append(iou)
    means = {of: sum(ious) / len(ious) for of, ious in by_category.items()}
    return sum(every) / len(every), sum(means.values()) / len(means), means
