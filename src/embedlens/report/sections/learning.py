"""How the study's top learned."""

from __future__ import annotations

from typing import Any

from embedlens.report.learning import risen
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import Results

_TABLES = ("table-1", "table-2", "table-3")


class LearningSection(Section):
    """Learning curves and the published study's first tables, where the top was trained."""

    key = "learning"
    title = "The study’s top"
    link = "Learning"
    template = TEMPLATES / "learning.html"

    def applies(self, material: Material) -> bool:
        """Return whether the top was trained."""
        return bool(material.figures.learning)

    def context(self, material: Material) -> dict[str, Any]:
        """Return the tables, and whose top was still learning or had learned too long."""
        rose = sorted({name for name, _ in risen(material.results)})
        tables = {name: material.tables[name] for name in _TABLES if name in material.tables}
        return {"tables": tables, "unsettled": _unsettled(material.results), "rose": rose}


def _unsettled(results: Results) -> list[str]:
    """Name the backbones whose top was still learning at its last epoch, in any repeat."""
    settled = results.mean("top.converged", "validation")
    return [str(name) for name, share in settled.items() if share < 1]
