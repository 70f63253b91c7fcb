"""How many held-out pictures each head gets right."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import zero_shot_sentence


class AccuracySection(Section):
    """The tables of accuracy of all heads, and of classes and confusions in numbers."""

    key = "accuracy"
    title = "Accuracy of all networks and classifiers"
    link = "Accuracy"
    template = TEMPLATES / "accuracy.html"
    early = True

    def context(self, material: Material) -> dict[str, Any]:
        """Return what class names alone get right with the recommended network."""
        return {"zero_shot": zero_shot_sentence(material.results, material.best)}
