"""What a classifier of several labels said of pictures: a contact sheet by label."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.classify import LabelClassifier, PredictedLabels
from embedlens.classify.label_prediction import probability_column, read_label_predictions
from embedlens.files import write_whole
from embedlens.report.table import Table
from embedlens.report.templating import environment
from embedlens.report.thumbnails import MAX_ROWS, MAX_SHEET, thumbnails

DOUBTFUL = 0.3, 0.7
"""Between these a label is as likely as not, or nearly so."""

_Show = Callable[[pd.DataFrame], list[dict[str, Any]]]


def write_label_predictions(predicted: PredictedLabels, classifier: LabelClassifier) -> Path:
    """Write a page beside the table of predictions, of its name; return its path."""
    frame = read_label_predictions(predicted.table, classifier)
    read = frame[frame["problem"] == ""]
    each = max(4, MAX_SHEET // (2 * len(classifier.labels) + 2))
    flagged = read[read["unknown"]].sort_values("unknown_score", ascending=False)
    show = partial(_items, predicted=predicted, joint=classifier.separator)
    groups = [_group("unknown", len(flagged), flagged.head(each), flagged.head(0), show)]
    for name in classifier.labels:
        share = read[probability_column(name)]
        rows = read.assign(share=share).sort_values("share", ascending=False, kind="stable")
        doubtful = rows[rows["share"].between(*DOUBTFUL)]
        doubtful = doubtful.iloc[(doubtful["share"] - classifier.rule).abs().argsort()].head(each)
        found = rows[rows["share"] >= classifier.rule]
        sure = found.drop(doubtful.index, errors="ignore").head(each)
        groups.append(_group(name, len(found), sure, doubtful, show))
    bare = read[read["found"] == ""]
    groups.append(_group("none of the labels", len(bare), bare.head(each), bare.head(0), show))
    page = (
        environment()
        .get_template("label_predictions.html")
        .render(
            name=predicted.table.name,
            predicted=predicted,
            classifier=classifier,
            groups=groups,
            precisions=_precisions(predicted),
            problems=frame[frame["problem"] != ""].head(MAX_ROWS).to_dict("records"),
            doubtful=DOUBTFUL,
            max_rows=max(MAX_ROWS, len(classifier.labels)),  # no table holds the precisions else
        )
    )
    path = predicted.table.with_suffix(".html")
    write_whole(path, page)
    return path


def _group(
    name: str, count: int, sure: pd.DataFrame, doubtful: pd.DataFrame, show: _Show
) -> dict[str, Any]:
    return {"name": name, "count": count, "sure": show(sure), "doubtful": show(doubtful)}


def _items(rows: pd.DataFrame, predicted: PredictedLabels, joint: str) -> list[dict[str, Any]]:
    made = thumbnails(predicted.source, dict(zip(rows["path"], rows["id"], strict=True)))
    items = []
    for row in rows.to_dict("records"):
        found, given = (
            [each for each in row[name].split(joint) if each] for name in ("found", "labels")
        )
        items.append({
            "path": row["path"],
            "share": row.get("share"),
            "found": found,
            "given": given if row["labelled"] and set(given) != set(found) else None,
            "thumbnail": made.get(row["path"], ""),
        })  # fmt: skip
    return items


def _precisions(predicted: PredictedLabels) -> Table | None:
    if predicted.judged is None or not predicted.judged.scores.labels:
        return None
    labels = predicted.judged.scores.labels
    return Table(
        "Average precision",
        "Of the pictures that the classifier had not seen, with the 95% interval; a guess reaches "
        "the share of pictures that have the label.",
        pd.DataFrame({
            "label": [each.label for each in labels],
            "pictures": [each.pictures for each in labels],
            "average precision": [each.average_precision for each in labels],
            "low": [each.low for each in labels],
            "high": [each.high for each in labels],
            "a guess": [each.share for each in labels],
        }),
        dict.fromkeys(("average precision", "low", "high", "a guess"), ".3f"),
    )  # fmt: skip
