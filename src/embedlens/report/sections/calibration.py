"""How far confidences can be believed."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import calibration_sentence


class CalibrationSection(Section):
    """Temperature, reliability and conformal sets."""

    key = "calibration"
    title = "How sure is it?"
    link = "Certainty"
    template = TEMPLATES / "calibration.html"
    folded = False

    def applies(self, material: Material) -> bool:
        """Return whether confidences were compared with classes."""
        return material.figures.reliability is not None

    def context(self, material: Material) -> dict[str, Any]:
        """Return the sentence of the backbone that is recommended."""
        return {"sentence": calibration_sentence(material.results, material.best)}
