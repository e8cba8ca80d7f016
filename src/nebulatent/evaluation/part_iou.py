r"""How well the parts of clouds are found, by the protocol of ShapeNetPart.

.. math:: \mathrm{IoU}_p = \frac{\lvert \hat P_p \cap P_p \rvert}{\lvert \hat P_p \cup P_p \rvert}
    \;(1 \text{ if } \hat P_p \cup P_p = \emptyset), \qquad
    \mathrm{IoU}_n = \operatorname*{mean}_{p \in \text{parts of } c_n} \mathrm{IoU}_p

for the points P and P̂ of a cloud that are, and are said to be, of part p; a cloud's IoU is the mean
over all parts of its category c, also over those that this cloud lacks.

| figure | mean of the clouds' IoU |
|---|---|
| instance mIoU | over all clouds; "Avg." of PointNet, PointNet++, 3D-GCN and NVC, Table 5 |
| IoU of a category | over its clouds |
| class mIoU | over the categories' means |

Source: Qi et al., PointNet, CVPR 2017, section 5.1; Yi et al., SIGGRAPH Asia 2016.
Authors' code: charlesq34/pointnet, `part_seg/test.py` (MIT).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Integer

from nebulatent.data.rows import Rows
from nebulatent.evaluation.encode import Prepare, chunks
from nebulatent.evaluation.measures import Measure
from nebulatent.typing import Tensor

INSTANCE, CLASS, ACCURACY = "instance mIoU", "class mIoU", "point accuracy"
CONVENTION = (
    "of a cloud: mean over all parts of its category of intersection over union of points, 1 for a "
    "part that is neither there nor predicted"
)


@runtime_checkable
class Segmenter(Protocol):
    """A method that names the parts of clouds whose category is known."""

    def segment(self, x: Tensor, category: Tensor, /) -> Tensor:
        """The part of each point `(batch, points)`."""
        ...


class PartLabels(NamedTuple):
    """The clouds of a test, all but their points.

    Arguments:
        part: Part of each point.
        category: Category of each cloud.
        parts_of: Which parts each category has.
    """

    part: Integer[np.ndarray, "clouds points"]
    category: Integer[np.ndarray, " clouds"]
    parts_of: Bool[np.ndarray, "categories parts"]


def segment_all(
    model: Segmenter,
    x: Tensor | Rows,
    category: Integer[np.ndarray, " clouds"],
    prepare: Prepare,
) -> Int[np.ndarray, "clouds points"]:
    """The part of each point of all clouds, batch by batch."""
    label = torch.from_numpy(category.astype(np.int64))
    found = [model.segment(b.x, b.label) for b in chunks(x, prepare, label) if b.label is not None]
    return torch.cat(found).numpy()


def frequent_parts(known: PartLabels) -> Int[np.ndarray, " categories"]:
    """The part that most points of each category have: what a network must beat.

    A category without a cloud has the first of its parts.

    Examples:
        >>> parts_of = np.array([[True, True, False], [False, False, True]])
        >>> frequent_parts(PartLabels(np.array([[0, 1, 1]]), np.array([0]), parts_of))
        array([1, 2])
    """
    counts = np.zeros(known.parts_of.shape, np.int64)
    np.add.at(counts, (known.category[:, None], known.part), 1)
    return np.where(known.parts_of, counts, -1).argmax(1)


def cloud_ious(
    predicted: Integer[np.ndarray, "clouds points"], true: PartLabels
) -> Float[np.ndarray, " clouds"]:
    """IoU of each cloud, the mean over all parts of its category.

    A point that is given a part of another category is wrong, and no more than that.

    Raises:
        ValueError: If there is no point, shapes differ, a number is out of its range, or a point
            truly has a part that its category does not have.

    Examples:
        >>> true = PartLabels(np.array([[0, 0, 1, 1]]), np.array([0]), np.ones((1, 3), bool))
        >>> cloud_ious(np.array([[0, 0, 0, 1]]), true).round(3)  # (2/3 + 1/2 + 1) / 3
        array([0.722])
    """
    _check(predicted, true)
    parts_of = true.parts_of[true.category]
    right = np.where(predicted == true.part, true.part.astype(np.int64), -1)
    count = true.parts_of.shape[1]
    both, said, there = (_counts(values, count) for values in (right, predicted, true.part))
    union = said + there - both
    iou = np.where(union > 0, both / np.maximum(union, 1), 1.0)
    return (iou * parts_of).sum(1) / parts_of.sum(1)


def part_measures(
    predicted: Integer[np.ndarray, "clouds points"], true: PartLabels, names: Sequence[str]
) -> list[Measure]:
    """Instance and class mIoU, share of points, and the IoU of each category that has a cloud.

    Arguments:
        predicted: A part for each point, normally one of its cloud's category.
        true: What is right.
        names: Of the categories.

    Raises:
        ValueError: As `cloud_ious`, or if there are not as many names as categories.
    """
    if len(names) != len(true.parts_of):
        raise ValueError(
            f"`names` must be of all {len(true.parts_of)} categories, got {len(names)}."
        )
    ious = cloud_ious(predicted, true)
    by_category = {
        name: float(ious[true.category == number].mean())
        for number, name in enumerate(names)
        if (true.category == number).any()
    }
    accuracy = float((predicted == true.part).mean())
    share = "Share of points given their part, all clouds together."
    over = f"Mean over the {len(ious)} clouds; {CONVENTION}."
    classes = f"Mean over {len(by_category)} categories of their clouds' mean; {CONVENTION}."
    return [
        Measure(INSTANCE, float(ious.mean()), "higher", "", over, True),
        Measure(CLASS, float(np.mean(list(by_category.values()))), "higher", "", classes, True),
        Measure(ACCURACY, accuracy, "higher", "", share, True),
        *(
            Measure(iou_of(name), value, "higher", "", f"Mean over clouds; {CONVENTION}.", True)
            for name, value in by_category.items()
        ),
    ]


def iou_of(category: str) -> str:
    """Name of the measure of one category."""
    return f"IoU {category}"


def _counts(
    part: Integer[np.ndarray, "clouds points"], num_parts: int
) -> Int[np.ndarray, "clouds parts"]:
    """Points of each part in each cloud; -1 is none."""
    counts = np.zeros((len(part), num_parts + 1), np.int64)
    np.add.at(counts, (np.arange(len(part))[:, None], part), 1)
    return counts[:, :-1]


def _check(predicted: Integer[np.ndarray, "clouds points"], true: PartLabels) -> None:
    if not true.part.size:
        raise ValueError(f"`part` must hold at least one point, got shape {true.part.shape}.")
    if predicted.shape != true.part.shape or len(true.category) != len(true.part):
        raise ValueError(
            f"`predicted` must be one part per point {true.part.shape} of {len(true.category)} "
            f"clouds, got {predicted.shape}."
        )
    categories, parts = true.parts_of.shape
    ranges = (("category", true.category, categories), ("part", true.part, parts))
    for name, values, count in (*ranges, ("predicted", predicted, parts)):
        low, high = int(values.min()), int(values.max())
        if low < 0 or high >= count:
            raise ValueError(f"`{name}` must lie in 0..{count - 1}, got {low}..{high}.")
    own = true.parts_of[true.category[:, None], true.part]
    if not own.all():
        cloud = int((~own).any(1).argmax())
        foreign = int(true.part[cloud][~own[cloud]][0])
        raise ValueError(
            f"`part` must be one of its category's, got part {foreign} in cloud {cloud} of "
            f"category {int(true.category[cloud])}; check that labels and categories belong "
            "together."
        )
