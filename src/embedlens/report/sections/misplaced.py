"""Pictures that sit among those of another class."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embedlens.report.misplaced import find_misplaced
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section

MAX_SHOWN = 12
_NEAREST = 5


class MisplacedSection(Section):
    """Those with the fewest of their class around them, where the features are still there."""

    key = "misplaced"
    title = "Pictures that sit among another class"
    link = "Misplaced"
    template = TEMPLATES / "misplaced.html"

    def applies(self, material: Material) -> bool:
        """Return whether the nearest pictures are known."""
        return material.nearest is not None

    def context(self, material: Material) -> dict[str, Any]:
        """Return all misplaced pictures, and of those shown the thumbnails and the nearest."""
        if material.nearest is None:
            return {"misplaced": (), "astray": []}
        misplaced = find_misplaced(material.results, material.best, material.nearest)
        shown = [(each, each.nearest[:_NEAREST]) for each in misplaced[:MAX_SHOWN]]
        rows = [row for each, nearest in shown for row in (each.row, *nearest)]
        made, labels = material.thumbnails.make(rows), material.results.pictures["label"]
        astray = [
            {
                **asdict(each),
                "path": material.short(each.path),
                "thumbnail": made.get(each.row),
                "near": [(made[row], str(labels[row])) for row in nearest if row in made],
            }
            for each, nearest in shown
        ]
        return {"misplaced": misplaced, "astray": astray}
