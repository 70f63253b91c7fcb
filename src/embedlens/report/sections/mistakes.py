"""What the backbone to take gets wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embedlens.report.mistakes import find_mistakes
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results.vocabulary import HEADS

MAX_SHOWN = 24
OPEN = 6
"""So many are shown at once, the others when they are asked for."""


class MistakesSection(Section):
    """Its surest mistakes, with their pictures."""

    key = "mistakes"
    title = "What does it get wrong?"
    link = "Mistakes"
    template = TEMPLATES / "mistakes.html"
    folded = False
    early = True

    def context(self, material: Material) -> dict[str, Any]:
        """Return all mistakes, and of those shown the thumbnails."""
        head = material.verdict.head
        mistakes = find_mistakes(material.results, material.best, head)
        shown = mistakes.wrong[:MAX_SHOWN]
        made = material.thumbnails.make([each.row for each in shown])
        wrong = [
            {**asdict(each), "path": material.short(each.path), "thumbnail": made.get(each.row)}
            for each in shown
        ]
        return {
            "head": HEADS.title(head),
            "mistakes": mistakes,
            "open": wrong[:OPEN],
            "rest": wrong[OPEN:],
        }
