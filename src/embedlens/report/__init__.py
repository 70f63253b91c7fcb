"""Results made readable: tables (CSV, Markdown, LaTeX), figures, and the one HTML report.

Nothing is computed here that is not already in the study folder, but for pictures of it.
"""

from __future__ import annotations

from embedlens.report.findings import write_check, write_relabelling
from embedlens.report.report import write_report
from embedlens.report.table import Table
from embedlens.report.tables import tables

__all__ = ["Table", "tables", "write_check", "write_relabelling", "write_report"]
