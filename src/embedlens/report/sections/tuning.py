"""What fine-tuning changed."""

from __future__ import annotations

from typing import Any

from embedlens.report.figures import first_within
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import judge_tuning, tuning_sentence

# So that the page stays a few megabytes whatever the study.
MAX_CHARACTERS = 2_500_000


class TuningSection(Section):
    """The published study's last table and the maps after tuning, where backbones were tuned."""

    key = "tuning"
    title = link = "Fine-tuning"
    template = TEMPLATES / "tuning.html"

    def applies(self, material: Material) -> bool:
        """Return whether anything was tuned."""
        return "table-4" in material.tables

    def context(self, material: Material) -> dict[str, Any]:
        """Return what it changed, in words, where tails begin, and the maps there is room for."""
        layers = material.results.tunings[["backbone", "layer"]].drop_duplicates()
        return {
            "tuning": tuning_sentence(judge_tuning(material.results)),
            "layers": dict(layers.to_numpy()),
            "shown": first_within(material.figures.tuned, MAX_CHARACTERS),
        }
