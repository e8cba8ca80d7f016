"""Rooms: what stands in them, what is cut out of them, and that they never change."""

import numpy as np
import pytest

from nebulatent.data.clouds.s3dis import AREAS, ROOM
from nebulatent.data.read import read
from nebulatent.data.shapes import rooms
from nebulatent.data.shapes.rooms import CLASSES, LENGTHS, MIXES, NOISE, load_rooms, make_room

FLOOR, CEILING, WALL, WINDOW, DOOR = (
    CLASSES.index(name) for name in ("floor", "ceiling", "wall", "window", "door")
)


@pytest.fixture(autouse=True)
def one_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each area, which is all that differs between few rooms and many."""
    monkeypatch.setattr(rooms, "ROOMS", 1)


def test_a_room_is_a_box_with_things_on_its_floor() -> None:
    room = make_room(4, 0)
    x, label = room.points, room.label
    assert (x.min(axis=0) == 0).all() and len(x) == len(label)
    floor, ceiling = x[label == FLOOR], x[label == CEILING]
    assert np.ptp(floor[:, 2]) < 10 * NOISE and np.ptp(ceiling[:, 2]) < 10 * NOISE
    height = ceiling[:, 2].mean() - floor[:, 2].mean()
    assert 2.4 <= height <= 3.2
    things = x[label > DOOR]
    assert len(things) > 0.1 * len(x)
    assert things[:, 2].max() < 2.2 + 5 * NOISE  # the longest side of the tallest
    # Nothing stands outside the floor, and what stands there touches it.
    assert (things[:, :2].min(0) > floor[:, :2].min(0) - 5 * NOISE).all()
    assert (things[:, :2].max(0) < floor[:, :2].max(0) + 5 * NOISE).all()
    for kind in np.unique(label[label > DOOR]):
        assert x[label == kind, 2].min() < floor[:, 2].mean() + 0.1
    # Doors and windows lie back in a wall; doors reach the floor, windows do not.
    assert x[label == DOOR, 2].min() < 0.2 and x[label == DOOR, 2].max() < 2.2
    if (label == WINDOW).any():
        assert x[label == WINDOW, 2].min() > 0.8


def test_density_is_the_same_on_floor_and_things() -> None:
    room = make_room(2, 0)
    floor = room.points[room.label == FLOOR]
    low, high = floor[:, :2].min(axis=0), floor[:, :2].max(axis=0)
    assert len(floor) / np.prod(high - low) == pytest.approx(rooms.DENSITY, rel=0.05)


def test_rooms_are_the_same_whenever_they_are_asked_for_and_differ() -> None:
    first, again, other, elsewhere = (
        make_room(*which) for which in ((1, 0), (1, 0), (1, 1), (2, 0))
    )
    assert np.array_equal(first.points, again.points) and np.array_equal(first.label, again.label)
    assert len({len(room.points) for room in (first, other, elsewhere)}) == 3


def test_blocks_are_columns_of_the_room_with_their_labels() -> None:
    table = load_rooms("test", 64)
    room, labels = make_room(5, 0), table.point_labels
    assert labels is not None and labels.names == CLASSES
    assert table.x.shape[1:] == (64, 3) and table.kind == "points" and table.label is None
    assert np.abs(table.x[:][..., :2]).max() <= 0.5 and table.x[:].min(axis=(0, 1))[2] >= 0
    for name, points, own in zip(table.ids, table.x[:], labels.values, strict=True):
        corner = np.array([float(c) for c in name.partition("/")[2].split(",")])
        back = points + np.array([*(corner + 0.5), 0.0])
        gap = np.abs(room.points[:, None] - back[:4]).max(axis=2)
        assert (gap.min(axis=0) < 1e-5).all()
        assert np.array_equal(room.label[gap.argmin(axis=0)], own[:4])


def test_areas_are_split_as_in_s3dis_and_a_block_of_few_points_repeats_some() -> None:
    parts = {split: read("builtin:rooms", split=split, num_points=40) for split in AREAS}
    for split, table in parts.items():
        found = [ROOM.fullmatch(name.partition("/")[0]) for name in table.ids]
        assert {int(room[1]) for room in found if room} == set(AREAS[split])
    assert set(parts["train"].ids) | set(parts["test"].ids) == set(parts["all"].ids)
    assert parts["train"].num_samples + parts["test"].num_samples == parts["all"].num_samples
    assert read("builtin:rooms", split="test").sample_shape == (512, 3)
    many = load_rooms("test", 5000).x[0]
    assert 100 <= len(np.unique(many, axis=0)) < 5000


def test_every_area_has_another_mix_of_all_things() -> None:
    assert set(MIXES) == set(AREAS["all"])
    shares = {tuple(w / sum(m.things.values()) for w in m.things.values()) for m in MIXES.values()}
    assert len(shares) == 6
    for mix in MIXES.values():
        assert set(mix.things) == set(LENGTHS) and min(mix.things.values()) > 0


def test_rooms_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`area` must be one of \[1, 2, 3, 4, 5, 6\]"):
        make_room(7, 0)
    with pytest.raises(ValueError, match="not negative, got 1, -1"):
        make_room(1, -1)
    with pytest.raises(ValueError, match="`num_points` must be positive, got 0"):
        load_rooms("test", 0)
