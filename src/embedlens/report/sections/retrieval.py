"""What search by a picture finds."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import retrieval_sentence


class RetrievalSection(Section):
    """Recall and mean average precision of test pictures as queries."""

    key = "retrieval"
    title = "Search by a picture"
    link = "Retrieval"
    template = TEMPLATES / "retrieval.html"

    def applies(self, material: Material) -> bool:
        """Return whether it was measured."""
        return "retrieval" in material.tables

    def context(self, material: Material) -> dict[str, Any]:
        """Return the sentence of the backbone that is recommended."""
        return {"sentence": retrieval_sentence(material.results, material.best)}
