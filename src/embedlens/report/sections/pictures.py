"""A few pictures of each class."""

from __future__ import annotations

from typing import Any

from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.report.thumbnails import spread_rows

MAX_SHOWN = 480
_PER_CLASS = 8
_OPEN = 12  # classes that are shown at once


class PicturesSection(Section):
    """Thumbnails by class, and the table of pictures."""

    key = "pictures"
    title = link = "Pictures"
    template = TEMPLATES / "pictures.html"
    folded = False

    def context(self, material: Material) -> dict[str, Any]:
        """Return thumbnails, and where the pictures should be."""
        sheet = _sheet(material)
        return {
            "open": sheet[:_OPEN],
            "rest": sheet[_OPEN:],
            "place": str(material.thumbnails.place),
        }


def _sheet(material: Material) -> list[dict[str, Any]]:
    """Return a few thumbnails of each class, for as many classes as there is room for."""
    counts = material.counts["all"]
    per_class = min(_PER_CLASS, max(1, MAX_SHOWN // len(counts)))
    rows = dict(list(spread_rows(material.results, per_class).items())[:MAX_SHOWN])
    made = material.thumbnails.make([row for own in rows.values() for row in own])
    paths = material.results.pictures["path"].map(str).map(material.short)
    return [
        {
            "name": name,
            "count": int(counts[name]),
            "thumbnails": [(made[row], paths[row]) for row in own if row in made],
        }
        for name, own in rows.items()
        if any(row in made for row in own)
    ]
