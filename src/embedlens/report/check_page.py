"""What a check found, with the pictures to look at: a section of the report, and its own page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.curation import Check, Relabelling
from embedlens.curation.finding import KINDS, expectation
from embedlens.files import write_whole
from embedlens.images import ImageSet
from embedlens.report.templating import environment
from embedlens.report.thumbnails import thumbnails

MAX_SHOWN = 24
"""Of each kind; the table holds all."""
MAX_SHEET = 600
"""Pictures on a contact sheet, so that it stays a few megabytes."""

# Kinds that are of a class, or of a file that cannot be shown.
_TEXT_ONLY = {
    "reading", "unreadable", "missing", "outside", "loose", "small class", "imbalance",
    "file facts",
}  # fmt: skip

Show = Callable[[Sequence[str]], dict[str, str]]
"""Takes paths; gives ``data:`` addresses of those that can be shown."""


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
            groups=findings_by_kind(check.findings, _shower(check.images)),
            where="findings.csv",
        )
    )
    write_whole(folder / "check.html", page)
    return folder / "check.html"


def write_relabelling(found: Relabelling, folder: Path) -> Path:
    """Write ``contact-sheet.html`` and the tables of new labels; return the sheet's path."""
    found.write(folder)
    per_label = max(4, MAX_SHEET // (len(found.meanings) + 1))
    groups = []
    ordered = found.proposals.sort_values(["confidence", "path"])
    parts = [(name, ordered[ordered["sure"] & (ordered["proposed"] == name)]) for name in
             found.meanings]  # fmt: skip
    for name, rows in [("unsure", ordered[~ordered["sure"]]), *parts]:
        shown = rows.head(per_label)
        made = _shower(found.images)(shown["path"].tolist())
        groups.append(
            {
                "name": name,
                "count": len(rows),
                "meaning": ", ".join(found.meanings.get(name, ())),
                "items": [
                    {**row, "thumbnail": made.get(row["path"], "")}
                    for row in shown.to_dict("records")
                ],
            }
        )
    page = (
        environment()
        .get_template("contact_sheet.html")
        .render(name=Path(found.images.root).name, total=len(found.proposals), groups=groups)
    )
    write_whole(folder / "contact-sheet.html", page)
    return folder / "contact-sheet.html"


def _shower(images: ImageSet) -> Show:
    ids = dict(zip(images.paths.tolist(), images.ids.tolist(), strict=True))
    levels = {path: images.levels(row) for row, path in enumerate(images.paths.tolist())}

    def show(paths: Sequence[str]) -> dict[str, str]:
        known = [path for path in paths if path in ids]
        return thumbnails(images.source, {path: ids[path] for path in known}, levels)

    return show
