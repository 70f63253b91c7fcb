"""Figures: how one is made, kept as a file, and set into the page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from embedlens.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, FAINT, ACCENT = "#1b2129", "#616b78", "#c3c9d1", "#1a66b8"

# In the page the colours follow its style sheet, light or dark.
_PAGE_COLOURS = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    FAINT: "var(--faint)",
    ACCENT: "var(--accent)",
}

# Points a side of 4 inches: sharp on screens of two pixels a pixel, and at 10 cm on paper.
_PAGE_DPI = 200
_FILE_DPI = 300


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that no global state of matplotlib knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write ``<name>.png`` and ``<name>.svg`` on white."""
    png = io.BytesIO()
    with _quiet():
        figure.savefig(png, format="png", dpi=_FILE_DPI, facecolor="white")
    write_whole(folder / f"{name}.png", png.getvalue())
    write_whole(folder / f"{name}.svg", _svg(figure, name, facecolor="white"))


def inline_svg(figure: Figure, name: str) -> str:
    """Return an ``<svg>`` element for the page: no size, no ground, the page's own colours.

    Parameters
    ----------
    figure : Figure
        What to draw.
    name : str
        Another for each figure of a page: the ids within are made from it.
    """
    svg = _svg(figure, name, facecolor="none")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^\")]+)", svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", svg)
    for colour, variable in _PAGE_COLOURS.items():
        svg = svg.replace(colour, variable)
    return svg


def _svg(figure: Figure, name: str, facecolor: str) -> str:
    import matplotlib

    for axes in figure.axes:
        axes.patch.set_visible(False)  # the ground is that of the page, or of the file
    text = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    # Text stays text; ids depend on the name alone, so that equal results give equal files.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), _quiet():
        figure.savefig(text, format="svg", dpi=_PAGE_DPI, facecolor=facecolor, metadata=nothing)
    return text.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Letters that matplotlib's font lacks become boxes in a PNG; that is no cause for alarm."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
