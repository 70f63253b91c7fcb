"""How many held-out pictures each head gets right."""

from __future__ import annotations

from embedlens.report.sections.section import TEMPLATES, Section


class AccuracySection(Section):
    """The tables of accuracy of all heads, and of classes and confusions in numbers."""

    key = "accuracy"
    title = "Accuracy of all networks and classifiers"
    link = "Accuracy"
    template = TEMPLATES / "accuracy.html"
    early = True
