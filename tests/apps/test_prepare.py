"""Meshes → files: complete, resumable, the same in parallel; bad meshes get a sentence."""

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nebulatent.apps.cli import main
from nebulatent.apps.preparing import prepare as module
from nebulatent.apps.preparing.prepare import find_jobs, prepare
from nebulatent.apps.preparing.prepare_shape import Settings
from nebulatent.data.binvox import read_binvox
from nebulatent.ops.voxels import grid_around, voxelise
from ops.meshes import Mesh, box, together, torus

SMALL = Settings(voxels=12, views=3, scans=2, size=33)
STOOL = together(box((0, 0, 4), (6, 3, 5)), box((0, 0, 0), (1, 1, 4)), box((5, 2, 0), (6, 3, 4)))


def write_off(path: Path, mesh: Mesh) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    points, faces = mesh
    rows = [" ".join(map(repr, map(float, row))) for row in points]
    rows += ["3 " + " ".join(map(str, row)) for row in faces]
    path.write_text("\n".join(["OFF", f"{len(points)} {len(faces)} 0", *rows, ""]))


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    folder = tmp_path / "meshes"
    write_off(folder / "stool" / "a.off", STOOL)
    write_off(folder / "stool" / "b.off", (STOOL[0] * (1, 2, 1), STOOL[1]))
    write_off(folder / "ring" / "train" / "r & <b>.off", torus(3.0, 1.0, 16))
    return folder


