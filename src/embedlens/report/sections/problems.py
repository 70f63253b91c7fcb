"""Problems found while reading the pictures."""

from __future__ import annotations

from embedlens.report.sections.section import TEMPLATES, Section


class ProblemsSection(Section):
    """The table of problems, or that there are none."""

    key = "problems"
    title = "Problems found"
    link = "Problems"
    template = TEMPLATES / "problems.html"
