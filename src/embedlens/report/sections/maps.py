"""How the pictures lie: the maps, in three dimensions."""

from __future__ import annotations

from typing import Any

from embedlens.report.palette import DISTINCT, look
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import judge_learned_maps, learned_map_sentence


class MapsSection(Section):
    """The viewer; on paper, and where it cannot run, the map that keeps most neighbours."""

    key = "maps"
    title = "How does it look?"
    link = "Map"
    template = TEMPLATES / "maps.html"
    folded = False

    def context(self, material: Material) -> dict[str, Any]:
        """Return how classes look on a map, and which maps are not to be judged by."""
        return {
            "unlabelled": bare.sentence() if (bare := material.results.unlabelled) else "",
            "failed_maps": learned_map_sentence(judge_learned_maps(material.results)),
            "looks": [(name, look(i)) for i, name in enumerate(material.classes)],
            "looks_repeat": len(material.classes) > DISTINCT,
        }
