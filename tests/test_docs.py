"""What the documentation says can be typed, can be typed: Python is run, commands are parsed.

The Python blocks of a page run in order, in one namespace, in an empty folder. A `text` block that
directly follows a Python block is what it prints; `...` in it stands for anything.
"""

import contextlib
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import tyro

from nebulatent.apps import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$(\n*)", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block, the line it begins on, and the output that is promised for it."""

    language: str
    text: str
    line: int
    output: str | None = None


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, each Python block with the `text` block that follows it."""
    text = page.read_text(encoding="utf-8")
    found = list(FENCE.finditer(text))
    for index, match in enumerate(found):
        output = None
        if index + 1 < len(found) and found[index + 1].start() == match.end():
            after = found[index + 1]
            output = after[2] if after[1] == "text" else None
        yield Block(match[1], match[2], text.count("\n", 0, match.start(2)), output)


def in_language(language: str) -> list[Path]:
    return [page for page in PAGES if any(b.language == language for b in blocks(page))]


def name(page: Path) -> str:
    return page.stem


def parse(words: list[str]) -> str:
    """Let the command read a line without running it; returns the help if that was asked for."""
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            tyro.cli(cli.Command, args=words, config=config)  # pyright: ignore[reportArgumentType]
    except SystemExit as stop:
        assert stop.code == 0, words
    return printed.getvalue()


def options(command: str) -> set[str]:
    """The options that a command's help lists, each at the start of a line."""
    return set(re.findall(r"^[│ ] (--[a-z][\w-]*)", parse([command, "--help"]), re.MULTILINE))


@pytest.mark.parametrize("page", in_language("python"), ids=name)
def test_python_of_a_page_runs_and_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    checker = doctest.OutputChecker()
    for block in blocks(page):
        if block.language != "python":
            continue
        printed = io.StringIO()
        # Empty lines before the code make a traceback name the line of the page.
        code = compile("\n" * block.line + block.text, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        if block.output is not None:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            got = printed.getvalue()
            assert checker.check_output(block.output, got, flags), f"line {block.line}: {got}"


@pytest.mark.parametrize("page", in_language("bash"), ids=name)
def test_every_command_line_of_a_page_is_one_that_the_command_understands(page: Path) -> None:
    text = "".join(block.text for block in blocks(page) if block.language == "bash")
    lines = [part for line in text.replace("\\\n", " ").splitlines() for part in line.split("&&")]
    found = [words for line in lines if (words := shlex.split(line, comments=True))]
    assert found
    for words in found:
        if words[0] == "nebulatent":
            parse(words[1:])


COMMANDS = {
    "cli.md": (
        "fit",
        "evaluate",
        "embed",
        "sample",
        "search",
        "walk",
        "combine",
        "complete",
        "report",
        "inspect",
        "demo",
        "prepare",
        "reproduce",
        "results",
    ),
    "export.md": ("export", "push"),
}


@pytest.mark.parametrize(
    ("page", "command"), [(page, command) for page in COMMANDS for command in COMMANDS[page]]
)
def test_the_page_on_a_command_names_every_option(page: str, command: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (own,) = [part for part in section if part.startswith(f"`nebulatent {command}`")]
    named = set(re.findall(r"`(--[\w-]+)", own))
    assert named == options(command)


def test_make_targets_that_the_pages_name_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        text = page.read_text(encoding="utf-8")
        typed = re.findall(r"^make (\w+)\b", text, re.MULTILINE)
        assert {*typed, *re.findall(r"`make (\w+)`", text)} <= targets, page.name


def test_files_that_the_pages_link_to_exist() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        missing = [x for x in links if "://" not in x and not (page.parent / x).exists()]
        assert not missing, f"{page.name}: {missing}"
