"""The maps, in three dimensions and as drawings."""

from __future__ import annotations

from typing import Any

from embedlens.report.figures import first_within
from embedlens.report.palette import DISTINCT, look
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import judge_learned_maps, learned_map_sentence

# So that the page stays a few megabytes whatever the study.
MAX_CHARACTERS = 4_500_000


class MapsSection(Section):
    """The viewer, each map seen from its best side, and the table of maps."""

    key = "maps"
    title = link = "Maps"
    template = TEMPLATES / "maps.html"

    def context(self, material: Material) -> dict[str, Any]:
        """Return the drawings that there is room for, and how classes look on them."""
        return {
            "unlabelled": bare.sentence() if (bare := material.results.unlabelled) else "",
            "failed_maps": learned_map_sentence(judge_learned_maps(material.results)),
            "looks": [(name, look(i)) for i, name in enumerate(material.classes)],
            "looks_repeat": len(material.classes) > DISTINCT,
            "shown": first_within(material.figures.maps, MAX_CHARACTERS),
        }
