"""Figures show the arrays they were given: checked on the artists, not on pixels."""

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from nebulatent.apps.pictures import galleries
from nebulatent.apps.pictures.canvas import new_figure, to_png
from nebulatent.apps.pictures.colours import anchor_names, class_names, colours, group_rows, marks
from nebulatent.apps.pictures.curves import term_curves, term_names, term_series, warm_up_end
from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.pictures.plots import covariance, latent_map, occupancy
from nebulatent.apps.pictures.thumbnails import picture_thumbnails, profile_thumbnails, to_sheet

MakeRun = Callable[..., RunFigures]
EARLY = [
    {"epoch": 0, "kl": 1.0, "total": 3.0},
    {"epoch": 1, "kl": 2.0, "total": 4.0, "nebula": 5.0},
    {"epoch": 2, "kl": 3.0, "total": 5.0, "nebula": 6.0},
]


def titles(figure: Figure) -> list[str]:
    return [ax.get_title(loc="left") for ax in figure.axes if ax.axison]


class TestCurves:
    """Training curves."""

    def test_a_panel_per_term_in_the_order_of_the_objective(self) -> None:
        assert term_names(EARLY) == ["kl", "nebula", "total"]
        assert titles(term_curves({"": EARLY})) == ["kl", "nebula", "total"]

    def test_panels_fill_their_rows(self) -> None:
        history = [{"epoch": 0, **{f"term {i}": 1.0 for i in range(6)}}]
        assert [ax.axison for ax in term_curves({"": history}).axes] == [True] * 6

    def test_a_line_shows_the_unweighted_values(self) -> None:
        line = term_curves({"": EARLY}).axes[0].get_lines()[0]
        np.testing.assert_array_equal(line.get_xydata(), [[0, 1], [1, 2], [2, 3]])

    def test_a_term_is_missing_until_its_warm_up_ends(self) -> None:
        _, values = term_series(EARLY, "nebula")
        np.testing.assert_array_equal(values, [np.nan, 5, 6])
        assert warm_up_end(EARLY) == 1

    def test_without_a_warm_up_nothing_is_shaded(self) -> None:
        assert warm_up_end(EARLY[1:]) is None
        assert not term_curves({"": EARLY[1:]}).axes[0].patches
        assert term_curves({"": EARLY}).axes[0].patches

    def test_a_value_that_is_not_finite_is_a_gap(self) -> None:
        _, values = term_series([{"epoch": 0, "kl": np.inf}], "kl")
        assert np.isnan(values).all()

    def test_runs_share_panels_and_are_named(self) -> None:
        figure = term_curves({"_VAE": EARLY[:2], "$NVC": EARLY})
        assert [len(ax.get_lines()) for ax in figure.axes][1:] == [2, 2]
        assert [t.get_text() for t in figure.legends[0].get_texts()] == ["_VAE", "$NVC"]
        assert to_png(figure)

    def test_one_epoch_is_a_visible_point(self) -> None:
        assert term_curves({"": EARLY[:1]}).axes[0].get_lines()[0].get_marker() == "o"


class TestLatentMap:
    """The still map."""

    points = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])
    groups = group_rows(np.array([0, 0, 1]), ["a$b", "_c"])

    def test_each_group_is_drawn_at_its_codes_in_its_colour(self) -> None:
        ax = latent_map(new_figure(2).subplots(), self.points, self.groups, np.empty((0, 2)))
        offsets = [np.asarray(drawn.get_offsets()) for drawn in ax.collections]
        np.testing.assert_array_equal(offsets[0], self.points[:2])
        np.testing.assert_array_equal(offsets[1], self.points[2:])
        drawn = [to_hex(drawn.get_facecolor()[0]) for drawn in ax.collections]
        assert drawn == colours(2)

    def test_anchors_are_numbered_where_they_are(self) -> None:
        anchors = np.array([[0.5, 0.0], [5.0, 4.0]])
        ax = latent_map(new_figure(2).subplots(), self.points, self.groups, anchors)
        np.testing.assert_array_equal([line.get_xydata()[0] for line in ax.lines], anchors)
        assert [text.get_text() for text in ax.texts] == ["0", "1"]

    def test_names_stand_at_the_medians_and_are_not_mathematics(self) -> None:
        figure = new_figure(2)
        ax = latent_map(figure.subplots(), self.points, self.groups, self.points, named=True)
        assert [(t.get_text(), *t.get_position()) for t in ax.texts] == [
            ("a$b", 0.5, 0.0),
            ("_c", 5.0, 5.0),
        ]
        assert to_png(figure)

    def test_a_script_the_font_lacks_does_not_warn(self) -> None:
        figure = new_figure(2)
        groups = group_rows(np.array([0, 0, 0]), ["\u732b\udc80"])
        latent_map(figure.subplots(), self.points, groups, self.points, named=True)
        assert to_png(figure)


