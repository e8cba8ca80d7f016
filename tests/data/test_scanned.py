"""Pairs of one view and the whole: what they hold, that a seed fixes them, and that files keep."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nebulatent.data.shapes.make import Drawn, draw_shape
from nebulatent.data.shapes.scanned import COMPLETED, Scanned, kept_scans, scan_shapes, scan_view

SMALL = Scanned(shapes=5, views=2, seed=3, resolution=16)


def test_what_is_seen_is_part_of_the_whole_and_the_whole_holds_the_exact_solid() -> None:
    for number in range(4):
        partial, whole = scan_view(SMALL, number, 1)
        stream = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(number, 3, 1)))
        turn = stream.uniform(-180, 180)
        category, factors = draw_shape(number, seed=3, categories=COMPLETED)
        exact = Drawn(category, factors | {"turn": turn}).shape().occupancy(16)
        assert partial.any() and not (partial & ~whole).any()
        assert not (exact & ~whole).any()
        assert partial.sum() < 0.8 * whole.sum()


def test_only_what_faces_the_viewer_is_seen() -> None:
    level = replace(SMALL, elevation=(0.0, 0.0), resolution=32)
    for number in range(4):
        partial, whole = scan_view(level, number, 0)
        # From the front at the horizon (y is ahead): no ray meets cells behind the first solid one
        # but for perspective; in almost every column the seen cells are among the first.
        seen = np.argwhere(partial)
        first = whole.argmax(axis=1)[seen[:, 0], seen[:, 2]]
        assert np.mean(seen[:, 1] <= first + 3) > 0.6
        assert partial[:, ::-1].argmax(axis=1).mean() > 0  # the far side is not all seen


def test_a_pair_does_not_depend_on_how_many_are_made() -> None:
    pairs = scan_shapes(SMALL)
    more = scan_shapes(replace(SMALL, shapes=2, views=3))
    for number in range(2):
        for view in range(2):
            assert np.array_equal(
                pairs.whole[number * 2 + view : number * 2 + view + 1],
                more.whole[number * 3 + view : number * 3 + view + 1],
            )
    assert pairs.ids[3] == "chair-0001/1" and pairs.label.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0]
    one = replace(SMALL, shapes=1)
    assert scan_shapes(one).fingerprint == scan_shapes(one).fingerprint
    assert scan_shapes(one).fingerprint != scan_shapes(replace(one, seed=4)).fingerprint
    flat = pairs.whole[:].reshape(10, -1)
    assert len(np.unique(flat, axis=0)) == 10  # each view has a turn of its own


def test_pairs_are_kept_and_taken_from_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(SMALL, shapes=2)
    made = kept_scans(few, tmp_path / "new")
    (file,) = (tmp_path / "new").iterdir()

    def never(wanted: Scanned) -> None:
        raise AssertionError("made anew")

    monkeypatch.setattr("nebulatent.data.shapes.scanned.scan_shapes", never)
    assert kept_scans(few, tmp_path / "new").fingerprint == made.fingerprint
    assert file.name == f"scans-{few.key}.npy"
    assert replace(few, elevation=(0.0, 59.0)).key != few.key


@pytest.mark.parametrize("damage", ["cut", "text", "other", "pickle", "shape", "huge"])
def test_a_damaged_file_is_made_anew(damage: str, tmp_path: Path) -> None:
    few = replace(SMALL, shapes=2, views=1)
    made = kept_scans(few, tmp_path)
    (file,) = tmp_path.iterdir()
    bits = np.load(file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "text":
        file.write_bytes(b"no array")
    elif damage == "pickle":
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    elif damage == "shape":
        np.save(file, bits[:1])
    elif damage == "huge":
        with file.open("r+b") as stream:
            stream.truncate(1 << 30)
    else:
        bits[0, 1, 5] ^= 1
        np.save(file, bits)
    assert kept_scans(few, tmp_path).fingerprint == made.fingerprint
    assert np.array_equal(np.load(file)[0], made.partial.bits)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    few = replace(SMALL, shapes=1, views=1)
    assert kept_scans(few, tmp_path / "file").num_pairs == 1


def test_a_write_that_is_cut_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", cut)
    assert kept_scans(replace(SMALL, shapes=1, views=1), tmp_path).num_pairs == 1
    assert not list(tmp_path.iterdir())


def test_wishes_that_cannot_be_met_are_refused() -> None:
    for change in ({"shapes": 0}, {"views": 0}, {"seed": -1}):
        with pytest.raises(ValueError, match="`shapes` and `views` must be positive"):
            replace(SMALL, **change)
    for elevation in ((10.0, 0.0), (0.0, 91.0), (float("nan"), 0.0)):
        with pytest.raises(ValueError, match="`elevation` must be a range"):
            replace(SMALL, elevation=elevation)
    with pytest.raises(ValueError, match="`resolution` must be at least 1"):
        replace(SMALL, resolution=0)
    with pytest.raises(ValueError, match="must fit in this machine's memory"):
        scan_shapes(replace(SMALL, shapes=10**9))
    with pytest.raises(ValueError, match="`category` must be one of"):
        scan_shapes(replace(SMALL, categories=("spoon",)))
