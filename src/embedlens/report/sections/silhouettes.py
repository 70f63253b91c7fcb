"""Silhouettes by class."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.report.silhouette_figure import MAX_CLASSES


class SilhouettesSection(Section):
    """Which classes lie apart in the best backbone's features and maps, and the table of all."""

    key = "silhouettes"
    title = "Silhouettes by class"
    link = "Silhouettes"
    template = TEMPLATES / "silhouettes.html"

    def context(self, material: Material) -> dict[str, Any]:
        """Return how many classes a drawing has room for."""
        return {"max_knives": MAX_CLASSES}
