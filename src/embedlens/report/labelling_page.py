"""The sheet of pictures that are proposed for labelling."""

from __future__ import annotations

from pathlib import Path

from embedlens.curation import Labelling
from embedlens.files import write_whole
from embedlens.report.templating import environment
from embedlens.report.thumbnails import shower

MAX_SHOWN = 600
"""Pictures on a sheet, so that it stays a few megabytes."""


def write_labelling(found: Labelling, folder: Path) -> Path:
    """Write ``labels.csv`` and ``contact-sheet.html``; return the sheet's path."""
    found.write(folder)
    places = found.paths()[:MAX_SHOWN]
    made = {
        (number, path): address
        for number, images in enumerate(found.images)
        for path, address in shower(images)([p for s, p in places if s == number]).items()
    }
    items = [
        {"number": number, "path": place[1], "thumbnail": made.get(place, "")}
        for number, place in enumerate(places, start=1)
    ]
    page = (
        environment()
        .get_template("labelling.html")
        .render(items=items, found=found, total=len(found.proposed))
    )
    write_whole(folder / "contact-sheet.html", page)
    return folder / "contact-sheet.html"
