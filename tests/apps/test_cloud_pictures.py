"""Clouds as pictures: what is near hides what is far, parts keep their colours."""

import numpy as np

from nebulatent.apps.pictures.cloud_pictures import (
    FAR,
    NEAR,
    SIDE,
    cloud_sheet,
    draw_cloud,
    draw_clouds,
    nearest_parts,
    to_pictures,
    view,
)


def rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def middle(image: np.ndarray) -> list[int]:
    return to_pictures(image)[image.shape[1] // 2, image.shape[2] // 2].tolist()


def test_the_view_is_orthonormal_and_z_is_up() -> None:
    right, top, eye = view()
    assert np.allclose(view() @ view().T, np.eye(3))
    assert np.allclose(np.cross(right, top), eye)
    assert right[2] == 0 and top[2] > 0.8 and eye[1] < 0  # the front looks towards -y


def test_near_points_hide_far_ones_in_any_order() -> None:
    eye = view()[2].astype(np.float32)
    for points in (np.stack([eye, -eye]), np.stack([-eye, eye])):
        assert middle(draw_cloud(points)) == rgb(NEAR)
    assert middle(draw_cloud(np.stack([-eye, 0.9 * view()[1]]).astype(np.float32))) == rgb(FAR)


def test_up_is_up_and_right_is_right() -> None:
    right, top, _ = view().astype(np.float32)
    drawn = draw_cloud(np.stack([0.8 * top, 0.8 * top])).min(0)
    rows, columns = np.nonzero(drawn < 0.99)
    assert rows.max() < SIDE / 3 and abs(columns.mean() - SIDE / 2) < 2
    rows, columns = np.nonzero(draw_cloud(np.stack([0.8 * right] * 2)).min(0) < 0.99)
    assert columns.min() > 2 * SIDE / 3


def test_parts_have_colours_whatever_their_numbers() -> None:
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)).astype(np.float32)
    parts = np.arange(50) % 2
    drawn = draw_cloud(x, parts)
    assert np.array_equal(drawn, draw_cloud(x, 3 + 4 * parts))
    assert not np.array_equal(drawn, draw_cloud(x, 1 - parts))


def test_what_lies_outside_is_drawn_at_the_edge() -> None:
    assert np.isfinite(draw_cloud(np.full((3, 3), 40.0, np.float32))).all()
    assert draw_cloud(np.zeros((1, 3), np.float32)).shape == (3, SIDE, SIDE)


def test_any_number_of_clouds_is_drawn() -> None:
    x = np.zeros((2, 3, 5, 3), np.float32)
    assert draw_clouds(x, side=20).shape == (2, 3, 3, 20, 20)
    assert draw_clouds(x[:0, 0], side=20).shape == (0, 3, 20, 20)
    assert cloud_sheet(x[0]).ndim == 3


def test_a_rebuilt_point_has_the_part_of_its_nearest_original() -> None:
    x = np.array([[[0, 0, 0], [1, 0, 0.0]]])
    recon = np.array([[[0.9, 0, 0], [0.2, 0, 0], [2, 0, 0.0]]])
    assert nearest_parts(x, np.array([[7, 9]]), recon).tolist() == [[9, 7, 9]]
