"""How many labels are enough."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import learning_curve_sentence


class LabelsSection(Section):
    """Learning curves, and what twice the labels would give."""

    key = "labels"
    title = "How many labels more?"
    link = "Labels"
    template = TEMPLATES / "labels.html"
    folded = False

    def applies(self, material: Material) -> bool:
        """Return whether there is a curve."""
        return material.figures.labels is not None

    def context(self, material: Material) -> dict[str, Any]:
        """Return the sentence of the backbone that is recommended."""
        return {"sentence": learning_curve_sentence(material.results, material.best)}
