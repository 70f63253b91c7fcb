"""What was measured of all pictures, where a cluster embedded them."""

from __future__ import annotations

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section


class WholeSection(Section):
    """What is of all pictures, and of how many the rest is."""

    key = "whole"
    title = link = "All pictures"
    template = TEMPLATES / "whole.html"
    folded = False

    def applies(self, material: Material) -> bool:
        """Return whether the study is of a part of what was measured."""
        return "whole" in material.tables
