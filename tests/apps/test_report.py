"""The report is whole, safe to open, needs no network, and says what the arrays say."""

import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nebulatent.apps.pictures.figures import RunFigures
from nebulatent.apps.pictures.interactive_map import plotly_javascript
from nebulatent.apps.reports.report import fold_repeats, write_report
from nebulatent.apps.reports.report_table import best_runs, glossary, results_table, value_text
from nebulatent.evaluation.measures import Measure

MakeRun = Callable[..., RunFigures]
EVIL = "<script>alert(1)</script>"
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Tags and their attributes; fails on a tag that is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


def written(folder: Path, *runs: RunFigures, **options: Any) -> str:  # noqa: ANN401
    path = write_report(folder / "report.html", title="A <title>", runs=runs, **options)
    return path.read_text(encoding="utf-8")


def without_plotly(text: str) -> str:
    return text.replace(plotly_javascript() or "", "")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, make_run: MakeRun) -> str:
    """A report on two runs over the same samples, the second without anchors; names are evil."""
    ids = (EVIL, *(f"row {i}" for i in range(29)))
    first = make_run(ids=ids, label_names=(EVIL, "b", "c"), summary={EVIL: EVIL}, name=EVIL)
    second = make_run(name="VAE", anchors=None, assign=None, anchor_decoded=None)
    options = {"baselines": [("k-means", {"ACC": "0.5", "extra": EVIL})], "command": EVIL}
    return written(tmp_path_factory.mktemp("report"), first, second, **options)


class TestPage:
    """The whole page."""

    def test_it_is_one_well_formed_page(self, page: str) -> None:
        assert page.startswith("<!doctype html>")
        assert "$" not in re.sub(r"<script.*?</script>", "", without_plotly(page), flags=re.DOTALL)
        Page(page)

    def test_nothing_is_fetched(self, page: str) -> None:
        parsed = Page(page)
        sources = parsed.values("src") + parsed.values("href")
        assert sources
        assert all(source.startswith(("data:", "#")) for source in sources)
        rest = without_plotly(page)
        assert "http:" not in rest and "https:" not in rest
        assert not re.search(r"url\((?!\"data:)|@import", rest)
        assert not re.search(r"//[a-z]", re.sub(r'data:[^"]+', "", rest))

    def test_the_policy_forbids_requests(self, page: str) -> None:
        policy = next(value for value in Page(page).values("content") if "src" in value)
        assert "default-src 'none'" in policy
        assert "http" not in policy

    def test_plotly_is_embedded_once(self, page: str) -> None:
        script = plotly_javascript()
        assert script is None or page.count(script) == 1

    def test_names_are_never_markup(self, page: str) -> None:
        rest = without_plotly(page)
        assert EVIL not in rest
        assert "alert(1)" in rest
        scripts = [tag for tag, _ in Page(page).tags if tag == "script"]
        assert len(scripts) == 2 + 2  # a map's data for each run; Plotly and ours

    def test_every_link_has_its_target(self, page: str) -> None:
        parsed = Page(page)
        targets = {href[1:] for href in parsed.values("href") if href.startswith("#")}
        assert targets <= set(parsed.values("id"))

    def test_every_picture_has_an_alternative_text(self, page: str) -> None:
        pictures = [attrs for tag, attrs in Page(page).tags if tag == "img"]
        assert len(pictures) >= 8
        assert all(attrs.get("alt") for attrs in pictures)

    def test_samples_of_both_runs_are_embedded_once(self, page: str) -> None:
        assert len(re.findall(r"^\.sheet-\w+ ", page, flags=re.MULTILINE)) == 2

    def test_advice_is_open_once_and_folded_after(self, page: str) -> None:
        assert page.count("<details>") >= 3
        assert fold_repeats(page) != page  # it is the folding that makes the difference


