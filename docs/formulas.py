"""Formulas drawn while the site is built: TeX → one SVG path, by matplotlib's own TeX reader.

A script in the page (KaTeX, MathJax) would have to be fetched or shipped. Matplotlib is there
anyway; it reads a smaller TeX, so a few commands are rewritten first. A formula that it cannot read
is a warning, and `mkdocs build --strict` fails.
"""

import html
import logging
import re
from typing import Any

from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

LOG = logging.getLogger("mkdocs.hooks.formulas")
FONT = FontProperties(math_fontfamily="cm")
SIZE = 100  # of the letters, in units of the drawing; whole numbers are fine enough
PER_EM = 87.0  # units; these letters are small beside those of the text
LETTERS = {
    Path.MOVETO: "M",
    Path.LINETO: "L",
    Path.CURVE3: "Q",
    Path.CURVE4: "C",
    Path.CLOSEPOLY: "Z",
}
CENTRED = '<p style="overflow-x: auto; text-align: center">{}</p>'
BRACED = r"(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})"
REWRITTEN = (
    (r"\\[td]frac", r"\\frac"),
    (r"\\frac\s*([A-Za-z0-9])\s*(?=[A-Za-z0-9{])", r"\\frac{\1}"),
    (rf"\\frac{BRACED}\s*([A-Za-z0-9])", r"\\frac\1{\2}"),
    (r"\\(mathcal|mathbb|mathrm|bar|tilde) ([A-Za-z])", r"\\\1{\2}"),
    (r"\\sqrt ([A-Za-z])", r"\\sqrt{\1}"),
    (r"\\[lr]Vert(?![A-Za-z])", r"\\|"),
    (r"\\[bB]igg?l\b", r"\\left"),
    (r"\\[bB]igg?r\b", r"\\right"),
    (r"\\operatorname\*", r"\\operatorname"),
    (rf"\\underbrace{BRACED}_{BRACED}", r"\1"),
)


def on_page_content(content: str, **_: Any) -> str:  # noqa: ANN401
    """Called by mkdocs with the HTML of each page."""
    inline = r'<span class="arithmatex">\\\((.+?)\\\)</span>'
    block = r'<div class="arithmatex">\s*\\\[(.+?)\\\]\s*</div>'
    content = re.sub(inline, lambda match: draw(match[1]), content, flags=re.S)
    return re.sub(block, lambda match: CENTRED.format(draw(match[1])), content, flags=re.S)


def draw(escaped: str) -> str:
    """A formula as an inline picture in the colour and size of the text."""
    tex = " ".join(html.unescape(escaped).split())
    try:
        path = TextPath((0, 0), f"${simplified(tex)}$", size=SIZE, prop=FONT)
    except ValueError as error:
        LOG.warning("formula %r cannot be drawn: %s", tex, str(error).splitlines()[-1])
        return f"<code>{html.escape(tex)}</code>"
    box = path.get_extents()
    left, low = box.x0 - 4, box.y0 - 4
    width, height = box.width + 8, box.height + 8
    return (
        f'<svg role="img" aria-label="{html.escape(tex)}" fill="currentColor" '
        f'viewBox="{left:.0f} {-box.y1 - 4:.0f} {width:.0f} {height:.0f}" '
        f'style="width: {width / PER_EM:.2f}em; height: {height / PER_EM:.2f}em; '
        f'vertical-align: {low / PER_EM:.2f}em"><path d="{_outline(path)}"/></svg>'
    )


def simplified(tex: str) -> str:
    """The same formula in the TeX that matplotlib reads; braces below a formula are dropped."""
    for pattern, new in REWRITTEN:
        tex = re.sub(pattern, new, tex)
    return tex


def _outline(path: Path) -> str:
    parts = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        points = points.reshape(-1, 2) * (1, -1)
        parts.append(LETTERS[code] + " ".join(f"{x:.0f} {y:.0f}" for x, y in points))
    return "".join(parts)
