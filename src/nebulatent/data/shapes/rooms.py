r"""Rooms with furniture, cut into blocks whose points say what they belong to: `builtin:rooms`.

The layout is that of S3DIS (:mod:`nebulatent.data.clouds.s3dis`): six areas of rooms, Area 5 is the
test split and the others are training. A block is a column of 1 m by 1 m and the room's height, of
at least 100 points; `num_points` of them are drawn, some twice if there are fewer.

========== ======= =======
areas      rooms   blocks
========== ======= =======
1 to 4, 6  40      1143
5          8       237
========== ======= =======

A room has a floor, a ceiling, four walls with a door and windows, which lie some way back in their
wall, and things that stand on the floor, anywhere, turned by any angle: shapes of the built-in
categories at their usual sizes, as many of each as the area's mix says. Points are spread by area,
with noise of a centimetre.

Unlike S3DIS: there is no colour, so that a block has three columns, x and y from its centre and z
from the room's lowest point, in metres; blocks do not overlap; nothing hides behind anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nebulatent.data.clouds.s3dis import AREAS
from nebulatent.data.shapes.categories import find_category, make_shape
from nebulatent.data.shapes.shape import Shape
from nebulatent.data.table import PointLabels, Split, Table, build_table

NAME = "builtin:rooms"
NUM_POINTS = 512
CLASSES = tuple("ceiling floor wall window door table chair couch bookshelf clutter".split())
# Longest side of a thing's box, in metres.
LENGTHS = {
    "table": (1.0, 1.8),
    "chair": (0.85, 1.1),
    "couch": (1.5, 2.2),
    "bookshelf": (1.5, 2.1),
    "cabinet": (0.8, 1.4),
    "bench": (1.0, 1.6),
    "stool": (0.45, 0.75),
    "lamp": (1.1, 1.8),
    "vase": (0.3, 0.7),
}
ROOMS, DENSITY, NOISE = 8, 300, 0.01  # of an area; points of a square metre; metres
SIDE, FEWEST = 1.0, 100  # of a block
TRIES = 20  # places that are tried for a thing before it is left out


class Mix(NamedTuple):
    """What rooms of an area are like.

    Arguments:
        things: How frequent each kind of thing is, relative to the others.
        sides: Shortest and longest side of a room, in metres.
        crowd: Things per square metre.
    """

    things: Mapping[str, float]
    sides: tuple[float, float]
    crowd: float


def _mix(weights: str, sides: tuple[float, float], crowd: float) -> Mix:
    return Mix(dict(zip(LENGTHS, map(float, weights.split()), strict=True)), sides, crowd)


#           table chair couch bookshelf cabinet bench stool lamp vase
MIXES = {
    1: _mix("3    4     0.3   2         1       0.2   0.5   0.5  0.2", (3.0, 5.0), 0.5),
    2: _mix("2    6     0.3   0.5       0.3     3     0.3   0.2  0.2", (4.5, 7.0), 0.5),
    3: _mix("2    1     4     0.5       0.5     0.3   0.5   2    1", (3.5, 5.5), 0.4),
    4: _mix("4    6     0.3   0.3       1       0.5   1     0.5  1", (3.0, 5.5), 0.6),
    5: _mix("2.5  3     2     1.5       1       0.5   0.5   0.7  0.5", (3.0, 6.5), 0.5),
    6: _mix("2    2     0.7   5         0.5     0.3   1     0.5  0.2", (3.5, 6.0), 0.6),
}


class Room(NamedTuple):
    """Points of one room.

    Arguments:
        points: Positions in metres, from the smallest; z is up.
        label: What each belongs to, an index into `CLASSES`.
    """

    points: Float[np.ndarray, "points 3"]
    label: Int[np.ndarray, " points"]


class Box(NamedTuple):
    """Where a thing stands, seen from above, by the sides of its box."""

    centre: Float[np.ndarray, " 2"]
    half: Float[np.ndarray, " 2"]


def make_room(area: int, number: int) -> Room:
    """One room, the same whenever it is asked for.

    Arguments:
        area: Its area, 1 to 6.
        number: Its number within the area.

    Raises:
        ValueError: If there is no such area, or `number` is negative.

    Examples:
        >>> room = make_room(1, 0)
        >>> sorted({CLASSES[i] for i in room.label} & {"ceiling", "floor", "wall"})
        ['ceiling', 'floor', 'wall']
    """
    if area not in MIXES or number < 0:
        raise ValueError(
            f"`area` must be one of {list(MIXES)} and `number` not negative, got {area}, {number}."
        )
    generator, mix = np.random.default_rng((area, number)), MIXES[area]
    size = np.array([*generator.uniform(*mix.sides, 2), generator.uniform(2.4, 3.2)])
    pieces = [*_shell(size, generator), *_things(size, mix, generator)]
    points = np.concatenate([piece.points for piece in pieces])
    points += NOISE * generator.standard_normal(points.shape)
    label = np.concatenate([piece.label for piece in pieces])
    return Room(points - points.min(axis=0), label)


def load_rooms(split: Split = "train", num_points: int = NUM_POINTS) -> Table:
    """Blocks of the rooms of Area 5 (test), of the others (training) or of all.

    Arguments:
        split: Which areas.
        num_points: Points of each block.

    Raises:
        ValueError: If `num_points` is not positive.
    """
    if num_points < 1:
        raise ValueError(f"`num_points` must be positive, got {num_points}.")
    x, label, ids = [], [], []
    for area in AREAS[split]:
        for number in range(ROOMS):
            room = make_room(area, number)
            for name, points, own in _blocks(room, num_points, (area, number)):
                x.append(points)
                label.append(own)
                ids.append(f"Area_{area}_room_{number}/{name}")
    return build_table(
        np.stack(x),
        source=NAME,
        ids=ids,
        point_labels=PointLabels(np.stack(label), CLASSES),
        notes=(
            "Blocks of 1 m by 1 m; positions in metres, x and y from the block's centre, z from "
            f"the room's lowest point. Read: areas {', '.join(map(str, AREAS[split]))}.",
        ),
    )


def _blocks(
    room: Room, count: int, seed: tuple[int, int]
) -> Iterator[tuple[str, Float[np.ndarray, "count 3"], Int[np.ndarray, " count"]]]:
    """Corner, points and labels of each block that has points enough."""
    generator = np.random.default_rng((*seed, 1))
    cell = np.floor(room.points[:, :2] / SIDE).astype(np.int64)
    for corner in np.unique(cell, axis=0):
        inside = np.flatnonzero((cell == corner).all(axis=1))
        if len(inside) < FEWEST:
            continue
        chosen = generator.permutation(inside)[:count]
        chosen = np.append(chosen, generator.choice(inside, count - len(chosen)))
        centre = np.array([*(corner + 0.5) * SIDE, 0.0])
        points = (room.points[chosen] - centre).astype(np.float32)
        yield f"{corner[0]},{corner[1]}", points, room.label[chosen]


def _shell(size: Float[np.ndarray, " 3"], generator: np.random.Generator) -> Iterator[Room]:
    """Floor, ceiling, and walls with openings."""
    for name, height in (("floor", 0.0), ("ceiling", size[2])):
        points = generator.random((round(DENSITY * size[0] * size[1]), 3)) * size
        points[:, 2] = height
        yield Room(points, np.full(len(points), CLASSES.index(name)))
    with_door = generator.integers(4)
    for wall in range(4):
        along, across = wall % 2, 1 - wall % 2
        points = generator.random((round(DENSITY * size[along] * size[2]), 3)) * size
        points[:, across] = size[across] * (wall // 2)
        label = np.full(len(points), CLASSES.index("wall"))
        name = "door" if wall == with_door else "window"
        if name == "door" or generator.random() < 0.6:
            wide, back = (0.9, 0.1) if name == "door" else (generator.uniform(1.0, 2.0), 0.2)
            low, high = (0.0, 2.0) if name == "door" else (0.9, generator.uniform(1.8, 2.2))
            start = generator.uniform(0.2, size[along] - wide - 0.2)
            place = points[:, along] - start
            opening = (place > 0) & (place < wide) & (points[:, 2] > low) & (points[:, 2] < high)
            points[opening, across] += back if wall // 2 else -back
            label[opening] = CLASSES.index(name)
        yield Room(points, label)


def _things(
    size: Float[np.ndarray, " 3"], mix: Mix, generator: np.random.Generator
) -> Iterator[Room]:
    """What stands on the floor; boxes of things do not overlap."""
    kinds, weights = list(mix.things), np.array(list(mix.things.values()))
    count = round(mix.crowd * size[0] * size[1])
    taken: list[Box] = []
    for kind in generator.choice(kinds, count, p=weights / weights.sum()).tolist():
        shape, scale = _draw_thing(kind, generator)
        half = scale * np.abs(shape.faces.vertices).max(axis=0)
        box = _place(size, half[:2], taken, generator)
        if box is None:
            continue
        taken.append(box)
        surface = shape.sample(max(1, round(DENSITY * scale**2 * _area(shape))), generator)
        points = scale * surface.points + [*box.centre, half[2]]
        name = kind if kind in CLASSES else "clutter"
        yield Room(points, np.full(len(points), CLASSES.index(name)))


def _draw_thing(kind: str, generator: np.random.Generator) -> tuple[Shape, float]:
    """A shape, turned by any angle, and how long it is."""
    values = {factor.name: factor.draw(generator) for factor in find_category(kind).factors}
    shape = make_shape(kind, values, turn=generator.uniform(-180, 180))
    return shape, float(generator.uniform(*LENGTHS[kind]))


def _place(
    size: Float[np.ndarray, " 3"],
    half: Float[np.ndarray, " 2"],
    taken: Sequence[Box],
    generator: np.random.Generator,
) -> Box | None:
    """Where a thing can stand, or None if no place was found."""
    for _ in range(TRIES):
        centre = half + generator.random(2) * (size[:2] - 2 * half)
        apart = ((np.abs(centre - box.centre) >= half + box.half).any() for box in taken)
        if (2 * half < size[:2]).all() and all(apart):
            return Box(centre, half)
    return None


def _area(shape: Shape) -> float:
    """Of the triangles of all solids; where they overlap a little more than the surface."""
    mesh = shape.mesh()
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
