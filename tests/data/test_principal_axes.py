"""Clouds in the frame of their principal axes: no pose, no reflection, the same in any file."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nebulatent.data.clouds.principal_axes import (
    EITHER_WAY,
    ONLY_PLACES,
    PRINCIPAL,
    TOGETHER,
    in_principal_axes,
    principal_frame,
)
from nebulatent.data.point_labels import PointLabels
from nebulatent.data.read import read
from nebulatent.data.table import Table, build_table


def clouds(count: int = 12, columns: int = 3) -> Table:
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(count, 40, columns))
    x[..., :3] *= [1.0, 2.0, 4.0]
    labels = np.array(["a", "b", "c"])[np.arange(count) % 3]
    return build_table(x.astype(np.float32), source="made up", labels=labels)


def test_the_frame_does_not_depend_on_the_pose() -> None:
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(5, 200, 3)) * [1.0, 2.0, 4.0]
    turn = Rotation.random(5, random_state=1).as_matrix()
    moved = np.einsum("cpi,cij->cpj", x, turn) + rng.normal(size=(5, 1, 3))
    one, other = principal_frame(x), principal_frame(moved)
    np.testing.assert_allclose(one, other, atol=1e-9)
    np.testing.assert_allclose(one.mean(1), 0, atol=1e-9)
    covariance = np.einsum("cpi,cpj->cij", one, one)
    assert np.abs(covariance[:, *np.triu_indices(3, 1)]).max() < 1e-6
    assert (np.diff(one.var(1), axis=1) > 0).all()
    assert (((one**3).sum(1) > 0)[:, :2]).all()
    # A rotation, not a reflection: the volume that four points span keeps its sign.
    corners = [c[:, 1:4] - c[:, :1] for c in (x, one)]
    np.testing.assert_allclose(*(np.linalg.det(c) for c in corners), atol=1e-6)


def test_the_signs_are_those_of_all_rotations_that_keep_the_axes() -> None:
    assert len(set(EITHER_WAY)) == 4
    assert all(np.prod(pose) == 1 for pose in EITHER_WAY)


def test_tables_keep_their_labels_and_have_another_fingerprint() -> None:
    plain = clouds()
    points = PointLabels(np.zeros((12, 40), np.int64), ("a part",))
    turned = in_principal_axes(plain._replace(point_labels=points))
    assert turned.label_names == plain.label_names and turned.fingerprint != plain.fingerprint
    assert np.array_equal(turned.label, plain.label)  # pyright: ignore[reportArgumentType]
    assert turned.point_labels is points and turned.found == (*plain.found, PRINCIPAL)
    np.testing.assert_allclose(np.linalg.norm(turned.x, axis=2).max(1), 1, atol=1e-6)
    assert turned.low == pytest.approx(turned.x.min(0))


def test_a_cloud_is_turned_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = clouds()
    whole = in_principal_axes(plain).x[:]
    for row in (0, 7):
        alone = in_principal_axes(plain.take(np.array([row]))).x[:]
        assert np.array_equal(alone[0], whole[row])
    monkeypatch.setattr("nebulatent.data.clouds.principal_axes.TOGETHER", 5)
    assert TOGETHER > 12 and np.array_equal(in_principal_axes(plain).x[:], whole)


def test_clouds_on_disk_are_turned_to_the_same_bits(tmp_path: Path) -> None:
    np.save(tmp_path / "clouds.npy", clouds().x[:])
    here, there = (read(tmp_path / "clouds.npy", lazy=lazy) for lazy in (False, True))
    here, there = in_principal_axes(here), in_principal_axes(there)
    assert not isinstance(there.x, np.ndarray) and there.x.shape == (12, 40, 3)
    assert here.fingerprint == there.fingerprint
    assert np.array_equal(there.x[np.array([9, 2])], here.x[np.array([9, 2])])


def test_only_coordinates_are_kept() -> None:
    turned = in_principal_axes(clouds(columns=6))
    assert turned.sample_shape == (40, 3) and turned.found[-1] == ONLY_PLACES


@pytest.mark.parametrize("points", [np.zeros((1, 5, 3)), np.ones((1, 5, 3)) * 1e30])
def test_a_repeated_point_stays_finite(points: np.ndarray) -> None:
    table = build_table(points.astype(np.float32), source="a point")
    assert np.array_equal(in_principal_axes(table).x[:], np.zeros((1, 5, 3)))


@pytest.mark.parametrize("shape", [(4, 5), (4, 1, 6, 6), (4, 9, 2)])
def test_other_samples_are_refused(shape: tuple[int, ...]) -> None:
    table = build_table(np.ones(shape, np.float32), source="others")
    with pytest.raises(ValueError, match="must hold clouds of three coordinates"):
        in_principal_axes(table)
