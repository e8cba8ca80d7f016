r"""How well the points of scenes are named, by the protocol of S3DIS.

.. math:: \mathrm{IoU}_c = \frac{TP_c}{TP_c + FP_c + FN_c}, \qquad
    \mathrm{mIoU} = \operatorname*{mean}_c \mathrm{IoU}_c

with counts pooled over all points of all test blocks; not as for parts of shapes, where every cloud
has an IoU of its own (:mod:`nebulatent.evaluation.part_iou`).

To see what pre-training is worth, a network is trained on one area and tested on another, once from
learned weights and once from weights as drawn, and the difference of the two figures is told:
`read_s3dis_areas(folder, [1])`, `read_s3dis_areas(folder, [5])`.

Source: Armeni et al., CVPR 2016; Qi et al., PointNet, CVPR 2017, section 5.1; Eckart et al., ParAE,
CVPR 2021, Table 3 (train on Area 1, 2, 3, 4 or 6, test on Area 5).
Our reading: a class that no point has and none is given counts in no mean; S3DIS' Area 5 has all
13 classes.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int, Integer

from nebulatent.data.rows import Rows
from nebulatent.evaluation.encode import Prepare, chunks
from nebulatent.evaluation.measures import Measure
from nebulatent.typing import Tensor

POOLED = "counts pooled over all points of all blocks"


def point_confusion(
    classify: Callable[[Tensor], Tensor],
    blocks: Tensor | Rows,
    label: Integer[np.ndarray, "blocks points"],
    num_classes: int,
    *,
    prepare: Prepare = lambda x: x,
) -> Int[np.ndarray, "classes classes"]:
    """Points by true class (row) and the class that they were given (column).

    Arguments:
        classify: Prepared blocks `(blocks, points, channels)` → a class for each point.
        blocks: What to test on, in memory or on disk.
        label: True class of each point.
        num_classes: Number of classes.
        prepare: Scales blocks.

    Raises:
        ValueError: If labels are not as many as points, or a class is not one of `num_classes`.
    """
    if tuple(blocks.shape[:2]) != label.shape:
        raise ValueError(
            f"`label` must have one class per point, {list(blocks.shape[:2])}, got "
            f"{list(label.shape)}."
        )
    counts, start = np.zeros((num_classes, num_classes), np.int64), 0
    for batch in chunks(blocks, prepare):
        with torch.no_grad():
            given = classify(batch.x).numpy()
        true = label[start : start + len(given)]
        start += len(given)
        for name, classes in (("label", true), ("classify", given)):
            if not 0 <= classes.min() <= classes.max() < num_classes:
                raise ValueError(
                    f"`{name}` must give classes in 0..{num_classes - 1}, got "
                    f"{classes.min()}..{classes.max()}."
                )
        places = (true.astype(np.int64) * num_classes + given).ravel()
        counts += np.bincount(places, minlength=num_classes**2).reshape(counts.shape)
    return counts


def class_iou(confusion: Int[np.ndarray, "classes classes"]) -> Float[np.ndarray, " classes"]:
    """Intersection over union of each class; NaN of one that no point has and none is given.

    Examples:
        >>> class_iou(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
        array([0.75, 0.8 ,  nan])
    """
    right = confusion.diagonal().astype(np.float64)
    union = confusion.sum(0) + confusion.sum(1) - right
    return np.divide(right, union, out=np.full(len(right), np.nan), where=union > 0)


def scene_measures(
    confusion: Int[np.ndarray, "classes classes"], names: Sequence[str]
) -> list[Measure]:
    """mIoU, the share of points that are named rightly, its mean over classes, each class' IoU.

    Raises:
        ValueError: If no point was counted, or there is not a name for each class.
    """
    if not confusion.sum() or len(names) != len(confusion):
        raise ValueError(
            f"`confusion` must count points of classes with a name each, got {confusion.sum()} "
            f"points, {len(confusion)} classes and {len(names)} names."
        )
    iou, size = class_iou(confusion), confusion.sum(1)
    recall = confusion.diagonal()[size > 0] / size[size > 0]
    found = f"mean over the {np.isfinite(iou).sum()} classes that occur or are given; {POOLED}"
    values = {
        "mIoU": (np.nanmean(iou), f"Intersection over union of points, {found}."),
        "point accuracy": (confusion.trace() / size.sum(), f"Share of points; {POOLED}."),
        "class accuracy": (recall.mean(), f"Share of the points of a class, {POOLED}; mean."),
    }
    rows = [Measure(k, float(v), "higher", "", text, True) for k, (v, text) in values.items()]
    return rows + [
        Measure(f"IoU of {name}", float(value), "higher", "", f"Of points, {POOLED}.", True)
        for name, value in zip(names, iou, strict=True)
        if np.isfinite(value)
    ]
