"""Transferability scores, and what they foretell."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import correlation_sentence, correlations
from embedlens.results.correlation import FEWEST


class ScoresSection(Section):
    """The tables of scores, of what they go with, and of heads on maps."""

    key = "scores"
    title = "Scores, and what they foretell"
    link = "Scores"
    template = TEMPLATES / "scores.html"

    def context(self, material: Material) -> dict[str, Any]:
        """Return how scores go with accuracy, in words."""
        results = material.results
        found = correlations(results, seed=results.settings.seed)
        enough = max((each.backbones for each in found.values()), default=0) >= FEWEST
        return {"correlation": correlation_sentence(found), "enough": enough}
