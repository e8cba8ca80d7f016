"""Pictures against rays, analytic depths and the conventions of the cameras."""

import numpy as np
import pytest

from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.cameras import Camera, camera_at, fitting_distance, ring
from nebulatent.ops.rendering import AMBIENT, GREY, render
from ops.meshes import box, sphere, together, torus


def nearest_by_rays(corners: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Möller and Trumbore, pixel by pixel and triangle by triangle: depth and triangle."""
    n = camera.size
    depth, owner = np.full((n, n), np.inf), np.full((n, n), -1)
    right, up, ahead = camera.axes
    for i in range(n):
        for j in range(n):
            x, y = (j + 0.5 - n / 2) / camera.focal, (n / 2 - i - 0.5) / camera.focal
            ray = ahead + x * right + y * up
            for k, (a, b, c) in enumerate(corners):
                p = np.cross(ray, c - a)
                det = p @ (b - a)
                u = p @ (camera.position - a) / det
                q = np.cross(camera.position - a, b - a)
                v, t = q @ ray / det, q @ (c - a) / det
                if u >= 0 and v >= 0 and u + v <= 1 and 0 < t < depth[i, j]:
                    depth[i, j], owner[i, j] = t, k
    return depth, owner


def test_depth_mask_and_shade_are_those_of_rays() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (24, 3))
    faces = np.arange(24).reshape(-1, 3)
    camera = camera_at(33.0, 20.0, distance=1.6, size=24)
    (picture,) = render(points, faces, [camera], oversampling=1)
    depth, owner = nearest_by_rays(points[faces], camera)
    assert np.array_equal(picture.mask, owner >= 0) and picture.mask.mean() > 0.1
    np.testing.assert_allclose(picture.depth, depth, rtol=1e-6)
    assert np.array_equal(picture.image[..., 3], np.where(owner >= 0, 255, 0))
    a, b, c = points[faces].transpose(1, 0, 2)
    light = np.array([-0.45, 0.65, -1.0]) @ camera.axes
    for i, j in np.argwhere(picture.mask)[::3]:
        k = owner[i, j]
        normal = np.cross(b[k] - a[k], c[k] - a[k])
        normal *= np.sign(normal @ (camera.position - a[k])) / np.linalg.norm(normal)
        lit = AMBIENT + (1 - AMBIENT) * max(normal @ light / np.linalg.norm(light), 0)
        assert np.abs(picture.image[i, j, :3] - 255 * lit * np.array(GREY)).max() <= 0.51


def test_a_sphere_has_its_depth_and_its_silhouette() -> None:
    camera = camera_at(10.0, 40.0, distance=2.0, size=65)
    (picture,) = render(*sphere(0.5, 120), [camera])
    assert picture.depth[32, 32] == pytest.approx(1.5, abs=1e-3)
    # The cone that touches it: tan = r / sqrt(d² - r²).
    radius = camera.focal * 0.5 / (2**2 - 0.5**2) ** 0.5
    assert picture.mask.sum() == pytest.approx(np.pi * radius**2, rel=0.01)
    cover = picture.image[..., 3].sum() / 255
    assert cover == pytest.approx(np.pi * radius**2, rel=0.003)
    places = camera.points_of(picture.depth, picture.mask)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 0.5, atol=1e-3)


def test_a_closed_surface_has_no_pinholes() -> None:
    (picture,) = render(*torus(0.3, 0.2, 150), [camera_at(0.0, 90.0, distance=1.5)], oversampling=3)
    inner = picture.mask[1:-1, 1:-1]
    around = [picture.mask[:-2, 1:-1], picture.mask[2:, 1:-1]]
    around += [picture.mask[1:-1, :-2], picture.mask[1:-1, 2:]]
    assert not (~inner & np.logical_and.reduce(around)).any()


def test_azimuth_elevation_and_hands() -> None:
    """The front looks to -y and right is +x there; a quarter turn on, the side at +x is seen."""
    body = box((-0.2, -0.2, -0.2), (0.2, 0.2, 0.2))
    nose = box((0.1, -0.4, 0.1), (0.2, -0.2, 0.2))  # at the front, to the right, high
    front, side, back, top = render(
        *together(body, nose),
        [*(camera_at(a, 0.0) for a in (0.0, 90.0, 180.0)), camera_at(0.0, 90.0)],
    )
    centre = 68
    nearest = np.unravel_index(front.depth.argmin(), front.depth.shape)
    assert nearest[0] < centre < nearest[1]
    assert front.depth.min() == pytest.approx(2.1 - 0.4)
    assert back.depth.min() == pytest.approx(2.1 - 0.2)
    assert np.argwhere(side.mask)[:, 1].min() < 2 * centre - np.argwhere(side.mask)[:, 1].max()
    low = np.argwhere(top.mask)[:, 0].max()  # the front is at the bottom, seen from above
    assert low - centre > centre - np.argwhere(top.mask)[:, 0].min()


def test_ring_is_even_and_everything_is_in_view() -> None:
    cameras = ring(8)
    assert len(cameras) == 8 and cameras[0].size == 137
    assert {round(float(c.position @ c.position), 9) for c in cameras} == {round(2.1**2, 9)}
    assert all(np.allclose(c.axes @ c.axes.T, np.eye(3)) for c in cameras)
    corners = box((-0.5,) * 3, (0.5,) * 3)[0]
    for camera in (*cameras, *ring(5, -50.0), *ring(6, 0.0, distance=fitting_distance(corners))):
        seen = camera.project(corners)
        assert (seen[:, :2] > 0).all() and (seen[:, :2] < 137).all() and (seen[:, 2] > 0).all()


def test_the_same_mesh_gives_the_same_bits_whatever_its_faces_look_at() -> None:
    mesh = draw_shape(7, seed=1).shape().mesh()
    once = render(mesh.vertices, mesh.faces, ring(3))
    for other in (mesh.faces, mesh.faces[:, ::-1]):
        for a, b in zip(once, render(mesh.vertices, other, ring(3)), strict=True):
            assert np.array_equal(a.mask, b.mask)
            assert np.abs(a.image.astype(int) - b.image).max() <= 1
    again = render(mesh.vertices, mesh.faces, ring(3))
    assert all(a.image.tobytes() == b.image.tobytes() for a, b in zip(once, again, strict=True))


def test_background() -> None:
    (picture,) = render(*box((-0.1,) * 3, (0.1,) * 3), [camera_at(0.0, size=33)])
    assert (picture.image[0, 0] == 0).all() and np.isinf(picture.depth[0, 0])
    assert (picture.on()[0, 0] == 255).all() and (picture.on(0)[0, 0] == 0).all()
    assert np.array_equal(picture.on(240)[16, 16], picture.image[16, 16, :3])
    (empty,) = render(np.zeros((1, 3)), np.zeros((0, 3), int), [camera_at(0.0, size=9)])
    assert not empty.mask.any() and not empty.image.any()


def test_bad_requests_get_a_sentence() -> None:
    points, faces = box((-0.5,) * 3, (0.5,) * 3)
    with pytest.raises(ValueError, match="before the camera, got some beside or behind"):
        render(points, faces, [camera_at(0.0, 0.0, distance=0.4)])
    with pytest.raises(ValueError, match="finite, got NaN"):
        render(points * np.nan, faces, ring(1))
    with pytest.raises(ValueError, match="`oversampling` must be odd"):
        render(points, faces, ring(1), oversampling=2)
    with pytest.raises(ValueError, match="`elevation` within -90 to 90"):
        camera_at(0.0, 91.0)
    with pytest.raises(ValueError, match="`distance` and `size` must be positive"):
        ring(3, distance=0.0)
    with pytest.raises(ValueError, match="`count` must be at least 1"):
        ring(0)