class TestColours:
    """Colours and marks of groups."""

    def test_ten_groups_differ_by_colour(self) -> None:
        assert len(set(colours(10))) == 10

    def test_twenty_groups_differ_by_colour_and_mark(self) -> None:
        assert len(set(zip(colours(20), marks(20), strict=True))) == 20

    def test_many_groups_get_a_scale(self) -> None:
        assert len(set(colours(120))) == 120

    def test_an_empty_group_keeps_its_colour(self) -> None:
        groups = group_rows(np.array([2, -1]), anchor_names(3))
        assert groups[0].colour == colours(3)[2]
        assert [group.name for group in groups] == ["anchor 2", "unknown"]

    def test_a_class_without_a_name_is_called_by_its_number(self) -> None:
        assert class_names(np.array([1]), ("a",)) == ["a", "1"]


class TestCovariance:
    """The heat map of Fig. 3."""

    def test_shows_the_matrix_on_a_symmetric_scale(self) -> None:
        matrix = np.array([[1.0, -0.5], [-0.5, 0.2]])
        image = covariance(new_figure(2).subplots(), matrix, limit=1.5).images[0]
        np.testing.assert_array_equal(image.get_array(), matrix)
        assert image.get_clim() == (-1.5, 1.5)


class TestOccupancy:
    """Samples per anchor."""

    assign = np.array([0, 0, 0, 2])

    def test_a_bar_per_anchor_even_if_empty(self) -> None:
        ax = occupancy(new_figure(2).subplots(), self.assign, 3)
        assert [bar.get_height() for bar in ax.patches] == [3, 0, 1]
        assert [text.get_text() for text in ax.texts] == ["3", "0", "1"]

    def test_classes_are_stacked(self) -> None:
        label = np.array([0, 1, 1, 1])
        ax = occupancy(new_figure(2).subplots(), self.assign, 3, label, ["a", "_b"])
        assert [bar.get_height() for bar in ax.patches] == [1, 0, 0, 2, 0, 1]
        assert [bar.get_y() for bar in ax.patches][3:] == [1, 0, 0]
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "_b"]

    def test_a_hundred_anchors_are_not_all_named(self) -> None:
        ax = occupancy(new_figure(2).subplots(), self.assign, 100)
        assert len(ax.patches) == 100
        assert len(ax.get_xticks()) <= 24


