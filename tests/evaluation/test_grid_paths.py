"""Paths of grids: even ones, jumps, detours, stillness, and what falls apart."""

import numpy as np
import pytest

from nebulatent.evaluation.grid_paths import in_one_piece, path_measures


def values(*paths: np.ndarray) -> dict[str, float]:
    return {measure.name: measure.value for measure in path_measures(np.stack(paths))}


def bars(*lengths: int) -> np.ndarray:
    """A bar of each length along z."""
    path = np.zeros((len(lengths), 3, 3, 8), bool)
    for grid, length in zip(path, lengths, strict=True):
        grid[1, 1, :length] = True
    return path


def test_an_even_path_a_jump_and_a_detour() -> None:
    even = values(bars(2, 4, 6, 8))
    assert even["largest step"] == pytest.approx(1 / 3)
    assert even["detour"] == 0
    assert even["IoU of neighbours"] == pytest.approx((2 / 4 + 4 / 6 + 6 / 8) / 3)
    assert values(bars(2, 2, 8, 8))["largest step"] == 1
    back = values(bars(2, 8, 2, 4))  # 14 changes for 2
    assert back["detour"] == pytest.approx(1 - 2 / 14)
    assert back["largest step"] == pytest.approx(6 / 14)


def test_a_path_without_change_is_no_smooth_one() -> None:
    still = values(bars(4, 4, 4))
    assert (still["largest step"], still["detour"], still["IoU of neighbours"]) == (1, 0, 1)
    empty = values(bars(0, 0, 0))
    assert (empty["IoU of neighbours"], empty["between in one piece"]) == (1, 0)


def test_figures_are_means_over_paths() -> None:
    one, other, both = (
        values(bars(2, 4, 6)), values(bars(1, 8, 2)), values(bars(2, 4, 6), bars(1, 8, 2))
    )  # fmt: skip
    assert both == pytest.approx({name: (one[name] + other[name]) / 2 for name in one})


def test_pieces_are_counted_between_and_at_the_ends() -> None:
    path = bars(4, 4, 4, 4)
    path[1, 1, 1, 6] = True  # a second piece, once between
    path[3] = False  # nothing at one end
    found = values(path)
    assert found["between in one piece"] == 0.5
    assert found["ends in one piece"] == 0.5


def test_pieces_touch_at_faces_edges_and_corners() -> None:
    for step, joined in (
        ((0, 0, 1), True),
        ((0, 1, 1), True),
        ((1, 1, 1), True),
        ((0, 0, 2), False),
    ):
        cells = np.zeros((1, 4, 4, 4), bool)
        cells[0, 0, 0, 0] = cells[(0, *step)] = True
        assert in_one_piece(cells)[0] == joined, step


def test_paths_without_a_middle_are_refused() -> None:
    for shape in ((0, 3, 2, 2, 2), (1, 2, 2, 2, 2), (1, 3, 2, 0, 2)):
        with pytest.raises(ValueError, match="one path of three grids or more"):
            path_measures(np.zeros(shape, bool))
