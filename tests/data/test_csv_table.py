"""Tables of text."""

import csv
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nebulatent.data.read import read
from nebulatent.data.table import Table

NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)


def _read(folder: Path, text: str, name: str = "a.csv") -> Table:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return read(folder / name, trainable=False)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.tuples(
                TEXT, st.lists(NUMBERS, min_size=width, max_size=width), TEXT.map("c{}".format)
            ),
            min_size=1,
            max_size=6,
        )
    ),
    delimiter=st.sampled_from(",;\t"),
)
def test_numbers_ids_and_labels_come_back_as_written(
    rows: list[tuple[str, list[float], str]],
    delimiter: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", *(f"x{i}" for i in range(len(rows[0][1]))), "Class"])
        writer.writerows([name, *map(repr, numbers), label] for name, numbers, label in rows)
    table = read(path, trainable=False)
    expected = np.array([numbers for _, numbers, _ in rows], dtype=np.float32)
    np.testing.assert_array_equal(table.x, expected)
    assert table.ids == tuple(name for name, _, _ in rows)
    assert table.label is not None
    assert [table.label_names[i] for i in table.label] == [label for _, _, label in rows]


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "\ufeffa;b\n1;2\n\n3;4",
        "a\tb\n1\t2\n\n3\t4\n\n",
        "0,1\n1,2\n3,4\n",
        " 1  2\n 3  4\n",
        '"a","b"\n"1"," 2"\n"3","4"\n',
        ",a,b\n0,1,2\n1,3,4\n",
        "a,b\r1,2\r3,4\r",
    ],
)
def test_delimiter_and_header_are_found(tmp_path: Path, text: str) -> None:
    table = _read(tmp_path, text)
    assert table.x.tolist() == [[1, 2], [3, 4]]
    assert table.ids == ("0", "1")


@pytest.mark.parametrize("name", ["label", "Class", "TARGET", "y"])
def test_a_label_column_is_no_feature(tmp_path: Path, name: str) -> None:
    table = _read(tmp_path, f"a,{name},b\n1,cat,2\n3,ant,4\n")
    assert table.x.tolist() == [[1, 2], [3, 4]]
    assert table.label_names == ("ant", "cat")
    assert f"Column '{name}' gives the labels." in table.found


def test_y_is_a_feature_beside_a_label(tmp_path: Path) -> None:
    table = _read(tmp_path, "x,y,label\n1,2.5,0\n3,4.5,1\n")
    assert table.x.tolist() == [[1, 2.5], [3, 4.5]]


def test_order_is_kept_across_blocks(tmp_path: Path) -> None:
    count = 10_000
    rows = "".join(f"r{i},{i},{i % 7}\n" for i in range(count))
    table = _read(tmp_path, f"name,x,label\n{rows}")
    assert np.array_equal(table.x[:, 0], np.arange(count))
    assert table.ids == tuple(f"r{i}" for i in range(count))
    assert table.label is not None
    assert np.array_equal(table.label, np.arange(count) % 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,x\n", r"line 3 of .*a\.csv` must hold a number in column 'b', got 'x'; corr"),
        ("1,2\n3,\n", r"line 2 .* column '1', got an empty cell"),
        ("a,b\n1,2\n3\n", r"line 3 of .* must have 2 cells like the first line, got 1\."),
        ("a;b\n1,5;2\n3;4\n", r"line 2 .* column 'a', got '1,5'"),
        ("a,label\n1,x\n2,\n", r"line 3 .* must have a value in column 'label', got an empty"),
        ("a,y\n1,1.53\n2,2.5\n", r"labels in .* must be whole numbers or text, got 1\.53"),
        ("a,b\n", r"must hold samples, got none"),
        ("\n\n", r"must hold a table of numbers, got an empty file"),
        ("label\n1\n2\n", r"must have a column of numbers, got label\."),
        ("a,b\n1,nan\n3,4\n", r"got 1 value of NaN or infinity, the first in row 0 .* 'b'"),
        ("a,b\n1,1e39\n3,4\n", r"finite numbers within float32's range, got 1 value .* 'b'"),
    ],
)
def test_bad_tables_are_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, text)


def test_the_line_is_right_behind_blank_lines_and_blocks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 5003 of .* column 'a', got 'oops'"):
        _read(tmp_path, "a,b\n\n" + "1,2\n" * 5000 + "oops,2\n")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("a,b\n1,2\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"must be text in UTF-8, got bytes that are not"):
        read(tmp_path / "a.csv")


def test_an_endless_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be a table of text, got a line that is not one"):
        _read(tmp_path, 'a,b\n1,"' + "2" * 200_000)


@pytest.mark.skipif("CI" in os.environ, reason="a time on a shared machine proves nothing")
def test_a_million_cells_take_less_than_three_seconds(tmp_path: Path) -> None:
    line = ",".join(f"{i}.123456" for i in range(50))
    text = f"{line}\n" * 20_000
    start = time.perf_counter()
    table = _read(tmp_path, text)
    assert table.x.shape == (20_000, 50)
    assert time.perf_counter() - start < 3
