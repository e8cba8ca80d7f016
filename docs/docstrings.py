"""Docstrings as they are written in src → the Markdown that mkdocs shows.

The sources keep what reads best in an editor: `.. math::` blocks, roles, simple tables, and fields
such as `Source:`. Markdown knows none of these, so each is rewritten before the parser sees it.
Named tuples get the signature that Python gives them, which a reader of sources does not see.
"""

import re
from functools import partial
from itertools import pairwise, takewhile
from typing import Any

from griffe import (
    Attribute,
    Class,
    Extension,
    Function,
    Object,
    Parameter,
    ParameterKind,
    Parameters,
)

FIELD = re.compile(r"( *)(Source|Authors' code|Our reading|Valid when|Unit|Notes): (\S.*)")
RULE = re.compile(r"=+( +=+)+")


class PlainDocstrings(Extension):
    """Rewrites every docstring of the package once, when it is loaded."""

    def on_object(self, *, obj: Object, **_: Any) -> None:  # noqa: ANN401
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)

    def on_class(self, *, cls: Class, **_: Any) -> None:  # noqa: ANN401
        """Called by griffe for each class."""
        if "NamedTuple" in map(str, cls.bases):
            cls.set_member("__init__", _constructor(cls))


def _constructor(named_tuple: Class) -> Function:
    fields = [item for item in named_tuple.members.values() if isinstance(item, Attribute)]
    kind = ParameterKind.positional_or_keyword
    parameters = [
        Parameter("self", kind=kind),
        *(
            Parameter(field.name, annotation=field.annotation, kind=kind, default=field.value)
            for field in fields
            if field.annotation is not None and "property" not in field.labels
        ),
    ]
    return Function("__init__", parameters=Parameters(*parameters), returns="None")


def to_markdown(text: str) -> str:
    """Maths, roles, tables and fields of one docstring, rewritten."""
    # Tables first: their columns are counted in characters, which roles would move.
    text = "\n".join(_formulas(_tables(text.splitlines())))
    text = re.sub(r":math:`([^`]+)`", r"$\1$", text)
    text = re.sub(r":(?:class|func|meth|mod):`~?([^`]+)`", r"`\1`", text)
    return "\n".join(_fields(text.splitlines()))


def _formulas(lines: list[str]) -> list[str]:
    done: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        match = re.match(r"( *)\.\. math::(.*)", line)
        if not match:
            done.append(line)
            continue
        body = [match[2], *_indented(rest, len(match[1]))]
        formula = " ".join(part.strip() for part in body if part.strip())
        done += ["", f"{match[1]}$$", f"{match[1]}{formula}", f"{match[1]}$$", ""]
    return done


def _indented(rest: list[str], margin: int) -> list[str]:
    """Take the lines that are blank or indented deeper than the margin."""
    taken: list[str] = []
    while rest and (not rest[0].strip() or len(rest[0]) - len(rest[0].lstrip()) > margin):
        taken.append(rest.pop(0))
    return taken


def _tables(lines: list[str]) -> list[str]:
    done: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        if not RULE.fullmatch(line.rstrip()):
            done.append(line)
            continue
        block = [rest.pop(0) for _ in takewhile(str.strip, list(rest))]
        done += ["", *_table(line, block), ""]
    return done


def _table(rule: str, block: list[str]) -> list[str]:
    """A simple table below its first rule; without a second rule inside, it has no header."""
    starts = [match.start() for match in re.finditer("=+", rule)]
    spans = [*pairwise([*starts, None])]
    rows = [
        "| " + " | ".join(row[a:b].strip() for a, b in spans) + " |"
        for row in block
        if not RULE.fullmatch(row.rstrip())
    ]
    head = not RULE.fullmatch(block[1].rstrip()) if len(block) > 1 else True
    rows = ["|   " * len(spans) + "|", *rows] if head else rows
    return [rows[0], "|---" * len(spans) + "|", *rows[1:]]


def _fields(lines: list[str]) -> list[str]:
    """`Source: …` and the lines that go on with it become a paragraph with a bold head."""
    done: list[str] = []
    rest = list(lines)
    while rest:
        line = rest.pop(0)
        match = FIELD.match(line)
        if not match:
            done.append(line)
            continue
        margin = len(match[1])
        goes_on = takewhile(partial(_goes_on, margin=margin), list(rest))
        body = [match[3], *(rest.pop(0).strip() for _ in goes_on)]
        done += ["", f"{match[1]}**{match[2]}:** {' '.join(body)}", ""]
    return done


def _goes_on(line: str, margin: int) -> bool:
    """Whether a line continues a field; a blank line, a field or a section does not."""
    new = FIELD.match(line) or re.fullmatch(r" *[A-Z]\w+:", line)
    return bool(line.strip()) and not new and len(line) - len(line.lstrip()) >= margin
