"""What a check of the pictures found."""

from __future__ import annotations

from typing import Any

from embedlens.report.check_page import findings_by_kind
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section

_KINDS = 2
_OPEN = 6


class CheckSection(Section):
    """Findings by kind, where the pictures were checked."""

    key = "check"
    title = "What may be wrong in the pictures?"
    link = "Warnings"
    template = TEMPLATES / "check.html"
    folded = False

    def applies(self, material: Material) -> bool:
        """Return whether there was a check."""
        return material.results.findings is not None

    def context(self, material: Material) -> dict[str, Any]:
        """Return the findings with thumbnails, and the file that holds all of them.

        The most harmful kinds of which there are pictures are shown, the others folded.
        """
        findings = material.results.findings
        groups = []
        if findings is not None:
            groups = findings_by_kind(
                findings, material.thumbnails.by_path, material.pictures_folder,
                material.kinds, _OPEN,
            )  # fmt: skip
        shown = [group for group in groups if not group.text_only][:_KINDS]
        return {
            "groups": groups,
            "shown": shown,
            "folded": [group for group in groups if group not in shown],
            "where": material.folder.findings.relative_to(material.folder.path).as_posix(),
        }