def files_of(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_all_files_of_a_shape(meshes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = prepare(str(meshes), out, SMALL)
    assert found.made == ("ring/train-r & <b>", "stool/a", "stool/b")
    assert not found.kept and not found.bad

    stored = read_binvox(out / "ShapeNetVox12" / "stool" / "a" / "model.binvox")
    own = grid_around(STOOL[0], 12)
    assert np.array_equal(stored.grid, voxelise(*STOOL, own, "both").cells)
    assert stored.translate == pytest.approx(own.corner) and stored.scale == pytest.approx(6.6)

    place = out / "ShapeNetRendering" / "stool" / "a" / "rendering"
    names = (place / "renderings.txt").read_text().split()
    assert names == ["00.png", "01.png", "02.png"]
    pixels = np.asarray(Image.open(place / names[0]))
    assert pixels.shape == (33, 33, 4) and 0.05 < (pixels[..., 3] > 127).mean() < 0.9
    camera = [float(word) for word in (place / "rendering_metadata.txt").read_text().split()]
    assert camera[5:8] == [120.0, 30.0, 0.0]

    scans = np.load(out / "Scans" / "stool" / "a.npz")
    assert scans["view"].tolist() == [0, 1] and scans["tsdf"].shape == (2, 12, 12, 12)
    assert scans["partial"].any() and not (scans["partial"] & ~stored.grid).any()
    assert scans["depth"].shape == (2, 33, 33) and np.isfinite(scans["depth"]).any()
    strip = np.asarray(Image.open(out / "Strips" / "stool" / "a.png"))
    assert strip.shape == (33, 5 * 33, 3)
    page = found.gallery.read_text()
    assert "<h2>stool: 2</h2>" in page and "r &amp; &lt;b&gt;" in page and "<b>" not in page
    assert 'src="Strips/ring/train-r%20%26%20%3Cb%3E.png"' in page


def test_it_goes_on_where_it_was_stopped(
    meshes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    prepare(str(meshes), whole, SMALL)
    real, calls = os.replace, []

    def stop(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 9:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(str(meshes), out, SMALL)
    monkeypatch.setattr(os, "replace", real)
    assert not list(out.rglob("*.part")) and not (out / "gallery.html").exists()
    found = prepare(str(meshes), out, SMALL)
    assert len(found.made) + len(found.kept) == 3 and files_of(out) == files_of(whole)

    again = prepare(str(meshes), out, SMALL)
    assert not again.made and len(again.kept) == 3
    write_off(meshes / "stool" / "a.off", torus(3.0, 1.0, 12))
    changed = prepare(str(meshes), out, SMALL)
    assert changed.made == ("stool/a",) and len(changed.kept) == 2
    record = out / "Records" / "stool" / "b.json"
    record.write_text("{}")
    assert prepare(str(meshes), out, SMALL).made == ("stool/b",)
    (out / "prepared.json").write_text("[1")
    with pytest.raises(ValueError, match="made with --voxels None, not 12"):
        prepare(str(meshes), out, SMALL)


def test_workers_write_the_same_bytes(meshes: Path, tmp_path: Path) -> None:
    prepare(str(meshes), tmp_path / "one", SMALL)
    prepare(str(meshes), tmp_path / "two", SMALL, workers=2)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_bad_meshes_are_named_and_leave_nothing(meshes: Path, tmp_path: Path) -> None:
    write_off(meshes / "bad" / "flat.off", (STOOL[0] * (1, 1, 0), STOOL[1]))
    write_off(meshes / "bad" / "cloud.off", (STOOL[0], STOOL[1][:0]))
    (meshes / "bad" / "torn.off").write_text("OFF\n8 12 0\n1 2")
    (meshes / "bad" / "nan.off").write_text("OFF\n3 1 0\n0 0 0\nnan 0 0\n0 1 0\n3 0 1 2\n")
    out = tmp_path / "out"
    found = prepare(str(meshes), out, SMALL, workers=2)
    assert len(found.made) == 3
    why = {Path(name).stem: text for name, text in found.bad.items()}
    assert "in one plane" in why["flat"] and "a cloud of" in why["cloud"]
    assert "truncated or damaged" in why["torn"] and "NaN" in why["nan"]
    assert not any("bad/" in name for name in files_of(out))
    assert "4 could not be prepared" in found.gallery.read_text()
    with pytest.raises(ValueError, match="must hold a mesh that can be prepared, got none"):
        prepare(str(meshes / "bad"), tmp_path / "none", SMALL)
    assert not (tmp_path / "none").exists()
    assert all(str(name) in text for name, text in found.bad.items())


def test_a_killed_worker_is_a_sentence(
    meshes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("a worker that is not forked does not see what the test replaced")
    monkeypatch.setattr(module, "_try", _die)
    with pytest.raises(ChildProcessError, match="run the same command again"):
        prepare(str(meshes), tmp_path / "out", SMALL, workers=2)


def _die(*_: object) -> None:
    os._exit(9)


def test_the_frame_is_that_of_the_shape_alone(tmp_path: Path) -> None:
    """Points that no triangle uses do not count; y can be up."""
    lying = (STOOL[0][:, (0, 2, 1)] * (-1, 1, 1), STOOL[1])
    stray = (np.concatenate([lying[0], [[900.0, 0, 0]]]), lying[1])
    write_off(tmp_path / "up.off", STOOL)
    write_off(tmp_path / "y.off", stray)
    prepare(str(tmp_path / "up.off"), tmp_path / "z", SMALL)
    prepare(str(tmp_path / "y.off"), tmp_path / "y", Settings(voxels=12, views=1, size=9, up="y"))
    grids = [
        read_binvox(tmp_path / one / "ShapeNetVox12" / "shapes" / name / "model.binvox").grid
        for one, name in (("z", "up"), ("y", "y"))
    ]
    assert np.array_equal(*grids)


def test_built_in_shapes_by_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    words = ["--voxels", "16", "--views", "2", "--size", "21", "--limit", "3", "--workers", "0"]
    assert main(["prepare", "builtin:shapes", "--out", out, *words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["made"] == 3 and said["kept"] == 0 and not said["bad"]
    assert main(["prepare", "builtin:shapes", "--out", out, *words]) == 0
    heard = capsys.readouterr()
    assert "0 shapes prepared, 3 were there" in heard.out and "Traceback" not in heard.err
    assert main(["prepare", "builtin:shapes", "--out", out, *words, "--fill", "solid"]) == 1
    assert "made with --fill both, not solid" in capsys.readouterr().err
    assert main(["prepare", str(tmp_path / "no"), "--out", out]) == 1
    assert "got nothing of that name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(voxels=0), "`--voxels` must lie in 1..512"),
        (Settings(voxels=513), "`--voxels` must lie in 1..512"),
        (Settings(views=0), "`--views` must lie in 1..360"),
        (Settings(size=5000), "`--size` must lie in 1..4096"),
        (Settings(views=2, scans=3), "`--scans` must lie in 0..2"),
        (Settings(elevation=100.0), "`--elevation` must lie in -90..90"),
    ],
)
def test_impossible_settings(settings: Settings, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        prepare("builtin:shapes", tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()


def test_places_that_are_refused(meshes: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must lie outside the folder of meshes"):
        prepare(str(meshes), meshes / "out", SMALL)
    with pytest.raises(ValueError, match="must be a new or empty folder"):
        prepare(str(meshes), tmp_path, SMALL)
    with pytest.raises(ValueError, match="must hold meshes, got none"):
        (tmp_path / "empty").mkdir()
        prepare(str(tmp_path / "empty"), tmp_path / "out", SMALL)
    write_off(meshes / "stool" / "A.off", STOOL)
    if len(list((meshes / "stool").iterdir())) == 3:  # the file system tells cases apart
        with pytest.raises(ValueError, match="distinct names"):
            find_jobs(str(meshes))
