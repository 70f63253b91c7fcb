"""What a section of the report is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from embedlens.report.sections.material import Material
from embedlens.report.templating import TEMPLATES as _PAGES

TEMPLATES = _PAGES / "sections"
"""Where those of this package are, one a section."""


class Section(Protocol):
    """A part of the page with a heading of its own; one object each.

    Attributes
    ----------
    key : str
        Names its place in the page: ``report.html#key``.
    title : str
        Its heading.
    link : str
        A word for it in the row of links.
    template : Path
        What follows the heading, in Jinja's language: text is escaped, and a misspelt name is an
        error. It is filled with ``material`` and what `context` returns, and may import
        ``table_of`` and ``count`` from ``"macros.html"``.
    folded : bool, default True
        Whether it is for the record: it then stands closed below those that everybody reads.
    early : bool, default False
        Whether it needs the verdict alone, and so stands in the report that is written before maps
        and scores are computed.

    Examples
    --------
    >>> class Formats(Section):
    ...     key, title, link = "formats", "File formats", "Formats"
    ...     template = Path("formats.html")  # <p>{{ formats | join(", ") }}</p>
    ...
    ...     def context(self, material):
    ...         return {"formats": sorted(material.results.pictures["format"].unique())}
    """

    key: str
    title: str
    link: str
    template: Path
    folded: bool = True
    early: bool = False

    def applies(self, material: Material) -> bool:
        """Return whether a study has anything to show in it; by default, always."""
        return True

    def context(self, material: Material) -> dict[str, Any]:
        """Return what its template is filled with besides the material; by default nothing."""
        return {}
