"""Results made readable: tables, figures, the one HTML report, and files for other tools.

Nothing is computed here that is not already in the study folder, but for pictures of it.
"""

from __future__ import annotations

from embedlens.report.check_page import write_check
from embedlens.report.contact_sheet import write_relabelling
from embedlens.report.labelling_page import write_labelling
from embedlens.report.picture_table import export_csv, export_parquet, picture_table
from embedlens.report.predictions_page import write_predictions
from embedlens.report.report import write_first_report, write_report
from embedlens.report.search_page import write_search
from embedlens.report.sections.registered import register_section
from embedlens.report.sections.section import Section
from embedlens.report.table import Table
from embedlens.report.tables import tables
from embedlens.report.tensorboard import export_tensorboard

__all__ = [
    "Section",
    "Table",
    "export_csv",
    "export_parquet",
    "export_tensorboard",
    "picture_table",
    "register_section",
    "tables",
    "write_check",
    "write_first_report",
    "write_labelling",
    "write_predictions",
    "write_relabelling",
    "write_report",
    "write_search",
]
