"""Categories, factors, and data sets of shapes."""

import math

import numpy as np
import pytest

from nebulatent.data.read import read
from nebulatent.data.shapes.builtin import SIZES, load_shapes
from nebulatent.data.shapes.categories import (
    CATEGORIES,
    PARTS,
    find_category,
    make_shape,
    part_ids,
    part_names,
)
from nebulatent.data.shapes.make import Shapes, draw_shape, make_shapes, make_voxels


@pytest.fixture(scope="module")
def many() -> Shapes:
    return make_shapes(20 * len(CATEGORIES), seed=1, num_points=300)


def test_a_shape_is_the_same_however_many_are_made() -> None:
    few, more = make_shapes(2, seed=4, num_points=50), make_shapes(15, seed=4, num_points=50)
    for name in ("points", "normals", "part", "label"):
        assert np.array_equal(getattr(few, name), getattr(more, name)[:2])
    assert few.factors["stretch_x"].tolist() == more.factors["stretch_x"][:2].tolist()
    assert np.array_equal(make_voxels(2, seed=4), make_voxels(3, seed=4)[:2])


def test_options_change_neither_categories_nor_factors() -> None:
    plain = make_shapes(15, seed=4, num_points=20)
    other = make_shapes(15, seed=4, num_points=30, turn=90.0, noise=0.1)
    assert np.array_equal(plain.label, other.label)
    assert plain.factors.keys() == other.factors.keys()
    for name in plain.factors.keys() - {"turn"}:
        assert np.array_equal(plain.factors[name], other.factors[name], equal_nan=True)


def test_seeds_and_numbers_tell_shapes_apart() -> None:
    clouds = [make_shapes(26, seed=seed, num_points=5).points for seed in (0, 1)]
    assert len({cloud.tobytes() for seed in clouds for cloud in seed}) == 52


def test_noise_and_turns_are_what_is_asked_for() -> None:
    plain = make_shapes(30, seed=4, num_points=300)
    noisy = make_shapes(30, seed=4, num_points=300, noise=0.05)
    assert (noisy.points - plain.points).std() == pytest.approx(0.05, rel=0.02)
    assert np.array_equal(noisy.normals, plain.normals)
    turned = make_shapes(30, seed=4, num_points=300, turn=40.0).factors["turn"]
    assert plain.factors["turn"].tolist() == [0.0] * 30
    assert 30 < np.abs(turned).max() <= 40 and turned.min() < 0 < turned.max()


def test_factors_surface_and_noise_of_a_shape_have_streams_of_their_own() -> None:
    def stream(purpose: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(4, spawn_key=(1, purpose)))

    shapes = make_shapes(2, seed=4, num_points=40, noise=0.1)
    surface = draw_shape(1, seed=4).shape().sample(40, stream(1))
    noise = 0.1 * stream(2).standard_normal((40, 3))
    assert shapes.points[1] == pytest.approx(surface.points + noise, abs=1e-6)
    first = find_category(CATEGORIES[1]).factors[0]
    assert shapes.factors[first.name][1] == first.draw(stream(0))


def test_stretching_widens_before_it_turns() -> None:
    plain, wide = (
        np.ptp(make_shape("bed", {}, stretch=(x, 1, 1), turn=90.0).mesh().vertices, axis=0)
        for x in (1, 2)
    )
    assert wide[1] / wide[0] == pytest.approx(2 * plain[1] / plain[0])
    assert wide[2] / wide[0] == pytest.approx(plain[2] / plain[0])


def test_a_turn_turns_the_solid_about_the_up_axis() -> None:
    plain, turned = make_shape("chair", {}), make_shape("chair", {}, turn=90.0)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (500, 3))
    quarter = np.stack([-points[:, 1], points[:, 0], points[:, 2]], axis=1)
    sure = np.abs(plain.signed_distance(points)) > 1e-9
    assert np.array_equal(plain.contains(points)[sure], turned.contains(quarter)[sure])
    assert plain.contains(points).any()


def test_categories_take_turns(many: Shapes) -> None:
    assert np.bincount(many.label).tolist() == [20] * len(CATEGORIES)
    assert make_shapes(5, categories=("mug", "car"), num_points=1).label.tolist() == [0, 1, 0, 1, 0]


def test_every_part_appears_and_belongs_to_its_category(many: Shapes) -> None:
    assert np.unique(many.part).tolist() == list(range(len(PARTS)))
    for label, part in zip(many.label, many.part, strict=True):
        assert set(part.tolist()) <= set(part_ids(CATEGORIES[label]))


def test_numbers_of_parts_are_ranges_in_the_order_of_their_names() -> None:
    numbered = [PARTS[i] for name in CATEGORIES for i in part_ids(name)]
    assert numbered == list(PARTS)
    assert [PARTS[i][1] for i in part_ids("couch")] == list(part_names("couch"))
    assert sorted(CATEGORIES) == list(CATEGORIES)


