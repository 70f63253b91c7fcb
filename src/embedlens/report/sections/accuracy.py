"""How many held-out pictures each head gets right."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section


class AccuracySection(Section):
    """The table of accuracy, and what a guess would get."""

    key = "accuracy"
    title = link = "Accuracy"
    template = TEMPLATES / "accuracy.html"
    early = True

    def context(self, material: Material) -> dict[str, Any]:
        """Return the class that a guess would name, and how often that would be right."""
        counts = material.counts
        largest, test = int(counts["all"].argmax()), counts["test"].to_numpy()
        share = float(test[largest] / max(test.sum(), 1))
        return {"largest": {"name": str(counts.index[largest]), "share": share}}
