"""What each backbone costs."""

from __future__ import annotations

from embedlens.report.sections.section import TEMPLATES, Section


class BackbonesSection(Section):
    """The table of backbones."""

    key = "backbones"
    title = link = "Backbones"
    template = TEMPLATES / "backbones.html"
    early = True
