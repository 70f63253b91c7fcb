"""What a classifier of several labels said of pictures: a contact sheet by label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from embedlens.classify import LabelClassifier, PredictedLabels
from embedlens.classify.label_prediction import probability_column, read_label_predictions
from embedlens.files import write_whole
from embedlens.report.table import Table
from embedlens.report.templating import environment
from embedlens.report.thumbnails import MAX_ROWS, MAX_SHEET, thumbnails

_DOUBTFUL = 0.2, 0.8
"""Between these a label is as likely as not, or nearly so."""


def write_label_predictions(predicted: PredictedLabels, classifier: LabelClassifier) -> Path:
    """Write a page beside the table of predictions, of its name; return its path."""
    frame = read_label_predictions(predicted.table, classifier)
    read = frame[frame["problem"] == ""]
    each = max(4, MAX_SHEET // (2 * len(classifier.labels) + 2))
    flagged = read[read["unknown"]].sort_values("unknown_score", ascending=False)
    groups = [_group("unknown", len(flagged), flagged.head(each), flagged.head(0), predicted)]
    for name in classifier.labels:
        share = read[probability_column(name)]
        rows = read.assign(share=share).sort_values("share", ascending=False, kind="stable")
        doubtful = rows[rows["share"].between(*_DOUBTFUL)]
        doubtful = doubtful.iloc[(doubtful["share"] - classifier.rule).abs().argsort()].head(each)
        found = rows[rows["share"] >= classifier.rule]
        sure = found.drop(doubtful.index, errors="ignore").head(each)
        groups.append(_group(name, len(found), sure, doubtful, predicted))
    bare = read[read["found"] == ""]
    groups.append(_group("none of the labels", len(bare), bare.head(each), bare.head(0), predicted))
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
            max_rows=MAX_ROWS,
        )
    )
    path = predicted.table.with_suffix(".html")
    write_whole(path, page)
    return path


def _group(
    name: str, count: int, sure: pd.DataFrame, doubtful: pd.DataFrame, predicted: PredictedLabels
) -> dict[str, Any]:
    return {
        "name": name,
        "count": count,
        "sure": _items(sure, predicted),
        "doubtful": _items(doubtful, predicted),
    }


def _items(rows: pd.DataFrame, predicted: PredictedLabels) -> list[dict[str, Any]]:
    made = thumbnails(predicted.source, dict(zip(rows["path"], rows["id"], strict=True)))
    return [
        {
            "path": row["path"],
            "found": row["found"],
            "share": row.get("share"),
            "labels": row["labels"],
            "thumbnail": made.get(row["path"], ""),
        }
        for row in rows.to_dict("records")
    ]


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
    )  # fmt: skip
