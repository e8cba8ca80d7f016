"""Parts as colours: the same part has the same colour, whichever other parts a cloud has."""

import numpy as np
from matplotlib.figure import Figure

from nebulatent.apps.pictures.cloud_pictures import draw_cloud, to_pictures
from nebulatent.apps.pictures.part_pictures import category_dots, draw_parts, part_grid

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(-0.6, 0.6, (80, 3)).astype(np.float32)


def colours(picture: np.ndarray) -> set[tuple[int, ...]]:
    """Those that no anti-aliasing made: of at least a few pixels."""
    found, count = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    return {tuple(c) for c, n in zip(found.tolist(), count, strict=True) if n > 1}


def test_a_part_keeps_its_colour_where_others_are_missing() -> None:
    parts = np.array([5] * 40 + [7] * 40)
    both = draw_parts(POINTS, parts, [5, 6, 7])
    alone = draw_parts(POINTS, np.full(80, 7), [5, 6, 7])
    others = draw_parts(POINTS, np.full(80, 5), [5, 6, 7])
    assert not colours(alone) & colours(others) - {(255, 255, 255)}
    behind = np.all(both == alone, axis=2) & (both != 255).any(2)
    assert behind.sum() > 100  # the pixels of the points that are of part 7 in both


def test_the_points_that_carry_the_colours_cannot_be_seen() -> None:
    parts = RNG.integers(2, size=80)
    expected = to_pictures(draw_cloud(POINTS, parts))
    assert np.array_equal(draw_parts(POINTS, parts, [0, 1]), expected)


def test_a_grid_names_its_rows_and_columns_and_dots_show_every_seed() -> None:
    axes = Figure().subplots(2)
    clouds = np.stack([POINTS, POINTS, POINTS])
    parts = np.zeros((3, 80), np.int64)
    grid = part_grid(axes[0], clouds, {"true": parts, "said": parts + 1}, [[0, 1]] * 3, "abc")
    assert [t.get_text() for t in grid.get_xticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in grid.get_yticklabels()] == ["true", "said"]
    height, width = grid.images[0].get_array().shape[:2]
    assert width > 1.4 * height
    values = {"one": [[0.1, 0.2], [0.3, 0.4]], "two": [[0.5, 0.5], [0.6, 0.8]]}
    dots = category_dots(axes[1], values, ["x", "y"], "IoU")
    means = [line.get_xdata() for line in dots.lines if line.get_label() in values]
    assert np.allclose(means, [[0.15, 0.35], [0.5, 0.7]])
    seeds = [line for line in dots.lines if line.get_markersize() == 2.5]
    assert len(seeds) == 4
