"""What a check found, with the pictures to look at: a section of the report, and its own page."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.curation import Check
from embedlens.curation.finding import KINDS, OF_PICTURES, expectation
from embedlens.files import write_whole
from embedlens.report.decision_block import decision_block
from embedlens.report.short_paths import common_folder, shortened
from embedlens.report.templating import environment
from embedlens.report.thumbnails import Show, shower
from embedlens.viewer.findings import RowsOfFindings

MAX_SHOWN = 24
"""Of each kind; the table holds all."""

NOTHING_TO_DECIDE = RowsOfFindings.of([], [])

OPEN = 12
"""So many of a kind are shown at once, the others when they are asked for."""


@dataclass(frozen=True)
class Kind:
    """The findings of a kind, for the template.

    Attributes
    ----------
    key, title : str
        For programs, and for people.
    count : int
        How many there are.
    summary : str
        What is to be said of all together; "" where each speaks for itself.
    action : str
        What to do, where that is the same for all; "" where it is not.
    text_only : bool
        Whether they are of no picture that can be shown.
    open, rest : tuple of dict
        A finding each, with thumbnail and other_thumbnail ("" where there is none), row and
        other_row (None where nothing can be decided of the picture), the surest first: those that
        are shown at once, and some of the others.
    """

    key: str
    title: str
    count: int
    summary: str
    action: str
    text_only: bool
    open: tuple[dict[str, Any], ...]
    rest: tuple[dict[str, Any], ...]


def findings_by_kind(
    findings: pd.DataFrame,
    show: Show,
    folder: str,
    classes: int,
    opened: int = OPEN,
    rows: RowsOfFindings = NOTHING_TO_DECIDE,
) -> list[Kind]:
    """Group findings for the template, each with thumbnails of its pictures.

    Parameters
    ----------
    findings : DataFrame
        As ``Check.findings``: the surest of each kind first.
    show : callable
        Makes thumbnails by path.
    folder : str
        Paths below it are told as seen from there.
    classes : int
        How many there are.
    opened : int, default 12
        How many of each kind are shown at once.
    rows : RowsOfFindings, optional
        Of the pictures that can be decided on in the page; by default none.
    """
    rows_of = {str(kind): rows for kind, rows in findings.groupby("kind", sort=False)}
    return [
        _kind(kind, rows_of[kind], show, folder, classes, opened, rows)
        for kind in KINDS
        if kind in rows_of
    ]


def _kind(
    kind: str,
    rows: pd.DataFrame,
    show: Show,
    folder: str,
    classes: int,
    opened: int,
    row_of: RowsOfFindings,
) -> Kind:
    text_only = kind not in OF_PICTURES
    shown = rows.head(MAX_SHOWN)
    paths = [] if text_only else [*shown["path"], *shown["other"]]
    made = show([path for path in dict.fromkeys(paths) if path])
    items = tuple(
        {
            **{str(name): value for name, value in row.items()},
            "path": shortened(row["path"], folder),
            "other": shortened(row["other"], folder),
            "thumbnail": made.get(row["path"], ""),
            "other_thumbnail": made.get(row["other"], ""),
            "row": None if text_only else row_of.find(row["path"], row["label"]),
            "other_row": row_of.find(row["other"], row["other_label"]),
        }
        for row in shown.to_dict("records")
    )
    expected = expectation(kind, rows["score"].tolist())
    summary = f"{expected.capitalize()}: estimated from how often the classifier is right on "
    summary = f"{summary}these pictures." if expected else ""
    title = KINDS[kind]
    if kind == "small class":
        title = f"{title}: {len(rows):,} of {classes:,}"
        opened = 1 if len(rows) == classes else opened
        summary = _small_classes(rows)
    actions = rows["action"].unique()
    action = str(actions[0]) if len(actions) == 1 < len(rows) else ""
    if expected and len(rows) > 1:
        action = "look at each, and move it where the arrow points if that is right"
    return Kind(kind, title, len(rows), summary, action, text_only, items[:opened], items[opened:])


def _small_classes(rows: pd.DataFrame) -> str:
    """Say of all classes that are too small what the smallest and the largest of them have."""
    if len(rows) < 2:
        return ""
    first, last = rows.iloc[0], rows.iloc[-1]
    return f"From {first['path']} ({first['reason']}) to {last['path']} ({last['reason']})."


def write_check(check: Check, folder: Path) -> Path:
    """Write ``check.html`` and the tables of findings into a folder; return the page's path."""
    check.write(folder)
    images = check.images
    paths = images.paths.tolist()
    # The table that decisions make gives each picture one class.
    decisions = decision_block(images, folder) if check.label_sets is None else None
    rows = RowsOfFindings.of(paths, images.labels.tolist()) if decisions else NOTHING_TO_DECIDE
    groups = findings_by_kind(
        check.findings,
        shower(images),
        common_folder(paths),
        len(images.classes),
        rows=rows,
    )
    page = (
        environment()
        .get_template("check.html")
        .render(
            name=Path(images.root).name,
            check=check,
            pictures=len(images),
            kinds=check.kinds,
            groups=groups,
            decisions=decisions,
            folder=shlex.quote(str(folder)),
            table=shlex.quote(str(folder / "labels.csv")),
            where="findings.csv",
        )
    )
    write_whole(folder / "check.html", page)
    return folder / "check.html"
