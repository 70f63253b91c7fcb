"""The maps of all backbones as figures, and what each keeps."""

from __future__ import annotations

from typing import Any

from embedlens.report.figures import first_within
from embedlens.report.palette import DISTINCT, look
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section

# So that the page stays a few megabytes whatever the study.
MAX_CHARACTERS = 4_500_000


class StillsSection(Section):
    """Each map seen from its best side, and the table of maps."""

    key = "stills"
    title = "The maps as figures, and what they keep"
    link = "Figures"
    template = TEMPLATES / "stills.html"

    def context(self, material: Material) -> dict[str, Any]:
        """Return the drawings that there is room for, and how classes look on them."""
        return {
            "looks": [(name, look(i)) for i, name in enumerate(material.classes)],
            "looks_repeat": len(material.classes) > DISTINCT,
            "shown": first_within(material.figures.maps, MAX_CHARACTERS),
        }