class TestGalleries:
    """Samples, anchors and reconstructions."""

    def test_pictures_are_rgb(self) -> None:
        grey = galleries.pictures(np.full((2, 1, 3, 4), 0.5))
        assert grey.shape == (2, 3, 4, 3)
        assert (grey == 128).all()
        colour = galleries.pictures(np.array([-1.0, 0.0, 2.0, 9.0]).reshape(1, 4, 1, 1))
        np.testing.assert_array_equal(colour[0, 0, 0], [0, 0, 255])

    def test_a_mosaic_holds_every_picture_on_white(self) -> None:
        tiles = np.arange(6 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 3, 2, 2, 3)
        sheet = galleries.mosaic(tiles)
        assert sheet.shape == (5, 8, 3)
        np.testing.assert_array_equal(sheet[3:5, 6:8], tiles[1, 2])
        assert (sheet[2] == 255).all()

    def test_the_fullest_anchors_are_shown_in_order(self) -> None:
        counts = np.arange(galleries.MAX_ANCHORS + 2)
        assert galleries.shown_anchors(counts) == list(range(2, len(counts)))

    def test_a_row_per_anchor_tells_its_samples(self, make_run: MakeRun) -> None:
        run = make_run()
        around = [(galleries.DECODED, run.anchor_samples), (galleries.NEAREST, run.anchor_nearest)]
        figure = galleries.anchor_pictures(run.anchor_decoded, around, np.array([5, 0, 7]))
        assert titles(figure) == ["anchor", galleries.DECODED, galleries.NEAREST]
        names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert names == ["0 · 5", "1 · 0", "2 · 7"]

    def test_profiles_are_in_deviations_and_a_constant_feature_is_finite(self) -> None:
        x = np.array([[1.0, 7.0], [3.0, 7.0]])
        np.testing.assert_array_equal(galleries.scale_of(x)(x), [[-1, 0], [1, 0]])

    def test_a_panel_per_anchor_shows_its_profile(self, make_run: MakeRun) -> None:
        run = make_run(kind="vectors")
        scale = galleries.scale_of(run.x)
        around = [(galleries.DECODED, run.anchor_samples)]
        figure = galleries.anchor_profiles(run.anchor_decoded, around, np.array([5, 0, 7]), scale)
        assert titles(figure) == ["0 · 5 samples", "1 · 0 samples", "2 · 7 samples"]
        shown = [line.get_ydata() for line in figure.axes[1].get_lines()]
        assert any(np.allclose(line, scale(run.anchor_decoded[1])) for line in shown[:-1])

    def test_what_is_left_is_original_minus_reconstruction(self) -> None:
        x, recon = np.eye(3), np.zeros((3, 3))
        scale = galleries.Scale(np.zeros(3), np.ones(3))
        figure = galleries.reconstruction_profiles(x, recon, scale)
        np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), x - recon)

    def test_reconstructions_stand_below_their_originals(self) -> None:
        x, recon = np.zeros((14, 1, 2, 2)), np.ones((14, 1, 2, 2))
        bands = galleries.reconstruction_pictures(x, recon, columns=12).axes
        assert len(bands) == 2
        pixels = bands[1].images[0].get_array()
        assert (pixels[:2, :5] == 0).sum() == 2 * 4 * 3  # two originals, the gap is white
        assert (pixels[3:] == 255).all()


class TestThumbnails:
    """The sheet a hover shows a cell of."""

    def test_a_cell_of_the_sheet_is_its_sample(self) -> None:
        cells = picture_thumbnails(np.random.default_rng(0).random((7, 3, 4, 5)))
        sheet = to_sheet(cells)
        pixels = np.asarray(Image.open(io.BytesIO(decode(sheet.uri))))
        row, column = divmod(6, sheet.columns)
        cell = pixels[row * sheet.height :, column * sheet.width :][: sheet.height, : sheet.width]
        np.testing.assert_array_equal(cell, cells[6])

    def test_large_pictures_shrink_and_keep_their_shape(self) -> None:
        assert picture_thumbnails(np.ones((1, 1, 64, 16))).shape == (1, 32, 8, 3)

    def test_grey_samples_make_a_grey_sheet(self) -> None:
        sheet = to_sheet(picture_thumbnails(np.zeros((2, 1, 4, 4))))
        assert Image.open(io.BytesIO(decode(sheet.uri))).mode == "L"

    def test_profiles_rise_above_and_fall_below_the_middle(self) -> None:
        high, low = profile_thumbnails(np.array([[3.0], [-3.0]]))[..., 0] < 255
        half = len(high) // 2
        assert high[: half + 1].all() and not high[half + 1 :].any()
        assert low[half:].all() and not low[:half].any()

    def test_equal_sheets_share_a_name(self) -> None:
        zeros, ones = (to_sheet(np.full((2, 3, 3, 3), v, np.uint8)) for v in (0, 1))
        assert zeros.name == to_sheet(np.zeros((2, 3, 3, 3), np.uint8)).name != ones.name


def decode(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def test_the_same_figure_gives_the_same_bytes() -> None:
    first, second = (to_png(term_curves({"": EARLY})) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("field", ["assign", "label", "ids", "x"])
def test_rows_must_be_as_many_as_codes(make_run: MakeRun, field: str) -> None:
    with pytest.raises(ValueError, match=rf"`{field}` must have one row per code, got 29 rows"):
        make_run(**{field: getattr(make_run(), field)[:-1]})


def test_codes_must_be_finite(make_run: MakeRun) -> None:
    with pytest.raises(ValueError, match="`codes` must be finite"):
        make_run(codes=np.full((30, 4), np.nan))
