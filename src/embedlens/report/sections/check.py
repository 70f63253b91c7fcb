"""What a check of the pictures found."""

from __future__ import annotations

from typing import Any

from embedlens.report.check_page import findings_by_kind
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section


class CheckSection(Section):
    """Findings by kind, where the pictures were checked."""

    key = "check"
    title = "What to look at in the pictures"
    link = "Check"
    template = TEMPLATES / "check.html"

    def applies(self, material: Material) -> bool:
        """Return whether there was a check."""
        return material.results.findings is not None

    def context(self, material: Material) -> dict[str, Any]:
        """Return the findings with thumbnails, and the file that holds all of them."""
        findings = material.results.findings
        groups = [] if findings is None else findings_by_kind(findings, material.thumbnails.by_path)
        where = material.folder.findings.relative_to(material.folder.path).as_posix()
        return {"groups": groups, "where": where}