def test_factors_are_known_within_their_ranges_and_nowhere_else(many: Shapes) -> None:
    for name, column in many.factors.items():
        for label, value in zip(many.label, column, strict=True):
            factors = {f.name: f for f in find_category(CATEGORIES[label]).factors}
            if name in ("stretch_x", "stretch_y", "stretch_z", "turn"):
                assert math.isfinite(value)
            elif name in factors:
                assert factors[name].admits(value)
            else:
                assert math.isnan(value)


def test_every_factor_changes_some_shape() -> None:
    """At one of a few settings of the others: tilt needs a back, the bars need a bar back."""
    for name in CATEGORIES:
        for factor in find_category(name).factors:
            assert any(_matters(name, factor.name, seed) for seed in range(60)), (name, factor.name)


def _matters(category: str, factor: str, seed: int) -> bool:
    drawn = draw_shape(0, seed=seed, categories=(category,))
    own = {f.name: drawn.factors[f.name] for f in find_category(category).factors}
    ends = next((f.low, f.high) for f in find_category(category).factors if f.name == factor)
    low, high = (make_shape(category, own | {factor: end}).mesh().vertices for end in ends)
    return low.shape != high.shape or not np.array_equal(low, high)


def test_a_chair_has_arms_if_it_is_told_to() -> None:
    seat, back, leg, arm = part_ids("chair")
    bare, armed = (make_shape("chair", {"arms": k}).mesh().part for k in (0.0, 1.0))
    assert set(bare.tolist()) == {seat, back, leg}
    assert set(armed.tolist()) == {seat, back, leg, arm}


def test_a_higher_table_is_higher() -> None:
    heights = [np.ptp(make_shape("table", {"height": h}).mesh().vertices[:, 2]) for h in (0.3, 0.9)]
    assert heights[1] > 2 * heights[0]


def test_a_mug_is_hollow_from_the_top_only() -> None:
    mug = make_shape("mug", {"handle": 3.0})
    z = np.linspace(-0.6, 0.6, 200)
    inside = mug.contains(np.stack([0 * z, 0 * z, z], axis=1))
    assert inside[z < 0].any() and not inside[z > 0].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "`count` and the size of a sample must be positive, got 0 and 9"),
        ({"num_points": 0}, "must be positive, got 2 and 0"),
        ({"categories": ()}, "`categories` must name at least one"),
        ({"categories": ("cat",)}, "`category` must be one of airplane, .* got 'cat'"),
        ({"noise": -1.0}, "`noise` must not be negative, got -1.0"),
        ({"turn": float("inf")}, "`turn` must be between 0 and 180 degrees, got inf"),
        ({"seed": -1}, "`index` and `seed` must not be negative, got 0 and -1"),
    ],
)
def test_impossible_sets_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_shapes(**{"count": 2, "num_points": 9} | options)


@pytest.mark.parametrize(
    ("category", "values", "stretch", "message"),
    [
        ("sofa", {}, (1, 1, 1), "`category` must be one of .*couch.*, got 'sofa'"),
        ("table", {"arms": 1}, (1, 1, 1), "must name some of width, .*, got 'arms'"),
        ("table", {"height": 9.0}, (1, 1, 1), r"`height` must be in \[.*\], got 9.0"),
        ("table", {"top": 0.5}, (1, 1, 1), r"`top` must be one of 0 \(square\), .* got 0.5"),
        ("table", {"height": math.nan}, (1, 1, 1), "`height` must be in .* got nan"),
        ("table", {}, (1, 0, 1), "`stretch` must be three positive numbers"),
        ("table", {}, (1, 1), "`stretch` must be three positive numbers"),
    ],
)
def test_impossible_shapes_are_refused(
    category: str, values: dict[str, float], stretch: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_shape(category, values, stretch=stretch)


def test_the_built_in_set_is_what_its_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {part: count for part, (_, count) in SIZES.items()} == {"train": 1600, "test": 800}
    assert len(CATEGORIES) == 16
    small = {"train": (0, 64), "test": (1, 32)}  # the rest takes seconds and no other path
    monkeypatch.setattr("nebulatent.data.shapes.builtin.SIZES", small)
    train, test, every = (load_shapes(split, 100) for split in ("train", "test", "all"))
    assert [table.num_samples for table in (train, test, every)] == [64, 32, 96]
    assert np.array_equal(every.x, np.concatenate([train.x, test.x]))
    assert len(set(every.ids)) == 96 and every.ids[64] == "test/airplane-0000"
    assert train.kind == "points" and train.sample_shape == (100, 3)
    assert train.label_names == CATEGORIES
    assert np.bincount(train.label).tolist() == [4] * 16
    assert np.linalg.norm(train.x, axis=2).max(axis=1) == pytest.approx(1)
    assert not {cloud.tobytes() for cloud in train.x} & {cloud.tobytes() for cloud in test.x}
    names = train.point_labels.names
    for label, part in zip(train.label, train.point_labels.values, strict=True):
        assert {names[i].split(":")[0] for i in part} == {CATEGORIES[label]}


def test_the_name_of_the_built_in_set_is_read_as_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nebulatent.data.shapes.builtin.SIZES", {"train": (0, 20), "test": (1, 5)})
    assert read("builtin:shapes", num_points=32).x.shape == (20, 32, 3)
    assert read("builtin:shapes", split="test").x.shape == (5, 1024, 3)