BARE: dict[str, Any] = {
    "history": (),
    "measures": (),
    "recon": np.empty((0, 1, 6, 5)),
    "anchors": None,
    "assign": None,
    "label": None,
    "summary": {},
    "found": (),
}
SMALL: dict[str, dict[str, Any]] = {
    "vectors": {"kind": "vectors"},
    "one anchor": {"num_anchors": 1, "label": None, "label_names": ()},
    "two samples": {"num_samples": 2, "num_anchors": 1},
    "constant codes": {"codes": np.zeros((30, 4)), "covariance": np.zeros((4, 4))},
    "one vector feature": {
        "kind": "vectors",
        "x": np.ones((30, 1)),
        "recon": np.ones((3, 1)),
        "anchor_decoded": np.ones((3, 1)),
        "anchor_samples": np.ones((3, 2, 1)),
        "anchor_nearest": None,
    },
    "almost nothing": BARE,
}


@pytest.mark.parametrize("case", SMALL)
def test_every_kind_of_run_has_a_report(tmp_path: Path, make_run: MakeRun, case: str) -> None:
    page = Page(written(tmp_path, make_run(**SMALL[case])))
    assert page.values("alt")


def test_without_plotly_the_map_is_a_picture(
    tmp_path: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    text = written(tmp_path, make_run())
    assert 'pip install "nebulatent[viz]"' in text
    assert "<script" not in text
    assert any(alt.startswith("Map of 30 codes of NVC") for alt in Page(text).values("alt"))


def test_the_same_runs_give_the_same_file(tmp_path: Path, make_run: MakeRun) -> None:
    first, second = (written(tmp_path, make_run(**BARE)) for _ in range(2))
    assert first == second


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, make_run: MakeRun) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_report(tmp_path / "taken", title="", runs=[make_run(**BARE)])
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_runs_need_distinct_names(tmp_path: Path, make_run: MakeRun) -> None:
    with pytest.raises(ValueError, match=r"`runs` must be at least one, with distinct names"):
        write_report(tmp_path / "x.html", title="", runs=[make_run(), make_run()])


class TestTable:
    """Results and glossary."""

    def test_the_best_run_of_a_row_is_marked(self, make_run: MakeRun) -> None:
        other = make_run(name="B", measures=[Measure("rel", 0.1, "lower", "", "Error.", False)])
        table = results_table([make_run(), other])
        row = next(row for row in table.split("<tr>") if ">rel<" in row)
        assert re.findall(r'<td class="(\w*)">', row) == ["", "best"]

    def test_there_is_no_best_without_contest_or_direction(self) -> None:
        assert best_runs([0.5, None], "higher") == set()
        assert best_runs([0.50001, 0.50002], "higher") == set()
        assert best_runs([0.1, 0.2], "neither") == set()
        assert best_runs([0.1, np.nan, 0.3, 0.3], "higher") == {2, 3}

    def test_rows_tell_unit_direction_convention_and_labels(self, make_run: MakeRun) -> None:
        rows = results_table([make_run()]).split("<tr>")
        accuracy, elbo = (next(r for r in rows if f">{n}<" in r) for n in ("ACC", "ELBO"))
        assert 'title="Share of samples under the best matching."' in accuracy
        assert "uses labels" in accuracy and "uses labels" not in elbo
        assert "(nats)" in elbo and "↑" in elbo and "−107.8" in elbo

    def test_baselines_are_columns(self, make_run: MakeRun) -> None:
        table = results_table([make_run()], [("k-means", {"ACC": "0.5 ± 0.1", "seconds": "3"})])
        assert "k-means</th>" in table
        assert "0.5 ± 0.1" in table
        assert ">seconds</th>" in table

    def test_the_glossary_explains_measures_and_terms(self, make_run: MakeRun) -> None:
        text = glossary([make_run()])
        assert text.count("<dt>") == 4 + 5
        assert "Evidence lower bound per sample." in text
        assert "Unit: nats." in text

    @pytest.mark.parametrize(
        ("value", "text"), [(0.5, "0.5000"), (3.0, "3"), (-0.01234, "−0.01234"), (np.inf, "–")]
    )
    def test_values_have_four_figures(self, value: float, text: str) -> None:
        assert value_text(value) == text
