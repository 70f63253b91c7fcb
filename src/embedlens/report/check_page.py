"""What a check found, with the pictures to look at: a section of the report, and its own page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.curation import Check
from embedlens.curation.finding import KINDS, expectation
from embedlens.files import write_whole
from embedlens.report.templating import environment
from embedlens.report.thumbnails import Show, shower

MAX_SHOWN = 24
"""Of each kind; the table holds all."""

# Kinds that are of a class, or of a file that cannot be shown.
_TEXT_ONLY = {
    "reading", "unreadable", "missing", "outside", "loose", "small class", "imbalance",
    "file facts",
}  # fmt: skip


def findings_by_kind(findings: pd.DataFrame, show: Show) -> list[dict[str, Any]]:
    """Group findings for the template, each with thumbnails of its pictures.

    Parameters
    ----------
    findings : DataFrame
        As ``Check.findings``.
    show : callable
        Makes thumbnails by path.

    Returns
    -------
    list of dict
        kind, title, count, expected ("" but for labels: how many are expected to be wrong),
        text_only, and items: a dict a finding, with thumbnail and other_thumbnail ("" where there
        is none).
    """
    groups = []
    for kind, title in KINDS.items():
        rows = findings[findings["kind"] == kind]
        if rows.empty:
            continue
        shown = rows.head(MAX_SHOWN)
        text_only = kind in _TEXT_ONLY
        paths = [] if text_only else [*shown["path"], *shown["other"]]
        made = show([path for path in dict.fromkeys(paths) if path])
        items = [
            {
                **row,
                "thumbnail": made.get(row["path"], ""),
                "other_thumbnail": made.get(row["other"], ""),
            }
            for row in shown.to_dict("records")
        ]
        groups.append(
            {
                "kind": kind,
                "title": title,
                "count": len(rows),
                "expected": expectation(kind, rows["score"].tolist()),
                "text_only": text_only,
                "items": items,
            }
        )
    return groups


def write_check(check: Check, folder: Path) -> Path:
    """Write ``check.html`` and the tables of findings into a folder; return the page's path."""
    check.write(folder)
    page = (
        environment()
        .get_template("check.html")
        .render(
            name=Path(check.images.root).name,
            check=check,
            pictures=len(check.images),
            classes=len(check.images.classes),
            groups=findings_by_kind(check.findings, shower(check.images)),
            where="findings.csv",
        )
    )
    write_whole(folder / "check.html", page)
    return folder / "check.html"
