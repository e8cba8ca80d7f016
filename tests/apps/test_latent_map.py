"""Codes on a map: what is exact, what t-SNE keeps, and what the page is told to draw."""

import json
import sys
from collections.abc import Callable

import numpy as np
import pytest

from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.pictures.interactive_map import (
    colourings,
    interactive,
    notes,
    plotly_javascript,
    scatter,
    script_json,
    sheets,
)
from nebulatent.apps.pictures.latent_map import MAX_POINTS, project, sample_rows

MakeRun = Callable[..., RunFigures]
ROWS = np.arange(30)


class TestProject:
    """Codes to two dimensions."""

    def test_two_components_are_drawn_as_they_are(self) -> None:
        codes, anchors = np.random.default_rng(0).normal(size=(2, 20, 2))
        projection = project(codes, anchors, seed=0)
        np.testing.assert_array_equal(projection.codes, codes)
        np.testing.assert_array_equal(projection.anchors, anchors)

    def test_one_component_lies_on_a_line(self) -> None:
        codes = np.arange(5.0)[:, None]
        projection = project(codes, None, seed=0)
        np.testing.assert_array_equal(projection.codes, np.pad(codes, ((0, 0), (0, 1))))
        assert projection.anchors.shape == (0, 2)

    def test_clusters_stay_together_with_their_anchor(self, make_run: MakeRun) -> None:
        run = make_run(num_samples=60)
        codes, anchors, how = project(run.codes, run.anchors, seed=0)
        distance = np.linalg.norm(codes[:, None] - codes, axis=-1) + np.diag([np.inf] * 60)
        assert (run.assign[distance.argmin(1)] == run.assign).all()
        to_anchor = np.linalg.norm(codes[:, None] - anchors, axis=-1)
        assert (to_anchor.argmin(1) == run.assign).all()
        assert "not to scale" in how
        assert "anchors among them" in how
        assert "anchors" not in project(run.codes, None, seed=0).how

    def test_the_same_seed_gives_the_same_map(self, make_run: MakeRun) -> None:
        run = make_run()
        first, second = (project(run.codes, run.anchors, seed=3) for _ in range(2))
        np.testing.assert_array_equal(first.codes, second.codes)

    def test_the_unit_of_the_codes_does_not_matter(self, make_run: MakeRun) -> None:
        run = make_run()
        tiny = project(1e-12 * run.codes, None, seed=0)
        assert np.isfinite(tiny.codes).all()
        assert np.ptp(tiny.codes) > 1

    @pytest.mark.parametrize("count", [1, 2, 3, 30])
    def test_equal_or_few_codes_have_a_map(self, count: int) -> None:
        for codes in (np.ones((count, 5)), np.eye(30)[:count, :5]):
            projection = project(codes, np.ones((1, 5)), seed=0)
            assert projection.codes.shape == (count, 2)
            assert np.isfinite(projection.codes).all()

    def test_few_codes_are_drawn_along_their_largest_variance(self) -> None:
        codes = np.zeros((3, 4))
        codes[:, 2] = [-10, 0, 10]
        drawn = project(codes, None, seed=0).codes
        np.testing.assert_allclose(np.abs(drawn), [[10, 0], [0, 0], [10, 0]], atol=1e-9)

    def test_too_many_codes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="`codes` must be at most 2000, got 2001"):
            project(np.zeros((2001, 3)), None, seed=0)

    def test_rows_are_drawn_in_order_without_repetition(self) -> None:
        rows = sample_rows(5000, seed=0)
        assert len(rows) == len(set(rows.tolist())) == MAX_POINTS
        assert (np.diff(rows) > 0).all()
        np.testing.assert_array_equal(rows, sample_rows(5000, seed=0))


