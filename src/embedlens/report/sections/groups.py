"""What keeping groups together, or splitting by time, changed."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import groups_sentence


class GroupsSection(Section):
    """What a random split promises, and what new groups or later pictures get."""

    key = "groups"
    title = "Groups and time"
    link = "Groups"
    template = TEMPLATES / "groups.html"
    early = True

    def applies(self, material: Material) -> bool:
        """Return whether the study kept groups together or split by time."""
        return len(material.results.random_splits) > 0

    def context(self, material: Material) -> dict[str, Any]:
        """Return the sentence of the backbone that is recommended."""
        return {"sentence": groups_sentence(material.results, material.best)}
