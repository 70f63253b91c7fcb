"""Which backbone to take."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import (
    judge_classes,
    judge_learned_maps,
    judge_tuning,
    learned_map_sentence,
    tuning_sentence,
)
from embedlens.results.vocabulary import HEADS


class VerdictSection(Section):
    """The verdict in a sentence, and accuracy and speed of all backbones drawn."""

    key = "verdict"
    title = link = "Verdict"
    template = TEMPLATES / "verdict.html"
    early = True

    def context(self, material: Material) -> dict[str, Any]:
        """Return the head that judges, and what is to be said of classes, tuning, learned maps."""
        verdict = material.verdict
        classes = judge_classes(material.results, verdict.take.backbone, verdict.head)
        return {
            "classes": "" if verdict.coverage.says_nothing else classes.sentence(),
            "head": HEADS.title(material.verdict.head),
            "tuning": tuning_sentence(judge_tuning(material.results)),
            "failed_maps": learned_map_sentence(judge_learned_maps(material.results)),
        }