class TestScatter:
    """What Plotly is told to draw."""

    def test_plotly_accepts_it(self, make_run: MakeRun) -> None:
        graph_objects = pytest.importorskip("plotly.graph_objects", reason="extra `viz`")
        run = make_run()
        spec = scatter(project(run.codes, run.anchors, seed=0), colourings(run, ROWS))
        assert len(graph_objects.Figure(spec).data) == 3 + 3 + 1

    def test_every_code_is_drawn_once_per_colouring(self, make_run: MakeRun) -> None:
        run = make_run()
        projection = project(run.codes, run.anchors, seed=0)
        traces = scatter(projection, colourings(run, ROWS))["data"]
        for group in (traces[:3], traces[3:6]):
            drawn = [row for trace in group for row in trace["customdata"]]
            assert sorted(drawn) == ROWS.tolist()
        assert [trace.get("visible", True) for trace in traces] == [True] * 3 + [False] * 3 + [True]
        last = traces[0]["customdata"][-1]
        assert traces[0]["x"][-1] == pytest.approx(projection.codes[last, 0], rel=1e-4)

    def test_no_trace_needs_webgl(self, make_run: MakeRun) -> None:
        run = make_run()
        spec = scatter(project(run.codes, run.anchors, seed=0), colourings(run, ROWS))
        assert {trace["type"] for trace in spec["data"]} == {"scatter"}

    def test_without_labels_there_is_one_colouring(self, make_run: MakeRun) -> None:
        run = make_run(label=None, label_names=())
        assert [way.by for way in colourings(run, ROWS)] == ["anchor"]

    def test_without_anchors_and_labels_all_points_are_alike(self, make_run: MakeRun) -> None:
        run = make_run(label=None, label_names=(), anchors=None, assign=None)
        (way,) = colourings(run, ROWS)
        np.testing.assert_array_equal(way.groups[0].rows, ROWS)

    def test_names_are_not_markup(self, make_run: MakeRun) -> None:
        run = make_run(label_names=("<b>x</b>", "y", "z"))
        spec = scatter(project(run.codes, run.anchors, seed=0), colourings(run, ROWS))
        assert spec["data"][3]["name"] == "&lt;b&gt;x&lt;/b&gt;"


class TestHover:
    """What the pointer shows."""

    def test_notes_tell_id_anchor_and_label(self, make_run: MakeRun) -> None:
        told = notes(make_run(), np.array([4, 29]))
        assert told[:2] == [
            ["row 4", "anchor 1", "label square"],
            ["row 29", "anchor 2", "label star"],
        ]
        assert told[2:] == [[f"anchor {i}", "10 samples"] for i in range(3)]

    def test_an_unknown_label_is_said_to_be(self, make_run: MakeRun) -> None:
        run = make_run(label=np.full(30, -1))
        assert notes(run, ROWS)[0][-1] == "label unknown"

    @pytest.mark.parametrize("kind", ["images", "vectors"])
    def test_there_is_a_thumbnail_per_sample_and_anchor(self, make_run: MakeRun, kind: str) -> None:
        samples, anchors = sheets(make_run(kind=kind), ROWS)
        assert samples.columns * samples.rows >= 30
        assert anchors.columns * anchors.rows >= 3


class TestFragment:
    """The map's HTML."""

    def test_data_cannot_end_its_script(self, make_run: MakeRun) -> None:
        run = make_run(ids=("</script><script>alert(1)</script>",) * 30)
        projection = project(run.codes, run.anchors, seed=0)
        html = interactive(run, projection, ROWS, sheets(run, ROWS))
        assert html.count("</script>") == 1
        data = html.partition('application/json">')[2].partition("</script>")[0]
        assert json.loads(data)["notes"][0][0] == "</script><script>alert(1)</script>"

    def test_json_of_anything_survives(self) -> None:
        value = {"a": "</script>&amp;<!--", "b": "\udc80"}
        assert json.loads(script_json(value)) == value

    def test_without_plotly_there_is_no_javascript(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "plotly.offline", None)
        assert plotly_javascript() is None
