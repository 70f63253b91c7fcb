"""The sheet of pictures on which new labels are looked over."""

from __future__ import annotations

from pathlib import Path

from embedlens.curation import Relabelling
from embedlens.files import write_whole
from embedlens.report.templating import environment
from embedlens.report.thumbnails import shower

MAX_SHEET = 600
"""Pictures on a sheet, so that it stays a few megabytes."""


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
        made = shower(found.images)(shown["path"].tolist())
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
